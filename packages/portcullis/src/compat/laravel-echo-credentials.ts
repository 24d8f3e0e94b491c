/** What of a socket reaches the application: the cookies of its handshake, unless a foreign page opened it. */

import { createHash } from 'node:crypto'
import type { Socket } from 'socket.io'
import type { ReadHeaders } from './laravel-echo-headers.ts'
import { field } from './laravel-echo-names.ts'
import { type Member, userOf } from './laravel-echo-presence.ts'
import { legacyAuthentication } from './legacy-identity.ts'
import { holdLease } from './legacy-lease.ts'
import { isOwnPage } from './legacy-origin.ts'

const ISSUER = 'laravel-echo-server'

/** Headers for the endpoint; or why nothing can be asked. */
export type Credentials =
  | { readonly headers: Readonly<Record<string, string>> }
  | { readonly refused: 'malformed' | 'foreign_page' }

/** `presented` is what the client sent as `auth`. */
export function credentialsOf(
  socket: Socket,
  presented: unknown,
  readHeaders: ReadHeaders,
  origins: readonly string[] | undefined,
): Credentials {
  const headers = readHeaders(field(presented, 'headers'))
  if (headers === null) return { refused: 'malformed' }
  const { cookie } = socket.request.headers
  if (cookie === undefined) return { headers }
  if (isOwnPage(socket, origins)) return { headers: { ...headers, cookie } }
  // What a page knows and sends itself is its own; what the browser adds is not.
  return 'authorization' in headers ? { headers } : { refused: 'foreign_page' }
}

/** Sockets whose identity is ours to make more exact. */
const guessed = new WeakSet<Socket>()

/**
 * Where the application has let somebody in without saying who it is: whoever has this token or cookie. Before that a socket has
 * no identity: a cookie that nobody has looked at names nobody.
 */
export function identifyByCredential(socket: Socket, headers: Readonly<Record<string, string>>): void {
  const credential = headers.authorization ?? headers.cookie
  if (socket.data.identity !== undefined || credential === undefined) return
  const digest = createHash('sha256').update(credential).digest('base64url').slice(0, 22)
  const subject = `credential:${digest}`
  holdLease(socket, legacyAuthentication({ issuer: ISSUER, subject, claims: {}, expiresAt: null, credential }))
  guessed.add(socket)
}

/** What the application has called the member of a presence channel. */
export function identifyByMember(socket: Socket, member: Member): void {
  if (socket.data.identity !== undefined && !guessed.has(socket)) return
  guessed.delete(socket)
  const subject = userOf(member)
  const claims = member.user_info
  holdLease(socket, legacyAuthentication({ issuer: ISSUER, subject, claims, expiresAt: null, credential: subject }))
}
