import { setImmediate as nextTurn } from 'node:timers/promises'
import { permit } from 'portcullis'
import type { Socket as ClientSocket } from 'socket.io-client'
import { expect, it } from 'vitest'
import { gate } from '../harness.ts'
import { leased, listenTo } from './lease-fixtures.ts'

/** More with `SEEDS=10000 npx vitest run refresh-expiry-race`. */
const SEEDS = Number(process.env.SEEDS ?? 200)
const BATCH = 50
const STAGES = ['strategy', 'connect rule', 'memberships', 'room rule'] as const
/** Around the moment of expiry. Milliseconds. */
const REACH_MS = 5

/** Mulberry32: the same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Attempt {
  readonly seed: number
  /** When what the refresh waits for answers, counted from the end of the lease. */
  readonly answerAtMs: number
  readonly stage: (typeof STAGES)[number]
  readonly held: ReturnType<typeof gate>
  readonly asked: ReturnType<typeof gate>
  client?: ClientSocket
  heard: unknown[][]
  reply: { expiresAt?: number; error?: { code: string } } | null
}

function attemptOf(seed: number): Attempt {
  const draw = random(seed)
  return {
    seed,
    answerAtMs: Math.floor(draw() * (2 * REACH_MS + 1)) - REACH_MS,
    stage: STAGES[Math.floor(draw() * STAGES.length)] ?? 'strategy',
    held: gate(),
    asked: gate(),
    heard: [],
    reply: null,
  }
}

it.each([0, 2_000])(
  `R09: over ${SEEDS} seeds, with a grace of %i ms, a refresh that races the end either extends or is too late`,
  async (graceMs) => {
    let extended = 0
    for (let from = 0; from < SEEDS; from += BATCH) extended += await race(from, Math.min(BATCH, SEEDS - from), graceMs)
    // With a grace nobody is too late; without, both happen.
    expect(extended / SEEDS).toBeGreaterThan(0.3)
    expect(extended / SEEDS).toSatisfy((part: number) => (graceMs > 0 ? part === 1 : part < 0.7))
  },
  600_000,
)

async function race(from: number, count: number, graceMs: number): Promise<number> {
  const attempts = Array.from({ length: count }, (_, i) => attemptOf(from + i))
  const bySubject = new Map(attempts.map((attempt) => [`seed-${attempt.seed}`, attempt]))
  const pause = async (
    stage: Attempt['stage'],
    { subject, claims }: { subject: string; claims: { scope: string } },
  ) => {
    const attempt = bySubject.get(subject)
    if (attempt?.stage !== stage || claims.scope !== 'new') return
    attempt.asked.open()
    await attempt.held.promise
  }
  const { key, enter, time, begin, chat, records, errors, auth } = await leased(
    {
      lease: { graceMs, expiringMs: 0 },
      limits: { handshakesPerMinute: Number.POSITIVE_INFINITY, authenticateTimeoutMs: 100_000, ruleTimeoutMs: 100_000 },
    },
    {
      connect: (identity) => pause('connect rule', identity).then(() => permit()) as never,
      memberships: (identity) => pause('memberships', identity).then(() => ['home']),
      open: (identity) => pause('room rule', identity).then(() => permit()),
    },
  )
  const endMs = 60_000
  await Promise.all(
    attempts.map(async (attempt) => {
      const subject = `seed-${attempt.seed}`
      key(subject, endMs / 1000, { subject, claims: { org: '', scope: 'old' } })
      const claims = { org: '', scope: 'new' }
      records.set(`${subject}-new`, {
        subject,
        issuedAt: begin,
        expiresAt: begin + 600,
        claims,
        get wait() {
          return pause('strategy', { subject, claims })
        },
      })
      attempt.client = await enter(subject)
      await attempt.client.emitWithAck('auth:join', 'open:1')
      attempt.heard = listenTo(attempt.client)
      attempt.client.emit('auth:refresh', { token: `${subject}-new` }, (reply: never) => {
        attempt.reply = reply
      })
      await attempt.asked.promise
    }),
  )
  time.advance(endMs - REACH_MS)
  for (let atMs = -REACH_MS; atMs <= REACH_MS; atMs += 1) {
    const now = attempts.filter(({ answerAtMs }) => answerAtMs === atMs)
    // On even seeds the answer comes before the clock has moved on, on odd ones with it.
    for (const { seed, held } of now) if (seed % 2 === 0) held.open()
    if (now.some(({ seed }) => seed % 2 === 0)) await turns()
    for (const { seed, held } of now) if (seed % 2 === 1) held.open()
    time.advance(1)
    await turns()
  }
  time.advance(1_000)
  for (const attempt of attempts) await settle(attempt)

  const extended = attempts.filter(({ reply }) => reply !== null && reply.error === undefined)
  for (const attempt of attempts) {
    const { seed, reply, heard, client, answerAtMs } = attempt
    const label = JSON.stringify({ seed, answerAtMs, stage: attempt.stage, reply, heard })
    const closed = heard.filter(([event]) => event === 'auth:closed')
    if (extended.includes(attempt)) {
      expect(reply, label).toMatchObject({ expiresAt: begin + 600 })
      expect([client?.connected, closed], label).toEqual([true, []])
    } else {
      expect(graceMs, label).toBe(0)
      expect(answerAtMs, label).toBeGreaterThanOrEqual(-1)
      expect([client?.connected, reply], label).toEqual([false, null])
      expect(closed, label).toEqual([['auth:closed', expect.objectContaining({ code: 'AUTH_EXPIRED' })]])
    }
  }
  expect(chat.sockets.size).toBe(extended.length)
  expect(chat.adapter.rooms.get('open:1')?.size ?? 0).toBe(extended.length)
  expect(errors).toEqual([])
  await auth.close()
  await expect.poll(() => time.pending()).toBe(0)
  return extended.length
}

/** Promises that wait for one another, over a few turns of the loop. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await nextTurn()
}

/** Either the connection is gone, or it answers. */
async function settle({ client }: Attempt): Promise<void> {
  await expect
    .poll(() => client?.connected === false || client?.emitWithAck('auth:whoami').then(() => true))
    .toBeTruthy()
}
