/** A guarded Socket.IO server and connections to it without a network: packets go straight to the server, and its own come back. */

import { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import { Server } from 'socket.io'

export interface Line {
  /** What the server has written, in order. */
  readonly sent: (string | Uint8Array)[]
  readonly isOpen: () => boolean
  /** Hands over a packet as Engine.IO does after taking it off the wire. Throws what the server throws at once. */
  receive(data: string | Uint8Array): void
  close(): void
}

interface Engine {
  _applyMiddlewares(request: object, response: object, done: (error?: unknown) => void): void
  emit(event: 'connection', socket: object): boolean
}

/** Never listens: nothing has to be closed but the guard. */
export function server(): Server {
  return new Server(createServer(), { transports: ['websocket'], connectTimeout: 1_000 })
}

let lastId = 0

/** A connection that has gone through the server's door. */
export async function connect(io: Server): Promise<Line> {
  const request = {
    headers: {},
    rawHeaders: [],
    method: 'GET',
    url: '/socket.io/?EIO=4&transport=websocket',
    _query: { EIO: '4', transport: 'websocket' },
    socket: Object.assign(new EventEmitter(), { remoteAddress: '127.0.0.1', remotePort: 1, destroyed: false }),
    connection: {},
  }
  const engine = io.engine as unknown as Engine
  await new Promise((resolve) => engine._applyMiddlewares(request, { websocket: true }, resolve))
  const sent: (string | Uint8Array)[] = []
  const socket = Object.assign(new EventEmitter(), {
    id: `line-${++lastId}`,
    protocol: 4,
    readyState: 'open',
    remoteAddress: '127.0.0.1',
    request,
    transport: { name: 'websocket', writable: true },
    write: (data: string | Uint8Array) => sent.push(data),
    close() {
      if (socket.readyState !== 'open') return
      socket.readyState = 'closed'
      socket.emit('close', 'forced close')
    },
  })
  engine.emit('connection', socket)
  return {
    sent,
    isOpen: () => socket.readyState === 'open',
    receive(data) {
      if (socket.readyState === 'open') socket.emit('data', data)
    },
    close: () => socket.close(),
  }
}

/** Waits until the server has nothing left to do at once: ticks, promises and immediates. */
export async function settled(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
}

/** Joins a namespace; what the server has answered stands in `sent`. */
export async function enter(line: Line, namespace: string, auth: object): Promise<void> {
  const before = line.sent.length
  line.receive(`0${namespace},${JSON.stringify(auth)}`)
  for (let turn = 0; turn < 200 && line.sent.length === before; turn += 1) await settled(1)
}
