/** A decision of the past, asked again: of whom it was, what it was about, and what would come of it now. */

import type { AuditEvent } from '../core/audit.ts'
import type { Question } from '../core/explanation.ts'
import { isSamePrincipal } from '../core/identity.ts'
import type { Remembered } from './explain-memory.ts'
import { assumed, connectedAs, type Subject } from './explain-subject.ts'
import type { Guard } from './guard.ts'

/** What is to be asked again, or why it cannot be. */
export type Replay =
  | { readonly question: Omit<Question, 'identity'>; readonly subject: Subject; readonly joinOnly: boolean }
  | { readonly why: string }

const STAGES = new Set(['connect', 'refresh', 'event', 'join'])
/** Notes on a connection, which no rule was asked about. */
const NO_QUESTIONS = new Set(['defer', 'recovery'])

export function replayOf(guard: Guard, remembered: Remembered, args: readonly unknown[] | undefined): Replay {
  const { event, identity, presented } = remembered
  const { stage, namespace, rule, room } = event
  if (!STAGES.has(stage) && namespace !== null) return { why: 'Authority ended here; nobody asked for anything.' }
  if (identity === null) return { why: 'It was refused before it was known who it is. Credentials are not kept.' }
  if (namespace === null || NO_QUESTIONS.has(rule)) return { why: 'No rule was asked.' }
  if (stage === 'join' && room === undefined) return { why: 'The names of the rooms that were asked for are not kept.' }
  const about =
    stage === 'event' ? { event: event.event ?? '' } : stage === 'join' ? { room: room as string, presented } : {}
  return {
    question: { namespace, ...about, ...(args === undefined ? {} : { args }) },
    subject: subjectThen(guard, remembered, namespace),
    joinOnly: rule !== 'memberships',
  }
}

/** As whom it was decided then; with the lease of now, where the socket is still there. */
function subjectThen(guard: Guard, { event, identity, handshake }: Remembered, namespace: string): Subject {
  if (identity === null) throw new TypeError('explain: a decision about nobody cannot be asked again')
  const entry = event.socketId === undefined ? null : connectedAs(guard, event.socketId)
  if (entry === null || entry.namespace !== namespace || !isSamePrincipal(entry.identity, identity)) {
    const known = assumed(guard, identity, handshake ?? null)
    return { ...known, notes: ['The socket is no longer connected.', ...known.notes] }
  }
  return {
    identity,
    lease: entry.lease,
    names: entry.names,
    handshake: entry.connection.admission.handshake,
    entry,
    notes:
      entry.identity === identity
        ? []
        : ['Its identity has been renewed since; this is about the one that it had then.'],
  }
}

/** How the answer of now differs from the one that was given, or null. */
export function differenceOf(
  event: AuditEvent,
  now: { readonly effect: string; readonly code: string | null },
): string | null {
  if (event.code === now.code) return null
  const then = event.code ?? 'a permit'
  return `Then it was ${then}, by ${event.rule}; now it would be ${now.code ?? 'a permit'}.`
}
