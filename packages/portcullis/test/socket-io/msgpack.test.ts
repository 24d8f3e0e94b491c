import * as parser from 'socket.io-msgpack-parser'
import { inMemory } from './adapters.ts'
import { describeFacts } from './facts.ts'

describeFacts('msgpack parser', inMemory({ parser }), { clientOptions: { parser } })
