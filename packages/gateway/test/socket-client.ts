/** Real Socket.IO clients of a running gateway. */

import type { Refusal } from 'portcullis'
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { afterTest } from './cleanups.ts'
import { overhear } from './planted.ts'
import type { Running } from './running.ts'

export type Transport = 'polling' | 'websocket'
export const TRANSPORTS: readonly Transport[] = ['polling', 'websocket']

export interface Credentials {
  readonly cookie?: string
  readonly token?: string
  /** What a browser would send; the gateway's own by default. */
  readonly origin?: string
}

/** A client that does not connect yet. */
export function client(
  running: Pick<Running, 'url'>,
  namespace: string,
  transport: Transport,
  { cookie, token, origin }: Credentials = {},
): Socket {
  const extraHeaders = cookie === undefined ? {} : { cookie, origin: origin ?? running.url }
  const options: Partial<ManagerOptions & SocketOptions> = {
    transports: [transport],
    reconnection: false,
    forceNew: true,
    autoConnect: false,
    extraHeaders,
    ...(token === undefined ? {} : { auth: { token } }),
  }
  const socket = io(running.url + namespace, options)
  overhear(socket)
  afterTest(() => socket.disconnect())
  return socket
}

export async function connected(socket: Socket): Promise<Socket> {
  const outcome = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  socket.connect()
  await outcome
  return socket
}

/** The refusal of a namespace, or the body of the HTTP answer that refused the handshake. */
export async function refused(socket: Socket): Promise<Refusal> {
  const outcome = new Promise<Refusal>((resolve, reject) => {
    socket.once('connect', () => reject(new Error('it was admitted')))
    socket.once('connect_error', (error: Error & { data?: Refusal; context?: { responseText?: string } }) => {
      // The client clears the answer's text as soon as this listener returns.
      const text = error.context?.responseText
      resolve(error.data ?? (JSON.parse(text === undefined || text === '' ? 'null' : text) as Refusal))
    })
  })
  socket.connect()
  return outcome
}

/** The body of `auth:closed`, once the server has disconnected. */
export async function closed(socket: Socket): Promise<Refusal> {
  const notice = new Promise<Refusal>((resolve) => socket.once('auth:closed', resolve))
  const disconnected = new Promise<void>((resolve) => socket.once('disconnect', () => resolve()))
  const [body] = await Promise.all([notice, disconnected])
  return body
}

export function once<T>(socket: Socket, event: string): Promise<T> {
  return new Promise((resolve) => socket.once(event, resolve))
}
