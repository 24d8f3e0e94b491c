/** From an authentication to a tracked socket: what every way of connecting has in common. */

import type { Socket } from 'socket.io'
import type { Authenticated } from '../core/authenticate.ts'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import { AuthError } from '../errors.ts'
import { askPolicy, type Permission } from './apply-policy.ts'
import type { Connection } from './connection.ts'
import { endOf, endOfEntry, type Guard, requireInForce } from './guard.ts'
import { type Entry, NO_GRANTS, namesOf } from './registry.ts'

/** A socket whose credential was accepted. `install` puts the event gate on it, before anything can pass. */
export interface Candidate {
  readonly socket: Socket
  readonly connection: Connection
  readonly authenticated: Authenticated
  readonly install: (entry: Entry) => void
  /** Gives the socket back what it was, where it may be; before the last look. Never rejects. */
  readonly recover?: (entry: Entry) => Promise<void>
}

/**
 * Tracked first, looked up afterwards: a revocation at any moment finds the socket, or is found.
 *
 * @throws AuthError when its authority has ended, or the policy denies; then nothing is tracked
 */
export async function authorize(guard: Guard, candidate: Candidate): Promise<Entry> {
  const { socket, connection, install } = candidate
  const { authentication } = candidate.authenticated
  const policy = requirePolicy(guard, socket)
  supersede(guard, connection, socket.nsp.name)
  const entry: Entry = {
    socket,
    connection,
    namespace: socket.nsp.name,
    policy,
    identity: authentication.identity,
    names: namesOf(authentication),
    lease: authentication.lease,
    since: guard.clock.now() / 1000,
    permittedUntil: null,
    strategy: candidate.authenticated.strategy,
    handle: authentication.handle,
    state: 'connecting',
    ended: null,
    memberships: [],
    grants: NO_GRANTS,
    expiring: null,
    withheld: null,
    lapsed: false,
    renewal: null,
    refreshes: null,
    events: null,
    backlog: null,
  }
  guard.registry.track(entry)
  let asked: Promise<Permission> | null = null
  try {
    const covered = endOf(guard, entry.lease, entry.names)
    if (covered !== null) throw new AuthError(covered)
    asked = askPolicy(guard, entry)
    take(entry, await asked)
    await candidate.recover?.(entry)
    // A reload may have come meanwhile, and another.
    while (!isInForce(guard, entry)) {
      connection.admission.origin.proof()
      requireInForce(guard, entry.strategy)
      entry.policy = requirePolicy(guard, socket)
      asked = askPolicy(guard, { ...entry, lease: authentication.lease })
      take(entry, await asked)
    }
    const ended = endOfEntry(guard, entry)
    if (ended !== null) throw new AuthError(ended)
    // Nothing is kept for a client that has gone while its credential was checked.
    if (connection.closed) throw new AuthError('AUTH_UNAVAILABLE', { reason: 'client_gone' })
    install(entry)
  } catch (error) {
    abandon(guard, entry)
    throw error
  } finally {
    if (asked !== null) guard.shadows.of(socket.nsp)?.connect(entry, authentication.lease, asked)
  }
  socket.data = { ...socket.data, identity: entry.identity, lease: entry.lease }
  guard.redaction.socket(socket)
  return entry
}

/** True when what it was admitted under is what is in force now. */
export function isInForce(guard: Guard, { policy, strategy, socket, connection }: Entry): boolean {
  if (guard.policyOf(socket.nsp) !== policy || !guard.strategies.includes(strategy)) return false
  try {
    connection.admission.origin.proof()
    return true
  } catch {
    return false
  }
}

/** @throws AuthError AUTH_FORBIDDEN where the namespace is closed */
function requirePolicy(guard: Guard, { nsp }: Socket): CompiledPolicy {
  const policy = guard.policyOf(nsp)
  if (policy === undefined) throw new AuthError('AUTH_FORBIDDEN', { reason: 'no_policy' })
  return policy
}

function take(entry: Entry, permission: Permission): void {
  entry.lease = permission.lease
  entry.permittedUntil = permission.permittedUntil
  entry.memberships = permission.memberships
}

/** Lets go of a socket that will not connect after all. */
export function abandon(guard: Guard, entry: Entry): void {
  entry.state = 'closed'
  guard.registry.forget(entry)
}

/** An earlier connect that a later middleware of the application refused, or still holds, gives way to the newer one. */
function supersede(guard: Guard, connection: Connection, namespace: string): void {
  for (const entry of guard.registry.ofConnection(connection)) {
    if (entry.namespace !== namespace || entry.state !== 'connecting') continue
    entry.ended = 'AUTH_RATE_LIMITED'
    abandon(guard, entry)
  }
}
