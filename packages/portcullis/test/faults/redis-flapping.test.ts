import type { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { expectSound, faultServer } from './fault-server.ts'
import { usedHeap } from './heap.ts'
import { ownRedis } from './owned-redis.ts'
import { subjects } from './redis-subjects.ts'

/** `FLAPS=30` is the row in full. */
const FLAPS = Number(process.env.FLAPS ?? 10)
const MIB = 2 ** 20

/** How many listeners there are of each event. */
function listeners(emitter: EventEmitter): Readonly<Record<string, number>> {
  return Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]))
}

it(`F3, X04: Redis killed and started again ${FLAPS} times under handshakes of four strategies: nobody admitted wrongly, no listener, rejection, pending authentication or heap is left, and whoever was connected stays so`, async () => {
  const redis = await ownRedis()
  const runs = await Promise.all(
    Object.values(subjects).map(async (make) => {
      const subject = await make(redis.port)
      const server = await faultServer(subject.strategy)
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
    for (const [i, { server, subject, expected, live }] of runs.entries()) {
      const down = await server.shakeAll([subject.bad(), prepared[i]?.later ?? subject.bad(), subject.bad()], 3)
      const each = [...(answers[i] ?? []), ...down]
      expectSound(each)
      expected.push(
        ...each.flatMap(({ attempt, status }) => (status === 200 && attempt.subject !== null ? [attempt.subject] : [])),
      )
      expect(down.filter(({ status }) => status === 200)).toEqual([])
      await live.expectAlive()
    }
    const backAt = await redis.restart()
    for (const [i, { server, expected }] of runs.entries()) {
      const later = prepared[i]?.later
      if (later === undefined) throw new Error('no attempt')
      expect((await server.untilAdmitted(later)) - backAt).toBeLessThan(1_000)
      expected.push(`${flap}3`)
    }
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
  // From the third on: what is made once was made.
  expect((heaps.at(-1) ?? 0) - (heaps[2] ?? 0)).toBeLessThan(5 * MIB)
}, 40_000)
