import { inMemory } from './adapters.ts'
import { describeFacts } from './facts.ts'

describeFacts('in-memory adapter', inMemory(), { kinds: ['bare', 'guarded', 'guarded by slow rules'] })
