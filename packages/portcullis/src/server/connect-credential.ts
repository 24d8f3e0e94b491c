/** Which credential counts for a namespace: its own, or the one that opened the connection. */

import type { Socket } from 'socket.io'
import { type Authenticated, authenticate } from '../core/authenticate.ts'
import { AuthError } from '../errors.ts'
import type { Connection } from './connection.ts'
import { withDeadline } from './deadline.ts'
import { authenticateAgain } from './door.ts'
import type { Guard } from './guard.ts'
import { isLargerThan } from './wire-size.ts'

/** Twice what a credential may have, and what applications put beside one. */
const MAX_AUTH_BYTES = 16_384

/** Before anybody looks into it. @throws AuthError AUTH_CREDENTIAL_INVALID when what a client presents is larger than 16 KiB */
export function requireAuthSize(auth: unknown): void {
  if (isLargerThan(auth, MAX_AUTH_BYTES)) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'too_large' })
}

/** A credential given for this namespace counts before the one that opened the connection, which may be another's. */
export async function authenticateConnect(
  guard: Guard,
  socket: Socket,
  connection: Connection,
): Promise<Authenticated> {
  const { handshake, authenticated } = connection.admission
  const auth = connectPayload(socket)
  if (auth !== null) {
    const connect = { namespace: socket.nsp.name, auth }
    const given = await withDeadline(
      authenticate(guard.strategies, handshake, connect),
      guard.limits.authenticateTimeoutMs,
      guard.clock,
    )
    if (given !== null) return given
  }
  if (authenticated === null) throw new AuthError('AUTH_CREDENTIAL_MISSING')
  // Long after the handshake, what it found may no longer be so: a session may have been destroyed.
  const ageMs = guard.clock.now() - handshake.issued
  const inForce = guard.strategies.includes(authenticated.strategy)
  if (inForce && ageMs <= guard.limits.connectTimeoutMs) return authenticated
  const again = await authenticateAgain(guard, connection.admission)
  if (again === null) throw new AuthError('AUTH_CREDENTIAL_MISSING')
  return again
}

function connectPayload(socket: Socket): Readonly<Record<string, unknown>> | null {
  const { auth } = socket.handshake
  requireAuthSize(auth)
  return typeof auth === 'object' && auth !== null && Object.keys(auth).length > 0 ? auth : null
}
