import { inspect } from 'node:util'
import { AuthError } from 'portcullis'
import { handshakeOf } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import type { Attempt } from './attempt.ts'
import { fakeRedis } from './fake-redis.ts'
import { expectSound, faultServer } from './fault-server.ts'
import { type Subject, subjects } from './redis-subjects.ts'

type Answer = (words: readonly string[]) => string | null

const error =
  (text: string): Answer =>
  (words) =>
    `-${text.replace('%', words.join(' '))}\r\n`

/** What Redis says in each state, and what those say that stand between. `%` is the command, which some repeat. */
const errors: Readonly<Record<string, Answer>> = {
  '-LOADING': error('LOADING Redis is loading the dataset in memory'),
  '-READONLY': error("READONLY You can't write against a read only replica."),
  '-NOAUTH': error('NOAUTH Authentication required.'),
  '-NOPERM': error("NOPERM User default has no permissions to run the '%' command"),
  '-OOM': error("OOM command not allowed when used memory > 'maxmemory'."),
  '-MOVED': error('MOVED 3999 127.0.0.1:6381'),
  '-MISCONF': error('MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.'),
  '-MASTERDOWN': error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
  '-CLUSTERDOWN': error('CLUSTERDOWN The cluster is down'),
  '-BUSY': error('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'),
  '-ERR with the command': error("ERR unknown command '%'"),
  'an error with the command and no word': error('%'),
}

/** What the strategy itself throws for it, and everything that can be seen of that. */
async function refusalOf({ strategy }: Subject, { path, headers }: Attempt) {
  const handshake = handshakeOf({ url: path, headers })
  const thrown: unknown = await strategy.authenticate(handshake, null).catch((reason: unknown) => reason)
  if (!AuthError.is(thrown)) throw new Error(`not refused: ${inspect(thrown)}`)
  const cause = thrown.cause instanceof Error ? `${thrown.cause.message}\n${thrown.cause.stack}` : ''
  const shown = `${inspect(thrown, { depth: 10, showHidden: true })}\n${JSON.stringify(thrown)}\n${thrown.stack}\n${cause}`
  return { thrown, shown }
}

describe.each(Object.entries(subjects))('%s', (_name, make) => {
  it.each(Object.entries(errors))(
    'X06: told %s is AUTH_UNAVAILABLE and 503, and the credential is in nothing that is said',
    async (_what, answer) => {
      const redis = await fakeRedis()
      const subject = await make(redis.port)
      const server = await faultServer(subject.strategy)
      redis.answer(answer)
      const attempt = await subject.good('1')
      const { thrown, shown } = await refusalOf(subject, attempt)
      expect([thrown.code, thrown.reason]).toEqual(['AUTH_UNAVAILABLE', 'store_failed'])
      expect(shown).not.toContain(attempt.secret)

      const over = await server.shake(await subject.good('1'))
      expect([over.status, over.code]).toEqual([503, 'AUTH_UNAVAILABLE'])
      expect(inspect([server.audit, server.errors], { depth: 10, showHidden: true })).not.toContain(over.attempt.secret)
      expect(redis.read).toHaveLength(2)
      expect(server.remains()).toEqual([])
    },
  )
})

it('X06: told nothing, half an answer and the end, or what is no RESP, each strategy is AUTH_UNAVAILABLE in time, and works afterwards', async () => {
  await Promise.all(
    Object.values(subjects).map(async (make) => {
      const redis = await fakeRedis()
      const subject = await make(redis.port)
      const server = await faultServer(subject.strategy)
      const endWith =
        (bytes: string): Answer =>
        () => {
          setImmediate(redis.hangUp)
          return bytes
        }
      const half = endWith('$100\r\n{"cookie":{},"passport":{"user":"1"}')
      for (const answer of [() => null, half, endWith('HTTP/1.1 400 Bad Request\r\n\r\n')]) {
        redis.answer(answer)
        const given = await server.shake(await eventually(() => subject.good('1')))
        expectSound([given])
        expect(given.status).toBe(503)
        redis.hangUp()
      }
      redis.answer(([command]) => (command === 'GETRANGE' ? '$0\r\n\r\n' : '$-1\r\n'))
      const after = await eventually(async () => {
        const given = await server.shake(subject.bad())
        return given.attempt.forged || given.status === 503 ? Promise.reject(new Error('not yet')) : given
      })
      expectSound([after])
      expect(server.admitted()).toEqual([])
      expect(server.remains()).toEqual([])
    }),
  )
})

/** Tried until it succeeds: the client has to connect again first. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch {
      await new Promise(setImmediate)
    }
  }
}
