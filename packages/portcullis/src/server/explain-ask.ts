/** Asks what the gates ask, in their order and with their own functions, and lets nothing come of it. */

import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { Question } from '../core/explanation.ts'
import type { Handshake } from '../core/handshake.ts'
import type { Identity } from '../core/identity.ts'
import type { Lease } from '../core/lease.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import { askPolicy } from './apply-policy.ts'
import { askEvent, decideEvent } from './event-rule.ts'
import type { Steps } from './explain-steps.ts'
import type { Subject } from './explain-subject.ts'
import { asAuthError, decideOptions, endOf, endOfEntry, type Guard } from './guard.ts'
import { type Asker, codeOfVerdict, judgeRoom } from './judge-room.ts'
import { EVENT, type Packet } from './packet.ts'
import { admissibleRooms } from './room-gate.ts'

/** How one part of a question came out. `code: null` is a permit. */
export interface Outcome {
  readonly code: AuthErrorCode | null
  readonly rule: string
}

/** Whoever asks, as the gates know it. */
export interface Candidate extends Asker {
  readonly identity: Identity
  readonly lease: Lease
  readonly policy: CompiledPolicy
  readonly connection: { readonly admission: { readonly handshake: Handshake } }
}

/** What is asked with: a guard that leaves no trace but `steps`. */
export interface Asking {
  readonly guard: Guard
  readonly steps: Steps
  readonly notes: string[]
}

/** Does the authority hold at this moment? Null when it does. */
export function askAuthority({ guard, steps }: Asking, { entry, lease, names }: Subject): Outcome | null {
  const startedMs = performance.now()
  const code = entry === null ? endOf(guard, lease, names) : endOfEntry(guard, entry)
  const order = entry === null ? ['node', 'lease', 'revocation'] : ['authority', 'node', 'lease']
  const ended = entry !== null && entry.ended !== null
  const failing = ended
    ? 'authority'
    : code === 'AUTH_UNAVAILABLE'
      ? 'node'
      : code === 'AUTH_EXPIRED'
        ? 'lease'
        : 'revocation'
  for (const rule of order) {
    if (code !== null && rule === failing) {
      steps.check(rule, code, startedMs)
      return { code, rule }
    }
    steps.check(rule, null, startedMs)
  }
  return null
}

/** The `connect` rule and `memberships`, whose rooms are answered with a permit. */
export async function askConnect(
  { guard, steps, notes }: Asking,
  candidate: Candidate,
): Promise<Outcome & { readonly lease: Lease; readonly memberships: readonly string[] }> {
  const startedMs = performance.now()
  const { policy, lease } = candidate
  if (policy.connect === null)
    notes.push('The policy has no connect rule: every identity that a strategy accepts may connect.')
  const rule = policy.connect === null ? 'namespace' : 'connect'
  try {
    const permission = await askPolicy(guard, candidate)
    return { code: null, rule, lease: permission.lease, memberships: permission.memberships }
  } catch (error) {
    const { code, reason } = asAuthError(error, `memberships of ${candidate.namespace}`, guard.onError)
    const byRule = reason === 'connect_rule'
    // A rule that denies has been written down; a permission that has ended already, and memberships that failed, have not.
    if (steps.list.at(-1)?.effect !== 'deny') {
      steps.because(byRule ? 'expired' : (reason ?? 'threw'))
      steps.check(byRule ? 'connect' : 'memberships', code, startedMs)
    }
    return { code, rule: byRule ? 'connect' : 'memberships', lease, memberships: [] }
  }
}

/** Arguments that were not given are not made up: the schema is left out, and the rule sees none. */
export async function askAboutEvent(
  { guard, steps, notes }: Asking,
  candidate: Candidate,
  event: string,
  args: readonly unknown[] | undefined,
): Promise<Outcome> {
  const startedMs = performance.now()
  const compiled = candidate.policy.events.get(event)
  if (compiled === undefined) {
    steps.check('events', 'AUTH_FORBIDDEN', startedMs)
    notes.push('No rule is written for this event.')
    return { code: 'AUTH_FORBIDDEN', rule: 'events' }
  }
  const options = decideOptions(guard)
  if (args === undefined) {
    notes.push('The arguments are not known: the rule was asked with none, and no schema was asked.')
    if (compiled.args !== null) steps.check(`${compiled.name}.args`, undefined, startedMs)
    return outcome(compiled.name, await askEvent(candidate, compiled, [], options))
  }
  const packet: Packet = { type: EVENT, data: [event, ...copyOf(args)] }
  const decision = await decideEvent(candidate, compiled, packet, options)
  const byArgs = steps.list.at(-1)?.rule === `${compiled.name}.args` && decision.effect === 'deny'
  return outcome(byArgs ? `${compiled.name}.args` : compiled.name, decision)
}

/** Every pattern that matches, as for `auth:join`. */
export async function askAboutRoom(
  { guard, steps, notes }: Asking,
  candidate: Candidate,
  { entry }: Subject,
  { room, presented }: Required<Pick<Question, 'room'>> & Pick<Question, 'presented'>,
): Promise<Outcome> {
  const startedMs = performance.now()
  try {
    admissibleRooms(guard, entry?.grants ?? new Map(), room, presented)
  } catch (error) {
    if (!AuthError.is(error)) throw error
    steps.because(error.reason ?? 'rooms')
    steps.check('rooms', error.code, startedMs)
    return { code: error.code, rule: 'rooms' }
  }
  const verdict = await judgeRoom(guard, candidate, room, presented)
  const code = codeOfVerdict(verdict, guard.clock.now() / 1000)
  if (verdict.rule === 'rooms') {
    steps.check('rooms', code, startedMs)
    notes.push('No pattern is written for this room.')
  } else if (verdict.decision.effect === 'permit' && code !== null) {
    steps.because('expired')
    steps.check(verdict.rule, code, startedMs)
  }
  return { code, rule: verdict.rule }
}

function outcome(rule: string, decision: { readonly effect: string; readonly code?: AuthErrorCode }): Outcome {
  return { code: decision.effect === 'deny' ? (decision.code ?? 'AUTH_FORBIDDEN') : null, rule }
}

/** A schema or rule may change what it is given. */
function copyOf(args: readonly unknown[]): readonly unknown[] {
  try {
    return structuredClone(args)
  } catch {
    throw new TypeError('explain: "args" must be plain data')
  }
}
