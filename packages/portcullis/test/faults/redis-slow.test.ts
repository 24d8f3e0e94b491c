import { describe, expect, it } from 'vitest'
import { type FaultProxy, faultProxy } from './fault-proxy.ts'
import { type Answer, expectSound, type FaultServer, faultServer } from './fault-server.ts'
import { ownRedis } from './owned-redis.ts'
import { type Subject, subjects } from './redis-subjects.ts'

interface Run {
  readonly name: string
  readonly subject: Subject
  readonly server: FaultServer
}

/** All four strategies, through one proxy. */
async function throughProxy(): Promise<{ proxy: FaultProxy; runs: readonly Run[] }> {
  const redis = await ownRedis()
  const proxy = await faultProxy({ host: '127.0.0.1', port: redis.port })
  const runs = await Promise.all(
    Object.entries(subjects).map(async ([name, make]) => {
      const subject = await make(proxy.port)
      return { name, subject, server: await faultServer(subject.strategy) }
    }),
  )
  return { proxy, runs }
}

describe('Redis through a slow network', () => {
  // 100 ms between an answer and the deadline may be lost on a machine that is busy elsewhere.
  it.for([
    [300, 200],
    [900, 200],
    [1_100, 503],
  ] as const)(
    'X03: with answers %i ms late, a good credential is answered %i by each strategy, and a bad one never 200',
    { retry: 2 },
    async ([lateMs, status]) => {
      const { proxy, runs } = await throughProxy()
      const attempts = await Promise.all(
        runs.map(async ({ subject }) => [await subject.good('1'), subject.bad(), subject.bad()]),
      )
      proxy.delay(lateMs)
      const answers = await Promise.all(runs.map(({ server }, i) => server.shakeAll(attempts[i] ?? [], 3)))
      for (const [i, each] of answers.entries()) {
        const run = runs[i]
        expectSound(each)
        const good = each.find(({ attempt }) => attempt.subject !== null)
        expect([run?.name, good?.status]).toEqual([run?.name, status])
        expect(good?.tookMs).toBeGreaterThan(Math.min(lateMs, 1_000) - 10)
        expect(run?.server.admitted()).toEqual(status === 200 ? ['1'] : [])
        expect(run?.server.remains()).toEqual([])
      }
    },
  )
})

describe('Redis through a network that loses', () => {
  it('X05: while nothing passes, AUTH_UNAVAILABLE at the deadline; once it passes, what arrives late goes to nobody else', async () => {
    const { proxy, runs } = await throughProxy()
    const prepare = (from: number) =>
      Promise.all(
        runs.map(({ subject }) =>
          Promise.all(Array.from({ length: 8 }, (_, i) => (i % 4 === 3 ? subject.bad() : subject.good(`${from + i}`)))),
        ),
      )
    const [held, later] = [await prepare(100), await prepare(200)]
    const lives = await Promise.all(runs.map(async ({ server, subject }) => server.live(await subject.good('9000'))))
    proxy.hold()
    const answers = await Promise.all(runs.map(({ server }, i) => server.shakeAll(held[i] ?? [], 8)))
    for (const each of answers) {
      expectSound(each)
      for (const { attempt, status, tookMs } of each) {
        expect(status).toBe(attempt.forged ? 401 : 503)
        if (status === 503) expect(tookMs).toBeGreaterThan(990)
      }
    }
    proxy.release()
    const afterwards = await Promise.all(
      runs.map(async ({ server }, i) => {
        await server.untilAdmitted(later[i]?.[0] ?? never())
        return server.shakeAll(later[i]?.slice(1) ?? [], 8)
      }),
    )
    for (const [i, each] of afterwards.entries()) {
      expectSound(each)
      expect(each.filter(({ attempt }) => attempt.subject !== null).map(({ status }) => status)).toEqual([
        200, 200, 200, 200, 200,
      ])
      expect(runs[i]?.server.admitted()).toEqual(['200', '201', '202', '204', '205', '206', '9000'])
      expect(runs[i]?.server.remains()).toEqual([])
      await lives[i]?.expectAlive()
    }
  })

  it('X05: a connection that died without a word, under handshakes, is found and replaced within 5 s', async () => {
    const { proxy, runs } = await throughProxy()
    const attempts = await Promise.all(runs.map(({ subject }) => subject.good('1')))
    proxy.swallow()
    const swallowedAt = performance.now()
    const foundMs = await Promise.all(
      runs.map(async ({ server, subject }, i) => {
        const good = attempts[i] ?? never()
        // Steady handshakes: with node-redis, silence alone is not noticed while something is sent.
        const made: Promise<Answer>[] = []
        const steady = setInterval(() => made.push(server.shake(subject.bad())), 100)
        try {
          return (await server.untilAdmitted(good)) - swallowedAt
        } finally {
          clearInterval(steady)
          expectSound(await Promise.all(made))
        }
      }),
    )
    for (const [i, ms] of foundMs.entries()) {
      expect([runs[i]?.name, ms < 5_000]).toEqual([runs[i]?.name, true])
      expect(runs[i]?.server.admitted()).toEqual(['1'])
      expect(runs[i]?.server.remains()).toEqual([])
    }
  })
})

function never(): never {
  throw new Error('nothing was prepared for this strategy')
}
