/** `authorize({ handshake: true })`: a middleware, and with plain handshake data the function that Socket.IO 0.9 took. */

import { AuthError, type Strategy } from 'portcullis'
import type { Socket } from 'socket.io'
import { admitLegacy } from './legacy-admission.ts'
import { holdAuthentication } from './legacy-handshake-data.ts'
import type { LegacyIdentity } from './legacy-identity.ts'
import { hasEnded } from './legacy-lease.ts'
import { toUnauthorized, UnauthorizedError } from './socketio-jwt-error.ts'
import { type Accept, type HandshakeData, LIBRARY, type Settings } from './socketio-jwt-options.ts'
import { handshakeToken, unauthorized } from './socketio-jwt-token.ts'
import { type Verified, verifyToken } from './socketio-jwt-verify.ts'

/** Finds the token of one socket; null where there is none. */
export type FindToken = (socket: Socket) => unknown

/** @throws AuthError, see `toUnauthorized` */
export async function admitToken(settings: Settings, socket: Socket, find: FindToken, strategy?: Partial<Strategy>) {
  let verified: Verified | null = null
  const asked: Strategy<LegacyIdentity> = {
    scheme: 'legacy',
    from: strategy?.from ?? [],
    maxLifetimeSeconds: 1,
    async authenticate() {
      const token = find(socket)
      if (token === null || token === undefined) return null
      verified = await verifyToken(settings, socket.request, token)
      return verified.authentication
    },
  }
  await admitLegacy(socket, { library: LIBRARY, strategy: asked, ...settings.ours }, () => tellExpired(socket))
  return verified as Verified | null
}

/** Before the socket is disconnected at the token's end, in the words that old front ends know. */
function tellExpired(socket: Socket): void {
  socket.emit('unauthorized', wireOf(new UnauthorizedError('invalid_token', { message: 'jwt expired' })))
}

/** What a client receives with `unauthorized`. */
export function wireOf({ message, data }: UnauthorizedError) {
  return { message, inner: { message }, data }
}

/** The token of the request. Clients of Engine.IO 3 send the query of a namespace with its CONNECT packet. */
export function requestToken(settings: Settings, { handshake, conn, request }: Socket): unknown {
  const queries = conn.protocol === 3 ? [handshake.auth, handshake.query] : [handshake.query]
  return handshakeToken(settings, request.headers, ...queries)
}

export function carry(settings: Settings, target: object, { token, decoded }: Verified): void {
  for (const [name, value] of [
    [settings.encodedName, token],
    [settings.decodedName, decoded],
  ] as const) {
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
  }
}

export function handshakeMode(settings: Settings) {
  return function socketioJwt(target: Socket | HandshakeData, accept: Accept): void {
    if (isSocket(target)) void admitSocket(settings, target, accept)
    else void admitData(settings, target, accept)
  }
}

export function isSocket(target: unknown): target is Socket {
  return typeof target === 'object' && target !== null && 'nsp' in target && 'handshake' in target
}

async function admitSocket(settings: Settings, socket: Socket, accept: Accept): Promise<void> {
  const { success, fail } = settings
  const answer = once(accept)
  try {
    const verified = await admitToken(settings, socket, (each) => requestToken(settings, each))
    if (verified === null) throw unauthorized('credentials_required', 'no token provided')
    carry(settings, socket, verified)
    if (success === undefined) answer()
    else await success(socket, decided(answer, notAuthorized()))
  } catch (thrown) {
    const error = toUnauthorized(thrown)
    try {
      if (fail === undefined) answer(error)
      else await fail(error, socket, decided(answer, error))
    } catch {
      answer(error)
    }
  }
}

/** `accept(error, ok)` of an application: `false` is no, as it was in Socket.IO 0.9. */
function decided(answer: Accept, refusal: Error): Accept {
  return function accept(error, authorized) {
    if (error) answer(error instanceof Error ? error : new UnauthorizedError('unknown', { message: String(error) }))
    else answer(authorized === false ? refusal : undefined)
  }
}

/** Without a socket there is nothing that would hold a lease: it is left on the data, for whoever makes the socket. */
async function admitData(settings: Settings, data: HandshakeData, accept: Accept): Promise<void> {
  const { success, fail } = settings
  const answer = once(accept)
  try {
    const token = handshakeToken(settings, data.headers ?? {}, data._query, data.query)
    if (token === null) throw unauthorized('credentials_required', 'no token provided')
    const verified = await verifyToken(settings, data, token)
    if (hasEnded(verified.authentication.lease)) throw new AuthError('AUTH_EXPIRED')
    carry(settings, data, verified)
    holdAuthentication(data, verified.authentication)
    if (success === undefined) answer(null, true)
    else await success(data, answer)
  } catch (thrown) {
    const error = toUnauthorized(thrown)
    try {
      if (fail === undefined) answer(null, false)
      else await fail(error, data, answer)
    } catch {
      answer(null, false)
    }
  }
}

function once(accept: Accept): Accept {
  let answered = false
  return function acceptOnce(...args) {
    if (answered) return
    answered = true
    // What the next middleware throws is none of ours to hear.
    process.nextTick(accept, ...args)
  }
}

const notAuthorized = () => new UnauthorizedError('unknown', { message: 'unauthorized' })
