import { postgres } from './adapters.ts'
import { describeFacts } from './facts.ts'

describeFacts('postgres adapter', postgres())
