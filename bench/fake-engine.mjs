// @ts-check
/** Connections to a real Socket.IO server without a network: what costs anything is then the server. */

import { EventEmitter } from 'node:events'

/** @typedef {import('socket.io').Server} Server */
/** @typedef {EventEmitter & { id: string, readyState: string, close(): void }} FakeSocket */

let lastId = 0

/**
 * An Engine.IO socket that has gone through the server's middlewares; `sent` gets every frame that is written to it.
 *
 * @param {Server} io @param {(frame: string) => void} [sent] @param {Record<string, string>} [headers]
 * @returns {Promise<FakeSocket>}
 */
export async function connect(io, sent = () => {}, headers = {}) {
  const request = {
    headers: { ...headers },
    rawHeaders: Object.entries(headers).flat(),
    method: 'GET',
    url: '/socket.io/?EIO=4&transport=websocket',
    _query: { EIO: '4', transport: 'websocket' },
    socket: Object.assign(new EventEmitter(), { remoteAddress: '127.0.0.1', remotePort: 1, destroyed: false }),
    connection: {},
  }
  const engine = /** @type {any} */ (io.engine)
  await new Promise((resolve) => engine._applyMiddlewares(request, { websocket: true }, resolve))
  lastId += 1
  const socket = Object.assign(new EventEmitter(), {
    id: `fake-${lastId}`,
    protocol: 4,
    readyState: 'open',
    remoteAddress: '127.0.0.1',
    request,
    transport: { name: 'websocket', writable: true },
    write: sent,
    close() {
      if (socket.readyState !== 'open') return
      socket.readyState = 'closed'
      socket.emit('close', 'forced close')
    },
  })
  engine.emit('connection', socket)
  return socket
}

/**
 * Connects to a namespace; resolves with the engine socket when it is admitted, rejects when it is refused.
 *
 * @param {Server} io @param {string} namespace @param {object} auth
 * @param {(frame: string) => void} [sent] @param {Record<string, string>} [headers]
 * @returns {Promise<FakeSocket>}
 */
export function enter(io, namespace, auth, sent = () => {}, headers = {}) {
  return new Promise((resolve, reject) => {
    let admitted = false
    /** @type {FakeSocket | undefined} */
    let engineSocket
    const hear = (/** @type {string} */ frame) => {
      if (admitted) return sent(frame)
      if (frame.startsWith('4')) return reject(new Error(frame))
      if (!frame.startsWith(`0${namespace},`)) return
      admitted = true
      process.nextTick(() => resolve(/** @type {FakeSocket} */ (engineSocket)))
    }
    connect(io, hear, headers).then((connected) => {
      engineSocket = connected
      connected.emit('data', `0${namespace},${JSON.stringify(auth)}`)
    }, reject)
  })
}
