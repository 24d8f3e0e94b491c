import { describeFramework } from './frameworks.ts'

describeFramework('11', 'Hono 4')
