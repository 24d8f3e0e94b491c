import { describeFramework } from './frameworks.ts'

describeFramework('09', 'Express 5')
