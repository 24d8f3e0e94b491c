/** A second policy of a namespace, asked after the answer was given, with copies, and heard by nobody but its reporter. */

import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { Identity } from '../core/identity.ts'
import type { Lease } from '../core/lease.ts'
import type { ShadowDifference, ShadowVerdict } from '../core/shadow.ts'
import { AuthError } from '../errors.ts'
import { askPolicy } from './apply-policy.ts'
import { decideEvent } from './event-rule.ts'
import { decideOptions, type Guard } from './guard.ts'
import { codeOfVerdict, judgeRoom } from './judge-room.ts'
import { EVENT, eventName, type Packet } from './packet.ts'
import type { Entry } from './registry.ts'
import { copyOfIdentity, copyOfLease, copyOfWire } from './shadow-copy.ts'
import type { Enforced, EnforcedRoom, Shadow } from './shadow-port.ts'
import type { ShadowQueue } from './shadow-queue.ts'
import { isLargerThan } from './wire-size.ts'

export interface ShadowSettings {
  readonly guard: () => Guard
  readonly queue: ShadowQueue
  readonly namespace: string
  readonly policy: CompiledPolicy
  readonly onDifference: (difference: ShadowDifference) => unknown
}

type Where = Pick<ShadowDifference, 'stage' | 'namespace' | 'room' | 'event'>

const MAX_ROOMS_TOLD = 100
/** Of one event: copying must cost nobody a pause, and all that wait little memory. */
const MAX_COPIED_BYTES = 65_536

