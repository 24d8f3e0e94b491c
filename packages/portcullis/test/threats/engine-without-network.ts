/** An Engine.IO server without a network: real Socket.IO on top, packets handed over as objects, in the turn in which they are sent. */

import { EventEmitter } from 'node:events'
import { Server } from 'socket.io'

/** A packet of the Socket.IO protocol, revision 5. */
export interface Packet {
  readonly type: number
  readonly nsp: string
  readonly data?: unknown
}

/** A client, as the server sees it. */
export interface Wire {
  /** Its HTTP request was let in. */
  opened(send: (packet: Packet) => void): void
  /** The HTTP answer that refused it. */
  refused(answer: string): void
  wrote(packet: Packet): void
  closed(): void
}

type Middleware = (request: object, response: object, next: () => void) => void

/** What one side encodes is what the other decodes. */
const parser = {
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

/** A server, and a way to make a WebSocket handshake with it. */
export function serverWithoutNetwork() {
  const middlewares: Middleware[] = []
  const engine = Object.assign(new EventEmitter(), {
    use: (middleware: Middleware) => middlewares.push(middleware),
    close() {},
  })
  const io = new Server({ parser, serveClient: false, connectTimeout: 2 ** 31 - 1 } as never)
  ;(io as unknown as { bind(engine: unknown): void }).bind(engine)

  function handshake(id: string, headers: Readonly<Record<string, string>>, wire: Wire): void {
    const socket = Object.assign(new EventEmitter(), {
      remoteAddress: '127.0.0.1',
      remotePort: 1,
      writable: true,
      destroyed: false,
      end: (answer: string) => wire.refused(answer),
      destroy: () => {},
    })
    const _query = { EIO: '4', transport: 'websocket' }
    const request = { method: 'GET', url: '/', headers, rawHeaders: [], socket, connection: socket, _query }
    const run = (i: number): void => {
      const middleware = middlewares[i]
      if (middleware === undefined) engine.emit('connection', connectionOf(id, request, wire))
      else middleware(request, {}, () => run(i + 1))
    }
    run(0)
  }

  return { io, handshake }
}

function connectionOf(id: string, request: object, wire: Wire): EventEmitter {
  const emitter = new EventEmitter()
  const connection = Object.assign(emitter, {
    id,
    request,
    protocol: 4,
    remoteAddress: '127.0.0.1',
    readyState: 'open',
    transport: { name: 'websocket', writable: true },
    write: (packet: Packet) => void (connection.readyState === 'open' && wire.wrote(packet)),
    close() {
      if (connection.readyState === 'closed') return
      connection.readyState = 'closed'
      emitter.emit('close', 'forced close')
      wire.closed()
    },
  })
  // Socket.IO listens once `connection` was emitted.
  process.nextTick(() =>
    wire.opened((packet) => void (connection.readyState === 'open' && emitter.emit('data', packet))),
  )
  return connection
}
