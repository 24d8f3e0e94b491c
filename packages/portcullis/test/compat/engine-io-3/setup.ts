/** A protected server that speaks Engine.IO 3 as well, and the clients of three generations. */

import { AuthError, type AuthOptions, type Identity, permit, permitIf, type Strategy } from 'portcullis'
import { allowQuery, fromAuth, fromCookie, readOne } from 'portcullis/strategies/from'
import type { Socket } from 'socket.io-client'
import { type Claims, type Harness, type KeyRecord, onCleanup, start } from '../../harness.ts'
import { CLIENTS, type Connect, io2 } from '../clients.ts'

export { CLIENTS, type Connect, io2 }

export const TRANSPORTS = ['polling', 'websocket']

type User = Identity<'key', Claims>
export const FROM = { query: allowQuery('token'), cookie: fromCookie('key'), auth: fromAuth('token') }

/** Opaque keys, from the query, from the cookie `key`, or from the query of a namespace, which Socket.IO gives as `auth`. */
export function keysFrom(records: Map<string, KeyRecord>, from = Object.values(FROM)): Strategy<User> {
  return {
    scheme: 'key',
    from,
    maxLifetimeSeconds: 3600,
    async authenticate(handshake, connect) {
      const key = readOne(from, handshake, connect)
      if (key === null) return null
      const record = records.get(key)
      if (record === undefined) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'unknown_key' })
      const { subject, claims = { org: 'acme', scope: '' }, issuedAt = 0, expiresAt = null } = record
      return {
        identity: { scheme: 'key', issuer: 'https://issuer.example', subject, claims },
        lease: { id: subject, issuedAt, expiresAt },
      }
    },
  }
}

export interface Running extends Omit<Harness, 'client' | 'records'> {
  readonly records: Map<string, KeyRecord>
  connect(io: Connect, path: string, options?: object): Socket
}

/** `/` and `/chat` are protected alike; nothing else is. */
export async function run(
  options: Partial<AuthOptions<Strategy<User>>> = {},
  { from = Object.values(FROM), main = true } = {},
): Promise<Running> {
  const records = new Map<string, KeyRecord>([
    ['alice-key', { subject: 'alice' }],
    ['bob-key', { subject: 'bob', claims: { org: 'globex', scope: '' } }],
  ])
  const harness = await start({ strategies: [keysFrom(records, from)], ...options }, { allowEIO3: true })
  const { io, auth, url } = harness
  for (const name of main ? ['/', '/chat'] : ['/chat']) {
    const namespace = auth.protect(io.of(name), {
      events: { say: ({ identity }) => permitIf(identity.subject === 'alice'), hear: () => permit() },
      rooms: { 'org:{org}': ({ identity, params }) => permitIf(identity.claims.org === params.org) },
    })
    namespace.on('connection', (socket) => {
      socket.on('say', (...args: unknown[]) => (args.at(-1) as (answer: unknown) => void)(['said', args[0]]))
    })
  }
  return {
    ...harness,
    records,
    connect(connectClient, path, clientOptions = {}) {
      const socket = connectClient(url + path, { forceNew: true, reconnection: false, ...clientOptions })
      onCleanup(() => {
        socket.disconnect()
      })
      return socket
    },
  }
}

export interface Refused {
  readonly code?: string
  readonly message: string
  readonly retry?: string
  /** What HTTP said, as far as the client tells. */
  readonly description?: unknown
}

/** Null for admitted; else what the client hears: `error` with the refusal in Socket.IO 2, `connect_error` otherwise. */
export function outcome(socket: Socket): Promise<Refused | null> {
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(null))
    ;(socket as unknown as NodeJS.EventEmitter).once('error', (refusal: Refused) => resolve(refusal))
    socket.once('connect_error', (error) => {
      const { data, description } = error as Error & { data?: Refused; description?: unknown }
      resolve(data ?? { message: error.message, description: (description as Error)?.message ?? description })
    })
  })
}

/** As `socket.emitWithAck` of today. */
export function ask(socket: Socket, event: string, ...args: unknown[]): Promise<unknown> {
  return new Promise((resolve) => socket.emit(event, ...args, resolve))
}

/** A further namespace on the connection of `socket`. */
export function also(socket: Socket, path: string, options: object = {}): Socket {
  return (socket.io as unknown as { socket(name: string, options: object): Socket }).socket(path, options)
}
