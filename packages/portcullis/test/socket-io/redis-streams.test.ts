import { redisStreams } from './adapters.ts'
import { describeFacts } from './facts.ts'

describeFacts('redis-streams adapter', redisStreams())
