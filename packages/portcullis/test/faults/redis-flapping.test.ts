import type { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { warnOfError } from '../../src/server/report.ts'
import { onCleanup } from '../harness.ts'
import { type Answer, expectSound, faultServer } from './fault-server.ts'
import { noteFigures } from './figures.ts'
import { usedHeap } from './heap.ts'
import { ownRedis } from './owned-redis.ts'
import { subjects } from './redis-subjects.ts'

/** `FLAPS=30 PHASE_MS=1000` is the row in full: so long Redis is away, and so long it is there, at least. */
const FLAPS = Number(process.env.FLAPS ?? 10)
const PHASE_MS = Number(process.env.PHASE_MS ?? 0)
const MAX_LINES = 60
const MIB = 2 ** 20

/** How many listeners there are of each event. */
function listeners(emitter: EventEmitter): Readonly<Record<string, number>> {
  return Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]))
}

it(`F3, X04: Redis killed and started again ${FLAPS} times under handshakes of four strategies: nobody admitted wrongly, at most 60 lines are logged, no listener, rejection, pending authentication or heap is left, and whoever was connected stays so`, async ({
  task,
}) => {
  let lines = 0
  const noteLine = ({ code }: Error & { code?: string }) => {
    if (code === 'PORTCULLIS_ERROR') lines += 1
  }
  process.on('warning', noteLine)
  onCleanup(() => void process.off('warning', noteLine))
  const redis = await ownRedis()
  const runs = await Promise.all(
    Object.values(subjects).map(async (make) => {
      const subject = await make(redis.port)
      // What is logged where the application says nothing else.
      const server = await faultServer(subject.strategy, warnOfError)
      const live = await server.live(await subject.good('9000'))
      return {
        subject,
        server,
        live,
        before: listeners(subject.client as EventEmitter),
        expected: ['9000'],
        admitted: [] as string[],
      }
    }),
  )
  const processBefore = listeners(process)
  const heaps: number[] = []
  const seen = { handshakes: 0, wronglyAdmitted: 0, longestMs: 0, backMs: 0 }
  const note = (answers: readonly Answer[]) => {
    seen.handshakes += answers.length
    seen.wronglyAdmitted += answers.filter(({ attempt, status }) => status === 200 && attempt.subject === null).length
    seen.longestMs = Math.max(seen.longestMs, ...answers.map(({ tookMs }) => tookMs))
    noteFigures(task, { ...seen, lines })
  }
  /** Handshakes that are bad, until the phase has lasted its time. */
  async function outlast(startedMs: number): Promise<void> {
    while (performance.now() - startedMs < PHASE_MS) {
      const answers = await Promise.all(
        runs.map(({ server, subject }) => server.shakeAll([subject.bad(), subject.bad()], 2)),
      )
      note(answers.flat())
      expectSound(answers.flat())
    }
  }
  for (let flap = 1; flap <= FLAPS; flap += 1) {
    const prepared = await Promise.all(
      runs.map(async ({ subject }) => ({
        attempts: [
          subject.bad(),
          await subject.good(`${flap}1`),
          subject.bad(),
          await subject.good(`${flap}2`),
          subject.bad(),
        ],
        later: await subject.good(`${flap}3`),
      })),
    )
    let killed: Promise<void> | undefined
    const onAnswer = () => {
      killed ??= redis.kill()
    }
    const answers = await Promise.all(
      runs.map(({ server }, i) => server.shakeAll(prepared[i]?.attempts ?? [], 2, onAnswer)),
    )
    await killed
    const killedAt = performance.now()
    note(answers.flat())
    for (const [i, { server, subject, expected, live }] of runs.entries()) {
      const down = await server.shakeAll([subject.bad(), prepared[i]?.later ?? subject.bad(), subject.bad()], 3)
      const each = [...(answers[i] ?? []), ...down]
      note(down)
      expectSound(each)
      expected.push(
        ...each.flatMap(({ attempt, status }) => (status === 200 && attempt.subject !== null ? [attempt.subject] : [])),
      )
      expect(down.filter(({ status }) => status === 200)).toEqual([])
      await live.expectAlive()
    }
    await outlast(killedAt)
    const backAt = await redis.restart()
    for (const [i, { server, expected }] of runs.entries()) {
      const later = prepared[i]?.later
      if (later === undefined) throw new Error('no attempt')
      const backMs = (await server.untilAdmitted(later)) - backAt
      seen.backMs = Math.max(seen.backMs, backMs)
      expect(backMs).toBeLessThan(1_000)
      expected.push(`${flap}3`)
    }
    await outlast(backAt)
    for (const { server, admitted } of runs) {
      admitted.push(...server.admitted())
      // What the test itself keeps of every handshake.
      server.audit.length = 0
      server.errors.length = 0
    }
    heaps.push(await usedHeap())
  }
  for (const { server, subject, live, before, expected, admitted } of runs) {
    expect(admitted.sort()).toEqual(expected.sort())
    expect(listeners(subject.client as EventEmitter)).toEqual(before)
    expect(server.remains()).toEqual([])
    await live.expectAlive()
  }
  expect(listeners(process)).toEqual(processBefore)
  noteFigures(task, { ...seen, lines })
  expect(lines).toBeLessThanOrEqual(MAX_LINES)
  // From the third on: what is made once was made.
  expect((heaps.at(-1) ?? 0) - (heaps[2] ?? 0)).toBeLessThan(5 * MIB)
}, 150_000)
