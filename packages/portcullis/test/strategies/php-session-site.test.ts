import { randomUUID } from 'node:crypto'
import { type PhpRecord, phpSession, phpUserId } from 'portcullis/strategies/php-session'
import { handshakeOf } from 'portcullis/testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PhpSite, redisUrl, startPhp, useRedis } from './php-session-fixtures.ts'

const { prefix, node } = useRedis()
const identify = ({ user_id }: PhpRecord) => {
  const id = phpUserId(user_id)
  return id === null ? null : { subject: id }
}
/** Whom the strategy sees behind a cookie header; null when nobody, 'refused' when the credential is bad. */
const seenBehind = (cookie: string, redis = node) =>
  phpSession({ redis, prefix, identify })
    .authenticate(handshakeOf({ headers: { cookie } }), null)
    .then(
      (answer) => answer?.identity.subject ?? null,
      () => 'refused',
    )

describe('a real PHP and the strategy agree', () => {
  let site: PhpSite | undefined
  beforeAll(async () => {
    const { hostname, port } = new URL(redisUrl())
    site = await startPhp({
      'session.save_handler': 'redis',
      'session.save_path': `"tcp://${hostname}:${port || 6379}?prefix=${prefix}"`,
      'session.use_strict_mode': '1',
    })
  })
  afterAll(() => site?.stop())

  const login = async (user: number) => (await site?.get(`/login?user=${user}`))?.cookie ?? ''
  const idOf = (cookie: string) => cookie.slice('PHPSESSID='.length)
  /** The session that PHP opens for a cookie header. */
  const openedByPhp = async (cookie: string) => (await site?.get('/visit', cookie))?.body

  it('S04: that the first of two cookies counts', async () => {
    const [mine, other] = [await login(1), await login(2)]
    expect(await openedByPhp(`${mine}; ${other}`)).toBe(idOf(mine))
    expect(await seenBehind(`${mine}; ${other}`)).toBe('1')
    expect(await openedByPhp(`${other}; ${mine}`)).toBe(idOf(other))
    expect(await seenBehind(`${other}; ${mine}`)).toBe('2')
  })

  it('P03: that PHPSESSID[] names no session', async () => {
    const id = idOf(await login(1))
    expect(await openedByPhp(`PHPSESSID[]=${id}`)).not.toBe(id)
    expect(await seenBehind(`PHPSESSID[]=${id}`)).toBeNull()
  })

  it('that a percent sign in a cookie begins an escape', async () => {
    const id = idOf(await login(1))
    const escaped = `PHPSESSID=%${id.charCodeAt(0).toString(16)}${id.slice(1)}`
    expect(await openedByPhp(escaped)).toBe(id)
    expect(await seenBehind(escaped)).toBe('1')
  })

  it('P09: that without strict mode an id that somebody planted is the session of whoever logs in with it', async () => {
    const { hostname, port } = new URL(redisUrl())
    const lax = await startPhp({
      'session.save_handler': 'redis',
      'session.save_path': `"tcp://${hostname}:${port || 6379}?prefix=${prefix}"`,
      'session.use_strict_mode': '0',
    })
    try {
      const planted = `PHPSESSID=${'planted'.repeat(4)}`
      expect((await lax.get('/visit', planted)).body).toBe(idOf(planted))
      expect(await seenBehind(planted)).toBeNull()
      // What this site does at a login, session_regenerate_id(true), ends the planted one.
      const { cookie } = await lax.get('/login?user=7', planted)
      expect([await seenBehind(cookie), await seenBehind(planted)]).toEqual(['7', 'refused'])
    } finally {
      await lax.stop()
    }
  })

  it('P11: that a session with nothing in it logs nobody in, and is not one that is gone', async () => {
    const cookie = (await site?.get('/'))?.cookie ?? ''
    expect([await node.exists(prefix + idOf(cookie)), await node.strLen(prefix + idOf(cookie))]).toEqual([1, 0])
    expect(await seenBehind(cookie)).toBeNull()
  })

  it('over RESP3 too, bytes and all', async () => {
    const cookie = await login(3)
    const client = createClient({ url: redisUrl(), RESP: 3 })
    await client.connect()
    try {
      expect(await seenBehind(cookie, client as never)).toBe('3')
    } finally {
      await client.close()
    }
  })
})

describe('without PHP', () => {
  it('these tests fail with one line that says what to install', async () => {
    const path = process.env.PATH
    process.env.PATH = `/nowhere/${randomUUID()}`
    try {
      await expect(startPhp({})).rejects.toThrow(/^install php-cli and php-redis: .*$/)
    } finally {
      process.env.PATH = path
    }
  })
})
