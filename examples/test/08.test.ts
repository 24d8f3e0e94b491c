import { describeFramework } from './frameworks.ts'

describeFramework('08', 'NestJS 11')