export function createShadow({ guard: guardOf, queue, namespace, policy, onDifference }: ShadowSettings): Shadow {
  const counts = { namespace, compared: 0, differing: 0, skipped: 0 }

  /** As the gates are asked, but that errors say whose they are. */
  function ownGuard(): Guard {
    const guard = guardOf()
    return { ...guard, onError: (error, where) => guard.onError(error, `shadow: ${where}`) }
  }

  /** What `take` copies is asked later. It may throw, for what cannot be copied. */
  function reserve<T>(take: () => T): T | undefined {
    if (queue.reserve()) {
      try {
        return take()
      } catch {
        queue.release()
      }
    }
    counts.skipped += 1
    return undefined
  }

  function put(compare: () => Promise<void>): void {
    queue.put(() =>
      compare().then(
        () => {
          counts.compared += 1
        },
        (error) => {
          counts.skipped += 1
          guardOf().onError(error, `shadow: ${namespace}`)
        },
      ),
    )
  }

  function tell(where: Where, identity: Identity, enforced: ShadowVerdict, shadow: ShadowVerdict): void {
    const { scheme, issuer, subject } = identity
    const at = guardOf().clock.now() / 1000
    const difference = { at, ...where, identity: { scheme, issuer, subject }, enforced, shadow }
    const report = (error: unknown) => guardOf().onError(error, 'shadow: onDifference')
    Promise.resolve(difference).then(onDifference).catch(report)
  }

  function compare(where: Where, identity: Identity, enforced: Enforced, shadow: Enforced): void {
    if (enforced.code === shadow.code) return
    counts.differing += 1
    tell(where, identity, verdictOf(enforced), verdictOf(shadow))
  }

  function compareRooms(
    entryNamespace: string,
    identity: Identity,
    enforced: readonly string[],
    shadow: readonly string[],
  ) {
    const rule = 'memberships'
    const permit: ShadowVerdict = { effect: 'permit', code: null, rule }
    const deny: ShadowVerdict = { effect: 'deny', code: 'AUTH_FORBIDDEN', rule }
    const [ours, theirs] = [new Set(enforced), new Set(shadow)]
    const differing = [...new Set([...ours, ...theirs])].filter((room) => !(ours.has(room) && theirs.has(room)))
    counts.differing += differing.length
    for (const room of differing.slice(0, MAX_ROOMS_TOLD)) {
      const where: Where = { stage: 'join', namespace: entryNamespace, room }
      tell(where, identity, ours.has(room) ? permit : deny, theirs.has(room) ? permit : deny)
    }
  }

  async function decideOwn(guard: Guard, asker: EventAsker, event: unknown, packet: Packet): Promise<Enforced> {
    const rule = typeof event === 'string' ? policy.events.get(event) : undefined
    if (rule === undefined) return { code: 'AUTH_FORBIDDEN', rule: 'events' }
    const decision = await decideEvent(asker, rule, packet, decideOptions(guard))
    return { code: decision.effect === 'deny' ? decision.code : null, rule: rule.name }
  }

  return {
    event(entry, data) {
      const taken = reserve(() => {
        if (isLargerThan(data, MAX_COPIED_BYTES)) throw new RangeError('too large to be copied')
        return { asker: askerOf(entry, entry.lease), packet: { type: EVENT, data: copyOfWire(data) } }
      })
      if (taken === undefined) return undefined
      const { asker, packet } = taken
      const where: Where = { stage: 'event', namespace: entry.namespace, event: eventName(packet) }
      return (enforced) =>
        put(async () => compare(where, asker.identity, enforced, await decideOwn(ownGuard(), asker, data[0], packet)))
    },
    join(entry, verdict, presented) {
      const { room } = verdict
      const taken = reserve(() => ({ asker: askerOf(entry, entry.lease), shown: copyOfWire(presented) }))
      if (taken === undefined) return
      const { asker, shown } = taken
      const { id, nsp } = entry.socket
      put(async () => {
        const guard = ownGuard()
        const own = await judgeRoom(guard, { ...asker, policy, socket: { id, nsp } }, room, shown)
        const now = guard.clock.now() / 1000
        const where: Where = { stage: 'join', namespace: entry.namespace, room }
        compare(where, asker.identity, enforcedBy(verdict, now), enforcedBy(own, now))
      })
    },
    connect(entry, lease, asked) {
      const asker = reserve(() => askerOf(entry, lease))
      if (asker === undefined) return
      const { handshake } = entry.connection.admission
      put(async () => {
        const own = askPolicy(ownGuard(), { ...asker, policy, connection: { admission: { handshake } } })
        const [enforced, shadow] = [await outcomeOf(asked), await outcomeOf(own, reportTo(guardOf(), entry.namespace))]
        compare({ stage: 'connect', namespace: entry.namespace }, asker.identity, enforced, shadow)
        if (enforced.rooms !== null && shadow.rooms !== null) {
          compareRooms(entry.namespace, asker.identity, enforced.rooms, shadow.rooms)
        }
      })
    },
    get counts() {
      return { ...counts }
    },
  }
}

type EventAsker = Pick<Entry, 'identity' | 'lease' | 'namespace'>

function askerOf({ identity, namespace }: Entry, lease: Lease): EventAsker {
  return { identity: copyOfIdentity(identity), lease: copyOfLease(lease), namespace }
}

function verdictOf({ code, rule }: Enforced): ShadowVerdict {
  return { effect: code === null ? 'permit' : 'deny', code, rule }
}

function enforcedBy(verdict: EnforcedRoom, nowSeconds: number): Enforced {
  return { code: codeOfVerdict(verdict, nowSeconds), rule: verdict.rule }
}

function reportTo(guard: Guard, namespace: string): (error: unknown) => void {
  return (error) => guard.onError(error, `shadow: memberships of ${namespace}`)
}

/** `rooms` is null where the policy did not get as far as to say which. */
async function outcomeOf(
  asked: Promise<{ readonly memberships: readonly string[] }>,
  onError: (error: unknown) => void = () => {},
): Promise<Enforced & { readonly rooms: readonly string[] | null }> {
  try {
    const { memberships } = await asked
    return { code: null, rule: 'connect', rooms: memberships }
  } catch (error) {
    const code = AuthError.is(error) ? error.code : 'AUTH_ERROR'
    if (AuthError.is(error) && error.reason === 'connect_rule') return { code, rule: 'connect', rooms: null }
    onError(error)
    return { code, rule: 'memberships', rooms: null }
  }
}
