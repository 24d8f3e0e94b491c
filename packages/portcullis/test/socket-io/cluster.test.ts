import { cluster } from './cluster.ts'
import { describeFacts } from './facts.ts'

describeFacts('cluster adapter', cluster())
