import { describe, expect, it } from 'vitest'
import { expectSound, faultServer } from './fault-server.ts'
import { noteFigures } from './figures.ts'
import { ownRedis } from './owned-redis.ts'
import { asTheyCome } from './redis-clients.ts'
import { subjects } from './redis-subjects.ts'

/** Of the handshakes, every fourth is bad. */
const HANDSHAKES = 1_000

describe.each(Object.entries(subjects))('%s, while Redis is killed', (_name, make) => {
  it('F1, X01: kill -9 during 1,000 HTTP handshakes, 250 of them bad: none bad admitted, each answered within 1 s, the rest 503, good ones admitted within 1 s of Redis being back, and whoever was connected stays so', async ({
    task,
  }) => {
    const redis = await ownRedis()
    const subject = await make(redis.port)
    const server = await faultServer(subject.strategy)
    const attempts = await Promise.all(
      Array.from({ length: HANDSHAKES }, (_, i) => (i % 4 === 3 ? subject.bad() : subject.good(String(i + 1)))),
    )
    const live = await server.live(await subject.good('9000'))
    const later = await subject.good('2000')

    let killed: Promise<void> | undefined
    const answers = await server.shakeAll(attempts, 40, (count) => {
      if (count === 300) killed = redis.kill()
    })
    await killed
    noteFigures(task, {
      handshakes: answers.length,
      wronglyAdmitted: answers.filter(({ attempt, status }) => status === 200 && attempt.subject === null).length,
      longestMs: Math.max(...answers.map(({ tookMs }) => tookMs)),
    })
    await live.expectAlive()
    expect(answers).toHaveLength(HANDSHAKES)
    expectSound(answers)
    const of = (status: number) => answers.filter((answer) => answer.status === status).length
    expect(of(200)).toBeGreaterThanOrEqual(150)
    expect(of(503)).toBeGreaterThan(350)

    const subjectsOf200 = answers.flatMap(({ attempt, status }) => (status === 200 ? [attempt.subject] : []))
    expect(server.admitted()).toEqual([...subjectsOf200, '9000'].sort())

    const backAt = redis.restart()
    const admittedAt = await server.untilAdmitted(later)
    noteFigures(task, { backMs: admittedAt - (await backAt) })
    expect(admittedAt - (await backAt)).toBeLessThan(1_000)
    const afterwards = await server.shakeAll([subject.bad(), await subject.good('2001'), subject.bad()], 3)
    expect(afterwards.map(({ attempt, status }) => [attempt.subject, status])).toContainEqual(['2001', 200])
    expect(afterwards.filter(({ status }) => status === 401)).toHaveLength(2)
    await live.expectAlive()
    expect(server.remains()).toEqual([])
  })
})

it('F1, X01: with clients as they come, which queue while Redis is away, each strategy still answers 503 within 1 s, and admits when it is back', async () => {
  const redis = await ownRedis()
  const runs = await Promise.all(
    Object.values(subjects).map(async (make) => {
      const subject = await make(redis.port, asTheyCome)
      const server = await faultServer(subject.strategy)
      const attempts = await Promise.all(
        Array.from({ length: 40 }, (_, i) => (i % 4 === 3 ? subject.bad() : subject.good(String(i + 1)))),
      )
      return { server, attempts, later: await subject.good('2000') }
    }),
  )
  await redis.kill()
  for (const answers of await Promise.all(runs.map(({ server, attempts }) => server.shakeAll(attempts, 40)))) {
    expectSound(answers)
    expect(answers.filter(({ status }) => status === 200)).toEqual([])
  }
  await redis.restart()
  for (const { server, later } of runs) {
    await server.untilAdmitted(later)
    expect(server.admitted()).toEqual(['2000'])
    expect(server.remains()).toEqual([])
  }
})
