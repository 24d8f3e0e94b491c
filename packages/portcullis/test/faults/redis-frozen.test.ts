import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { type Answer, expectSound, faultServer } from './fault-server.ts'
import { noteFigures } from './figures.ts'
import { usedHeap } from './heap.ts'
import { ownRedis } from './owned-redis.ts'
import { subjects } from './redis-subjects.ts'

/** `FROZEN_MS=10000` is the row in full. */
const FROZEN_MS = Number(process.env.FROZEN_MS ?? 3_000)
/** Of each strategy; 200 a second of all. */
const PER_SECOND = 50
const MIB = 2 ** 20

it(`F2, X02: Redis stopped for ${FROZEN_MS} ms under 200 handshakes a second, over four strategies: each answered 503 within 1 s, heap +10 MiB at most, admitted again within 1 s of SIGCONT, and whoever was connected stays so`, async ({
  task,
}) => {
  const redis = await ownRedis()
  const runs = await Promise.all(
    Object.values(subjects).map(async (make) => {
      const subject = await make(redis.port)
      const server = await faultServer(subject.strategy)
      const count = (FROZEN_MS / 1_000) * PER_SECOND
      const attempts = await Promise.all(
        Array.from({ length: count }, (_, i) => (i % 4 === 3 ? subject.bad() : subject.good(String(i + 1)))),
      )
      const live = await server.live(await subject.good('9000'))
      return { subject, server, attempts, live, later: await subject.good('2000') }
    }),
  )
  const heapBefore = await usedHeap()
  const rssBefore = process.memoryUsage.rss()

  redis.freeze()
  const answers = await Promise.all(
    runs.map(async ({ server, attempts }) => {
      const made: Promise<Answer>[] = []
      for (const attempt of attempts) {
        made.push(server.shake(attempt))
        await delay(1_000 / PER_SECOND)
      }
      return Promise.all(made)
    }),
  )
  for (const [i, each] of answers.entries()) {
    expectSound(each)
    // A signature is refused without the store.
    const refused = each.filter(({ status }) => status === 401)
    expect(refused.every(({ attempt }) => attempt.forged)).toBe(true)
    expect(each.filter(({ status }) => status === 200)).toEqual([])
    await runs[i]?.live.expectAlive()
  }
  const heapFrozen = await usedHeap()
  noteFigures(task, {
    handshakes: answers.flat().length,
    longestMs: Math.max(...answers.flat().map(({ tookMs }) => tookMs)),
    heapGrowthMiB: (heapFrozen - heapBefore) / MIB,
    rssGrowthMiB: (process.memoryUsage.rss() - rssBefore) / MIB,
  })

  redis.thaw()
  const thawedAt = performance.now()
  let worstBackMs = 0
  for (const { server, later, live } of runs) {
    const backMs = (await server.untilAdmitted(later)) - thawedAt
    worstBackMs = Math.max(worstBackMs, backMs)
    expect(backMs).toBeLessThan(1_000)
    await live.expectAlive()
    expect(server.admitted()).toEqual(['2000', '9000'])
    expect(server.remains()).toEqual([])
  }
  const heapAfter = await usedHeap()
  noteFigures(task, { backMs: worstBackMs })
  expect(heapFrozen - heapBefore).toBeLessThan(10 * MIB)
  expect(heapAfter - heapBefore).toBeLessThan(10 * MIB)
}, 30_000)
