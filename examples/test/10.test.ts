import { describeFramework } from './frameworks.ts'

describeFramework('10', 'Fastify 5')
