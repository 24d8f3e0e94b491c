/** Whom an explanation is about: what this node knows of an identity, and what it has to assume. */

import type { Whom } from '../core/explanation.ts'
import type { Handshake } from '../core/handshake.ts'
import type { Identity } from '../core/identity.ts'
import type { Lease } from '../core/lease.ts'
import type { Guard } from './guard.ts'
import { type Entry, nameOf } from './registry.ts'

export interface Subject {
  /** Null when this node knows nobody of that name. */
  readonly identity: Identity | null
  readonly lease: Lease
  /** Names under which a revocation reaches it. */
  readonly names: readonly string[]
  readonly handshake: Handshake
  /** Its socket in the namespace that is asked about; null where it would have to connect first. */
  readonly entry: Entry | null
  /** What was assumed, and what is not known. */
  readonly notes: readonly string[]
}

/** What a `connect` rule is told of a request that nobody has made. */
const NO_HANDSHAKE: Handshake = Object.freeze({
  headers: Object.freeze({}),
  time: '',
  address: Object.freeze({ address: '', port: 0 }),
  xdomain: false,
  secure: false,
  issued: 0,
  url: '',
  query: Object.freeze({}),
  peer: '',
})

export function subjectOf(guard: Guard, whom: Whom, namespace: string): Subject {
  if ('socketId' in whom) {
    const entry = connectedAs(guard, whom.socketId)
    return entry === null
      ? unknown(guard, 'No socket with this id is connected to this node.')
      : subjectOfEntry(entry, namespace)
  }
  if ('claims' in whom) return assumed(guard, whom, null)
  const entries = [...guard.registry.under(nameOf({ issuer: whom.issuer, subject: whom.subject }))].filter(isConnected)
  const entry = entries.findLast((one) => one.namespace === namespace) ?? entries.at(-1)
  if (entry === undefined) {
    return unknown(guard, 'This principal is not connected to this node, so its claims are unknown here.')
  }
  const known = subjectOfEntry(entry, namespace)
  if (entries.length === 1) return known
  return {
    ...known,
    notes: [
      ...known.notes,
      `${entries.length} sockets of this principal are connected here; this is about ${entry.socket.id}.`,
    ],
  }
}

/** An identity that has no socket here: its lease and its request are not known. */
export function assumed(guard: Guard, identity: Identity, handshake: Handshake | null): Subject {
  const names = [nameOf({ issuer: identity.issuer, subject: identity.subject })]
  const notes = ['No credential is known: the lease is assumed to begin now and to have no end.']
  const revoked = guard.revocations.find(names, Number.NEGATIVE_INFINITY)
  if (revoked !== null)
    notes.push(`Credentials that were issued before ${revoked.issuedBefore} (epoch seconds) are revoked.`)
  if (handshake === null) notes.push('No request is known: the connect rule is asked with an empty handshake.')
  const lease = Object.freeze({ id: 'explain', issuedAt: guard.clock.now() / 1000, expiresAt: null })
  return { identity, lease, names, handshake: handshake ?? NO_HANDSHAKE, entry: null, notes }
}

function subjectOfEntry(entry: Entry, namespace: string): Subject {
  const { identity, lease, names, connection } = entry
  const here = entry.namespace === namespace
  return {
    identity,
    lease,
    names,
    handshake: connection.admission.handshake,
    entry: here ? entry : null,
    notes: here ? [] : [`It is connected to ${entry.namespace}; to this namespace it would have to connect first.`],
  }
}

function unknown(guard: Guard, note: string): Subject {
  const lease = { id: 'explain', issuedAt: guard.clock.now() / 1000, expiresAt: null }
  return { identity: null, lease, names: [], handshake: NO_HANDSHAKE, entry: null, notes: [note] }
}

/** The connected socket with this id, or null. Looks at every socket. */
export function connectedAs(guard: Guard, socketId: string): Entry | null {
  for (const entry of guard.registry.all()) if (entry.socket.id === socketId && isConnected(entry)) return entry
  return null
}

function isConnected({ state }: Entry): boolean {
  return state === 'connected'
}
