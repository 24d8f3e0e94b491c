/** `auth:refresh` on a socket that stands: a new credential of the same principal, without losing the connection. */

import { authenticate } from '../core/authenticate.ts'
import { monotonicMs } from '../core/clock.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import type { RefreshReply } from '../protocol.ts'
import { requireAuthSize } from './connect-credential.ts'
import { countFailure } from './connection.ts'
import { withDeadline } from './deadline.ts'
import { authenticateAgain } from './door.ts'
import { asAuthError, type Guard, isReloaded } from './guard.ts'
import type { Entry } from './registry.ts'
import { type Difference, renew } from './renew.ts'

/** So many refreshes at once, and then one for each interval. */
const BURST = 3
const EVERY_MS = 5_000

/**
 * Answers with the new end of the lease and the rooms that changed. One at a time; a refusal leaves the old lease as it is, and
 * counts against the connection and its address as a refused connect does.
 *
 * @throws AuthError
 */
export async function refresh(guard: Guard, entry: Entry, auth: unknown): Promise<RefreshReply> {
  const startedMs = performance.now()
  let mayAsk = false
  try {
    mayAsk = take(guard, entry)
    if (!mayAsk) throw new AuthError('AUTH_RATE_LIMITED', { reason: 'refreshes' })
    const { joined, left } = await presentAndRenew(guard, entry, auth)
    guard.revalidation.add(entry)
    record(guard, entry, startedMs, null)
    entry.connection.failures = 0
    return { expiresAt: entry.lease.expiresAt, joined, left }
  } catch (cause) {
    const error = asAuthError(cause, `refresh in ${entry.namespace}`, guard.onError)
    record(guard, entry, startedMs, error.code, error.reason)
    if (mayAsk && error.retry !== 'backoff') countFailure(entry.connection, error, guard)
    throw error
  } finally {
    if (mayAsk && entry.refreshes !== null) entry.refreshes.underWay = false
  }
}

/** One more refresh, unless one is under way or there were too many. */
function take({ clock }: Guard, entry: Entry): boolean {
  const nowMs = monotonicMs(clock)
  const bucket = entry.refreshes ?? { left: BURST, atMs: nowMs, underWay: false }
  entry.refreshes = bucket
  if (bucket.underWay) return false
  // A clock that is not monotonic may have been set back.
  const earned = Math.max(0, Math.floor((nowMs - bucket.atMs) / EVERY_MS))
  bucket.left = Math.min(BURST, bucket.left + earned)
  bucket.atMs += earned * EVERY_MS
  if (bucket.left === 0) return false
  bucket.left -= 1
  bucket.underWay = true
  return true
}

/** Once more where a reload has replaced the strategy that accepted it meanwhile. */
async function presentAndRenew(guard: Guard, entry: Entry, auth: unknown): Promise<Difference> {
  for (;;) {
    const { authentication, strategy } = await present(guard, entry, auth)
    try {
      return await renew(guard, entry, authentication, strategy)
    } catch (error) {
      if (!isReloaded(error)) throw error
    }
  }
}

/** With nothing given, the credential of the handshake is looked at again: a cookie cannot be sent otherwise. */
async function present(guard: Guard, { connection, namespace }: Entry, auth: unknown) {
  if (typeof auth !== 'object' || auth === null || Array.isArray(auth)) throw new AuthError('AUTH_ARGUMENTS_INVALID')
  requireAuthSize(auth)
  const { handshake } = connection.admission
  await guard.ready()
  await guard.throttle.check(handshake.address.address)
  const authenticated =
    Object.keys(auth).length === 0
      ? await authenticateAgain(guard, connection.admission)
      : await withDeadline(
          authenticate(guard.strategies, handshake, { namespace, auth: auth as Readonly<Record<string, unknown>> }),
          guard.limits.authenticateTimeoutMs,
          guard.clock,
        )
  if (authenticated === null) throw new AuthError('AUTH_CREDENTIAL_MISSING')
  return authenticated
}

function record(guard: Guard, entry: Entry, startedMs: number, code: AuthErrorCode | null, reason?: string): void {
  if (!guard.audit.enabled) return
  const { namespace, socket, identity, connection } = entry
  guard.audit.record({
    stage: 'refresh',
    namespace,
    socketId: socket.id,
    address: connection.admission.handshake.address.address,
    handshake: connection.admission.handshake,
    identity,
    code,
    rule: 'refresh',
    ...(reason === undefined ? {} : { reason }),
    startedMs,
  })
}
