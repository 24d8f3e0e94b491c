/** One connected socket judged again under the policy that a reload has given it. */

import { shorten } from '../core/lease.ts'
import type { AuthErrorCode } from '../errors.ts'
import { askConnect, askMemberships, isUndecided } from './apply-policy.ts'
import { endEntry } from './end-entry.ts'
import { armLease } from './entry-lease.ts'
import { asAuthError, type Guard } from './guard.ts'
import { hide, mute } from './hidden.ts'
import { codeOfVerdict, judgeRoom } from './judge-room.ts'
import type { Entry } from './registry.ts'
import { inTurn, rooms } from './renew.ts'
import type { OnError } from './report.ts'
import { tellDifference } from './tell-difference.ts'

/** What came of one socket; the rooms are counted. */
export interface Judged {
  readonly closed: boolean
  readonly left: number
  readonly gained: number
  /** A rule could not decide: what it decides about is as it was. */
  readonly undecided: boolean
}

const GONE: Judged = { closed: false, left: 0, gained: 0, undecided: false }
const CLOSED: Judged = { ...GONE, closed: true }

/**
 * Asks `connect`, `memberships` and the rule of every room held. Whatever is decided is put into force, also where something else
 * is not. Waits for a renewal under way, and lets the next one wait. `onError` hears of what the application's rules threw.
 */
export function judgeAgain(guard: Guard, entry: Entry, onError: OnError): Promise<Judged> {
  return inTurn(entry, async () => {
    for (;;) {
      if (!stands(entry)) return GONE
      const { policy } = entry
      const startedMs = performance.now()
      const asked = [...entry.grants]
      const [connect, memberships, verdicts] = await Promise.all([
        settle(`connect of ${entry.namespace}`, onError, () => askConnect(guard, entry)),
        settle(`memberships of ${entry.namespace}`, onError, () => askMemberships(guard, entry)),
        Promise.all(asked.map(([room, { presented }]) => judgeRoom(guard, entry, room, presented))),
      ])
      if (!stands(entry)) return GONE
      // Another reload, or a renewal that this one came too late to wait for.
      if (entry.policy !== policy) continue
      if (connect.code !== null && !isUndecided(connect.code)) {
        closeByReload(guard, entry, connect.code, 'connect')
        return CLOSED
      }
      if (connect.code === null) permitUntil(guard, entry, connect.value)
      const now = guard.clock.now() / 1000
      const codes = new Map(verdicts.map((verdict) => [verdict.room, codeOfVerdict(verdict, now)]))
      const decided = verdicts.filter(({ room }) => !isOpen(codes.get(room)))
      const known = memberships.code === null ? memberships.value : entry.memberships
      const difference = rooms(guard, entry, known, decided, 'reload')
      // Of a grant, the client has heard already.
      const left = difference.left.filter((room) => !codes.get(room))
      tellDifference(guard, entry, { ...difference, left }, startedMs, 'reload')
      return {
        closed: false,
        left: difference.left.length,
        gained: difference.joined.length,
        undecided: connect.code !== null || memberships.code !== null || decided.length < verdicts.length,
      }
    }
  })
}

/** From now on nothing reaches it but why it is closed, which may have to wait until others have been. */
export function condemn(entry: Entry, code: AuthErrorCode): void {
  entry.ended = code
  hide(entry.socket)
  mute(entry.socket)
}

/** Closes a socket because of what a reload brought, and says so in the audit log. */
export function closeByReload(guard: Guard, entry: Entry, code: AuthErrorCode, rule: string): void {
  const { namespace, socket, identity } = entry
  // Marked first: the end of its authority is not written down twice.
  entry.ended = code
  if (guard.audit.enabled) {
    const startedMs = performance.now()
    guard.audit.record({ stage: 'reload', namespace, socketId: socket.id, identity, code, rule, startedMs })
  }
  endEntry(guard, entry, code)
}

export function stands({ ended, state }: Entry): boolean {
  return ended === null && state === 'connected'
}

function isOpen(code: AuthErrorCode | null | undefined): boolean {
  return code !== undefined && code !== null && isUndecided(code)
}

type Settled<Value> = { readonly code: null; readonly value: Value } | { readonly code: AuthErrorCode }

async function settle<Value>(where: string, onError: OnError, ask: () => Promise<Value>): Promise<Settled<Value>> {
  try {
    return { code: null, value: await ask() }
  } catch (error) {
    return { code: asAuthError(error, where, onError).code }
  }
}

/** An end that an earlier policy set stays: how long the credential itself would have lasted is not kept. */
function permitUntil(guard: Guard, entry: Entry, permittedUntil: number | null): void {
  entry.permittedUntil = permittedUntil
  const lease = shorten(entry.lease, permittedUntil)
  // In its grace, a lease has ended already.
  if (lease === entry.lease || entry.withheld?.has('expired')) return
  entry.lease = lease
  armLease(guard, entry)
  Object.assign(entry.socket.data, { lease })
}
