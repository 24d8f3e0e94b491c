/** An Engine.IO server without a network: real Socket.IO on top, packets handed over as objects. */

import { EventEmitter } from 'node:events'

/** A packet of the Socket.IO protocol, revision 5. */
export interface Packet {
  readonly type: number
  readonly nsp: string
  readonly data?: unknown
  readonly id?: number
}

/** The parser that Socket.IO is given: what one side encodes is what the other decodes. */
export const objectParser: { readonly Encoder: new () => object; readonly Decoder: new () => EventEmitter } = {
  Encoder: class {
    encode(packet: Packet): Packet[] {
      return [packet]
    }
  },
  Decoder: class extends EventEmitter {
    add(packet: Packet): void {
      this.emit('decoded', packet)
    }
    destroy(): void {}
  },
}

/** What the server does to a connection, as it happens. */
export interface Wire {
  wrote(packet: Packet): void
  /** The server closed it; not called when the client did. */
  closed(): void
}

/** One connection, as the server sees it. */
export interface EngineConnection extends EventEmitter {
  readonly id: string
  readyState: 'open' | 'closed'
  /** What arrives from the client. */
  receive(packet: Packet): void
  /** The client has gone. */
  hangUp(): void
}

export interface FakeEngine extends EventEmitter {
  /** A WebSocket handshake. `accepted` or `refused`, with the HTTP answer, is called later. */
  handshake(
    id: string,
    headers: Readonly<Record<string, string>>,
    wire: Wire,
    accepted: (connection: EngineConnection) => void,
    refused: (answer: string) => void,
  ): void
}

type Middleware = (request: object, response: object, next: () => void) => void

export function createEngine(): FakeEngine {
  const middlewares: Middleware[] = []
  const engine = new EventEmitter()
  return Object.assign(engine, {
    use: (middleware: Middleware) => middlewares.push(middleware),
    close() {},
    handshake(
      id: string,
      headers: Readonly<Record<string, string>>,
      wire: Wire,
      accepted: (connection: EngineConnection) => void,
      refused: (answer: string) => void,
    ) {
      const socket = Object.assign(new EventEmitter(), {
        remoteAddress: '127.0.0.1',
        remotePort: 1,
        writable: true,
        destroyed: false,
        end: (answer: string) => refused(answer),
        destroy: () => refused(''),
      })
      const query = { EIO: '4', transport: 'websocket' }
      const request = { method: 'GET', url: '/', headers, rawHeaders: [], socket, connection: socket, _query: query }
      const run = (i: number): void => {
        const middleware = middlewares[i]
        if (middleware !== undefined) {
          middleware(request, {}, () => run(i + 1))
          return
        }
        const connection = createConnection(id, request, wire)
        accepted(connection)
        engine.emit('connection', connection)
      }
      run(0)
    },
  }) as unknown as FakeEngine
}

function createConnection(id: string, request: object, wire: Wire): EngineConnection {
  const emitter = new EventEmitter()
  const connection = Object.assign(emitter, {
    id,
    request,
    protocol: 4,
    remoteAddress: '127.0.0.1',
    readyState: 'open' as 'open' | 'closed',
    transport: { name: 'websocket', writable: true },
    write: (packet: Packet) => void (connection.readyState === 'open' && wire.wrote(packet)),
    close() {
      if (connection.readyState === 'closed') return
      connection.readyState = 'closed'
      emitter.emit('close', 'forced close')
      wire.closed()
    },
    receive: (packet: Packet) => void (connection.readyState === 'open' && emitter.emit('data', packet)),
    hangUp() {
      if (connection.readyState === 'closed') return
      connection.readyState = 'closed'
      emitter.emit('close', 'transport close')
    },
  })
  return connection as unknown as EngineConnection
}
