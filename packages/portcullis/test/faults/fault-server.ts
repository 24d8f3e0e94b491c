/** A server under a strategy whose store will fail, and an account of every handshake with it. */

import { type AuditEvent, type AuthOptions, permit, type Strategy } from 'portcullis'
import { expect } from 'vitest'
import { type Harness, ORIGIN, onCleanup, outcome, start } from '../harness.ts'
import type { Attempt } from './attempt.ts'

type OnError = NonNullable<AuthOptions<Strategy>['onError']>

/** One second is what a store has to answer; the other is for a machine that is busy. */
export const ANSWERED_WITHIN_MS = 2_000

export interface Answer {
  readonly attempt: Attempt
  readonly status: number
  readonly code: string | null
  readonly tookMs: number
}

export interface LiveClient {
  /** Rejects when it was disconnected at any time, or its event is not answered. */
  expectAlive(): Promise<void>
}

export interface FaultServer extends Harness {
  /** One polling handshake; its answer is checked for secrets, and counted among `answers`. */
  shake(attempt: Attempt): Promise<Answer>
  /** All of them, so many at a time; `onAnswer` hears how many were answered. */
  shakeAll(attempts: readonly Attempt[], atOnce: number, onAnswer?: (count: number) => void): Promise<Answer[]>
  /** Again until it is admitted; resolves with the time of that. */
  untilAdmitted(attempt: Attempt): Promise<number>
  /** A connected client. What it hears is checked: that it stays, and is served. */
  live(attempt: Attempt): Promise<LiveClient>
  /** The subjects that the server says it admitted, sorted. */
  admitted(): string[]
  /** What must be nothing: unhandled rejections, warnings of leaked listeners, and authentications without an end. */
  remains(): unknown[]
}

/** `onError` is told of errors besides; `errors` has them all. */
export async function faultServer(strategy: Strategy, onError: OnError = () => {}): Promise<FaultServer> {
  const audit: AuditEvent[] = []
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  const noteLeak = (warning: Error) => {
    if (warning.name === 'MaxListenersExceededWarning') note(warning)
  }
  process.on('unhandledRejection', note)
  process.on('warning', noteLeak)
  onCleanup(() => {
    process.off('unhandledRejection', note)
    process.off('warning', noteLeak)
  })
  let pending = 0
  const counted: Strategy = {
    ...strategy,
    authenticate: (...request) => {
      pending += 1
      return strategy.authenticate(...request).finally(() => {
        pending -= 1
      })
    },
  }
  const errors: { error: unknown; where: string }[] = []
  const server = await start({
    // The harness is typed for its own strategy; nothing here reads what identities hold.
    strategies: [counted] as never,
    limits: {
      handshakesPerMinute: Number.POSITIVE_INFINITY,
      failuresPerMinute: Number.POSITIVE_INFINITY,
      // Handshakes that were admitted go no further here; they need not be kept for ten seconds.
      connectTimeoutMs: 2_000,
    },
    audit: (event) => audit.push(event),
    onError(error, where) {
      errors.push({ error, where })
      onError(error, where)
    },
  })
  server.auth.protect(server.io.of('/'), { events: { echo: () => permit() } })
  server.io.on('connection', (socket) => socket.on('echo', (value, answer) => answer(value)))

  async function shake(attempt: Attempt): Promise<Answer> {
    const from = performance.now()
    const { status, body } = await server.get(attempt.path, { origin: ORIGIN, ...attempt.headers })
    const tookMs = performance.now() - from
    expect(body).not.toContain(attempt.secret)
    const code = status === 200 ? null : (JSON.parse(body) as { code: string }).code
    return { attempt, status, code, tookMs }
  }
  return {
    ...server,
    audit,
    errors,
    remains: () => [...unhandled, ...Array.from({ length: pending }, () => 'pending')],
    shake,
    async shakeAll(attempts, atOnce, onAnswer) {
      const waiting = attempts.values()
      const answers: Answer[] = []
      await Promise.all(
        Array.from({ length: atOnce }, async () => {
          for (const attempt of waiting) {
            answers.push(await shake(attempt))
            onAnswer?.(answers.length)
          }
        }),
      )
      return answers
    },
    async live({ path, headers }) {
      const query = Object.fromEntries(new URL(path, server.url).searchParams)
      const socket = server.client('/', { query, extraHeaders: { origin: ORIGIN, ...headers } })
      expect(await outcome(socket)).toBeNull()
      const heard: unknown[] = []
      for (const event of ['disconnect', 'auth:closed']) socket.on(event, (why: unknown) => heard.push(event, why))
      let asked = 0
      return {
        async expectAlive() {
          asked += 1
          expect(await socket.timeout(ANSWERED_WITHIN_MS).emitWithAck('echo', asked)).toBe(asked)
          expect(heard).toEqual([])
        },
      }
    },
    admitted: () =>
      audit
        .filter(({ stage, effect }) => stage === 'handshake' && effect === 'permit')
        .map(({ identity }) => identity?.subject ?? '')
        .sort(),
    async untilAdmitted(attempt) {
      for (;;) {
        const { status, code } = await shake(attempt)
        if (status === 200) return performance.now()
        expect(code).toBe('AUTH_UNAVAILABLE')
      }
    },
  }
}

/** Good ones were admitted or told to come back; bad ones refused or told so; and all of that in time. */
export function expectSound(answers: readonly Answer[]): void {
  for (const { attempt, status, code } of answers) {
    if (status === 503) expect(code).toBe('AUTH_UNAVAILABLE')
    else if (attempt.subject === null) expect([status, code]).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
    else expect(status).toBe(200)
  }
  expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWERED_WITHIN_MS)
}
