import { redis } from './adapters.ts'
import { describeFacts } from './facts.ts'

describeFacts('redis adapter', redis())
