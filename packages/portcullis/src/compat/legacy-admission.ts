/** What every facade does with a socket: ask its strategy, keep the answer under a lease, and say so in the audit log. */

import { type AuditSink, AuthError, type Authentication, type Strategy } from 'portcullis'
import type { Socket } from 'socket.io'
import { recordLegacy } from './legacy-audit.ts'
import { legacyConnect, legacyHandshake } from './legacy-handshake.ts'
import type { LegacyIdentity } from './legacy-identity.ts'
import { hasEnded, holdLease } from './legacy-lease.ts'
import { isOwnPage } from './legacy-origin.ts'
import { recoveryRefusal } from './legacy-recovery.ts'

/** Options of Portcullis that every facade takes beside the old ones. */
export interface LegacyOptions {
  /** Receives every decision, with identities of scheme `legacy`. What it throws is ignored. */
  readonly audit?: AuditSink
  /**
   * Pages beside the server's own that may connect with a cookie, as browsers send `Origin`: `https://app.example`. Default: what the
   * server's `cors.origin` lists.
   */
  readonly origins?: readonly string[]
}

export interface LegacyAdmission extends LegacyOptions {
  /** The name of the subpath, such as `socketio-jwt`. */
  readonly library: string
  readonly strategy: Strategy<LegacyIdentity>
}

/**
 * Null where the socket brought no credential of this kind. A lease is held, and `socket.data.identity` is set, before it resolves.
 *
 * @throws AuthError, with the error of the old library as its `cause` where the strategy gave one
 */
export async function admitLegacy(
  socket: Socket,
  { library, strategy, audit, origins }: LegacyAdmission,
  tell?: () => void,
): Promise<Authentication<LegacyIdentity> | null> {
  const startedMs = performance.now()
  const rule = `compat/${library}`
  try {
    const authentication = await authenticate(socket, library, strategy, origins)
    const identity = authentication?.identity ?? null
    const code = identity === null ? 'AUTH_CREDENTIAL_MISSING' : null
    recordLegacy(audit, socket, { stage: 'connect', rule, identity, code, startedMs })
    if (authentication !== null) {
      holdLease(socket, authentication, () => {
        recordLegacy(audit, socket, {
          stage: 'expire',
          rule,
          identity,
          code: 'AUTH_EXPIRED',
          startedMs: performance.now(),
        })
        tell?.()
      })
    }
    return authentication
  } catch (cause) {
    const error = AuthError.is(cause) ? cause : new AuthError('AUTH_ERROR', { cause })
    recordLegacy(audit, socket, {
      stage: 'connect',
      rule,
      identity: null,
      code: error.code,
      reason: error.reason,
      startedMs,
    })
    throw error
  }
}

async function authenticate(
  socket: Socket,
  library: string,
  strategy: Strategy<LegacyIdentity>,
  origins: readonly string[] | undefined,
): Promise<Authentication<LegacyIdentity> | null> {
  const refusal = recoveryRefusal(library, socket)
  if (refusal !== null) throw new AuthError('AUTH_ERROR', { reason: 'connection_state_recovery', cause: refusal })
  const handshake = legacyHandshake(socket)
  const connect = legacyConnect(socket)
  // In the order in which the strategy asks them: only the one that counts has to be the page's own.
  const source = strategy.from.find((each) => each.read(handshake, connect) !== null)
  if (source?.ambient && !isOwnPage(socket, origins)) {
    throw new AuthError('AUTH_ORIGIN_REFUSED', {
      reason: 'foreign_page',
      cause: new Error('Connections from this origin are not permitted'),
    })
  }
  const authentication = await strategy.authenticate(handshake, connect)
  if (authentication !== null && hasEnded(authentication.lease)) throw new AuthError('AUTH_EXPIRED')
  return authentication
}
