/** `auth.explain`: a question asked of the live rules, or a decision asked again. It changes nothing. */

import type { Namespace } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import { type DecisionQuestion, type Explanation, type Question, readQuestion, type Step } from '../core/explanation.ts'
import { RESERVED_PREFIX } from '../protocol.ts'
import {
  type Asking,
  askAboutEvent,
  askAboutRoom,
  askAuthority,
  askConnect,
  type Candidate,
  type Outcome,
} from './explain-ask.ts'
import { differenceOf, replayOf } from './explain-decision.ts'
import type { DecisionMemory, Remembered } from './explain-memory.ts'
import { createSteps } from './explain-steps.ts'
import { type Subject, subjectOf } from './explain-subject.ts'
import type { Guard } from './guard.ts'

/** A namespace under a policy. */
export interface Protected {
  readonly namespace: Namespace
  readonly policy: CompiledPolicy
}

export interface ExplainOptions {
  readonly guard: Guard
  readonly memory: DecisionMemory
  /** The namespace of this name, if it is under a policy at the moment. */
  readonly find: (namespace: string) => Protected | undefined
}

type About = Omit<Question, 'identity'> & { readonly joinOnly?: boolean }

/** @throws TypeError quoting what is wrong with the question */
export type Explain = (question: Question | DecisionQuestion) => Promise<Explanation>

export function createExplain({ guard, memory, find }: ExplainOptions): Explain {
  return async function explain(asked) {
    const question = readQuestion(asked)
    if (!('decision' in question)) {
      const subject = subjectOf(guard, question.identity, question.namespace)
      return conclude(subject, await answer(question, subject))
    }
    const remembered = memory.find(question.decision)
    if (remembered === undefined) {
      return conclude(null, nothing(['This node keeps no decision with this id: it is another’s, or too old.']))
    }
    const replay = replayOf(guard, remembered, question.args)
    if ('why' in replay) return conclude(remembered, asRecorded(remembered, replay.why))
    const { subject, joinOnly } = replay
    const found = await answer({ ...replay.question, joinOnly }, subject)
    const difference = differenceOf(remembered.event, found)
    const notes = difference === null ? found.notes : [...found.notes, difference]
    return conclude(subject, { ...found, notes, decision: remembered.event })
  }

  async function answer(about: About, subject: Subject): Promise<Answered> {
    const quiet: Guard = { ...guard, onError: (error, where) => guard.onError(error, `explain: ${where}`) }
    const steps = createSteps(quiet)
    const asking: Asking = { guard: { ...quiet, trace: steps }, steps, notes: [...subject.notes] }
    const outcome = await ask(asking, about, subject)
    const effect = outcome === null ? 'none' : outcome.code === null ? 'permit' : 'deny'
    const { code, rule } = outcome ?? { code: null, rule: 'identity' }
    return { effect, code, rule, steps: steps.list, notes: asking.notes, decision: null }
  }

  /** Null where the question cannot be answered here. */
  async function ask(asking: Asking, about: About, subject: Subject): Promise<Outcome | null> {
    const { steps, notes } = asking
    const startedMs = performance.now()
    const found = find(about.namespace)
    const policy = subject.entry?.policy ?? found?.policy
    if (policy === undefined || found === undefined) {
      steps.because('no_policy')
      steps.check('namespace', 'AUTH_FORBIDDEN', startedMs)
      notes.push(
        'No such namespace is under a policy at the moment; children of dynamic ones are while somebody is connected.',
      )
      return { code: 'AUTH_FORBIDDEN', rule: 'namespace' }
    }
    steps.check('namespace', null, startedMs)
    if (subject.identity === null) return null
    if (about.event?.startsWith(RESERVED_PREFIX)) {
      notes.push('Events of this prefix are answered by Portcullis itself. Ask about the room instead.')
      return null
    }
    // As the gate for connects does: a node that has just started may not have read the log yet.
    if (subject.entry === null) await asking.guard.ready().catch(() => {})
    if (subject.entry === null && asking.guard.isDraining())
      notes.push('This node is draining: it takes no new connections.')
    const ended = askAuthority(asking, subject)
    if (ended !== null) return ended
    const { identity, lease, handshake } = subject
    const candidate: Candidate = {
      policy,
      identity,
      lease,
      namespace: about.namespace,
      socket: { id: subject.entry?.socket.id ?? '', nsp: found.namespace },
      connection: { admission: { handshake } },
    }
    return askRules(asking, about, subject, candidate)
  }

  async function askRules(asking: Asking, about: About, subject: Subject, candidate: Candidate): Promise<Outcome> {
    const { room, event } = about
    let asker = candidate
    let memberships = subject.entry?.memberships ?? []
    if (subject.entry === null || (room === undefined && event === undefined)) {
      const connect = await askConnect(asking, candidate)
      if (connect.code !== null || (room === undefined && event === undefined)) {
        if (connect.code === null && connect.memberships.length > 0) {
          asking.notes.push(`Rooms that follow from memberships: ${listOf(connect.memberships)}.`)
        }
        return connect
      }
      asker = { ...candidate, lease: connect.lease }
      memberships = connect.memberships
    }
    if (event !== undefined) return askAboutEvent(asking, asker, event, about.args)
    if (room === undefined) throw new TypeError('explain: neither a room nor an event')
    const joined = await askAboutRoom(asking, asker, subject, { room, presented: about.presented })
    if (about.joinOnly || asker.policy.memberships === null) return joined
    const follows = memberships.includes(room)
    asking.steps.check('memberships.room', follows ? null : undefined, performance.now())
    if (joined.code === null || !follows) return joined
    asking.notes.push('The room follows from memberships; a request to join it would be refused.')
    return { code: null, rule: 'memberships' }
  }

  function conclude(about: Pick<Subject, 'identity'> | Remembered | null, answered: Answered): Explanation {
    const identity = about?.identity ?? null
    return {
      ...answered,
      identity: identity && { scheme: identity.scheme, issuer: identity.issuer, subject: identity.subject },
      at: guard.clock.now() / 1000,
    }
  }
}

type Answered = Omit<Explanation, 'identity' | 'at'>

function nothing(notes: readonly string[]): Answered {
  return { effect: 'none', code: null, rule: 'decision', steps: [], notes, decision: null }
}

function asRecorded({ event }: Remembered, why: string): Answered {
  const { effect, code, rule, reason, tookUs } = event
  const step: Step = { rule, effect, code, ...(reason === undefined ? {} : { reason }), tookUs }
  return { effect, code, rule, steps: [step], notes: [why], decision: event }
}

const MAX_LISTED = 20

function listOf(rooms: readonly string[]): string {
  const listed = rooms.slice(0, MAX_LISTED).map((room) => room.slice(0, 200))
  return rooms.length > MAX_LISTED ? `${listed.join(', ')} and ${rooms.length - MAX_LISTED} more` : listed.join(', ')
}
