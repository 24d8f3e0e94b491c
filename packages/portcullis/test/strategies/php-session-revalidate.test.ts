import { createHash, randomBytes } from 'node:crypto'
import { AuthError, type Strategy } from 'portcullis'
import { laravelSession } from 'portcullis/strategies/laravel-session'
import { phpSession, phpUserId } from 'portcullis/strategies/php-session'
import { handshakeOf, strategyContract } from 'portcullis/testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { onCleanup } from '../harness.ts'
import { type PhpSite, redisUrl, startPhp, useRedis } from './php-session-fixtures.ts'

const { prefix, node, io } = useRedis()

const identify = ({ user_id, org }: Readonly<Record<string, unknown>>) => {
  const id = phpUserId(user_id as number)
  return id === null ? null : { subject: id, claims: { org: String(org) } }
}
const over = (redis: Parameters<typeof phpSession>[0]['redis'] = node, options = {}) =>
  phpSession({ redis, prefix, identify, ...options })
const newId = () => randomBytes(16).toString('hex')
const request = (cookie: string) => ({ handshake: handshakeOf({ headers: { cookie } }), connect: null })
const keep = (sid: string, text: string) => node.set(prefix + sid, text)
const heard = async (strategy: Strategy, handles: readonly unknown[]) =>
  (await strategy.revalidate?.(handles))?.map((answer) =>
    AuthError.is(answer) ? answer.code : [answer.identity.subject, answer.identity.claims],
  )

/** How many commands of a kind this Redis has run for these tests' client alone, as it says itself. */
async function commandsDuring(work: (client: typeof node) => Promise<unknown>): Promise<readonly string[]> {
  const client = createClient({ url: redisUrl() })
  const monitor = createClient({ url: redisUrl() })
  await Promise.all([client.connect(), monitor.connect()])
  onCleanup(async () => {
    await client.close()
    monitor.destroy()
  })
  const seen: string[] = []
  const end = newId()
  await new Promise<void>((resolve, reject) => {
    monitor
      .monitor((line) => {
        const [, command = '', key = ''] = /\] "(\w+)" "([^"]*)"/.exec(String(line)) ?? []
        if (key === end) resolve()
        else if (key.startsWith(prefix)) seen.push(command)
      })
      .then(() => work(client as typeof node))
      .then(() => client.get(end))
      .catch(reject)
  })
  return seen
}

describe('the php-session strategy looks again at what it accepted', () => {
  const [good, doomed] = [newId(), newId()]
  const cases = strategyContract({
    strategy: async () => {
      await keep(good, 'user_id|i:42;org|s:4:"acme";')
      await keep(doomed, 'user_id|i:43;org|s:4:"acme";')
      return over()
    },
    good: () => request(`PHPSESSID=${good}`),
    bad: [],
    ending: () => ({
      ...request(`PHPSESSID=${doomed}`),
      end: async () => {
        await node.del(prefix + doomed)
      },
    }),
    secrets: [good, doomed],
  })
  for (const { name, run } of cases) test(name, run)

  it('every 30 seconds, or never', () => {
    expect(over().revalidateEveryMs).toBe(30_000)
    expect(over(node, { revalidateEveryMs: Number.POSITIVE_INFINITY }).revalidate).toBeUndefined()
    expect(() => over(node, { revalidateEveryMs: 0 })).toThrow('"revalidateEveryMs"')
  })

  it('with one GETRANGE for each session, and nothing that writes', async () => {
    const ids = Array.from({ length: 100 }, newId)
    for (const sid of ids) await keep(sid, 'user_id|i:42;org|s:4:"acme";')
    const seen = await commandsDuring((client) => heard(over(client), ids))
    expect(seen.map((command) => command.toUpperCase())).toEqual(Array(100).fill('GETRANGE'))
  })

  it('that is too large with an answer for itself alone', async () => {
    const [small, large] = [newId(), newId()]
    await keep(small, 'user_id|i:42;org|s:4:"acme";')
    await keep(large, `user_id|i:42;note|s:2000000:"${'x'.repeat(2_000_000)}";`)
    expect(await heard(over(), [large, small])).toEqual(['AUTH_CREDENTIAL_INVALID', ['42', { org: 'acme' }]])
    expect(await heard(over(io), [large, small])).toEqual(['AUTH_CREDENTIAL_INVALID', ['42', { org: 'acme' }]])
  })

  it('S11, X13: a key of another type, or no Redis, is AUTH_UNAVAILABLE, and not a session that is gone', async () => {
    const [set, good] = [newId(), newId()]
    await node.sAdd(prefix + set, 'x')
    await keep(good, 'user_id|i:42;org|s:4:"acme";')
    expect(await heard(over(), [set, good])).toEqual(['AUTH_UNAVAILABLE', ['42', { org: 'acme' }]])
    const away = { sendCommand: () => Promise.reject(new Error('The client is closed')) }
    expect(await heard(over(away), [good, good])).toEqual(['AUTH_UNAVAILABLE', 'AUTH_UNAVAILABLE'])
  })
})

describe('what a real PHP does to a session', () => {
  let site: PhpSite | undefined
  beforeAll(async () => {
    const { hostname, port } = new URL(redisUrl())
    site = await startPhp({
      'session.save_handler': 'redis',
      'session.save_path': `"tcp://${hostname}:${port || 6379}?prefix=${prefix}"`,
    })
  })
  afterAll(() => site?.stop())
  const login = async (user: number, cookie = '') => (await site?.get(`/login?user=${user}`, cookie))?.cookie ?? ''
  const accept = async (strategy: Strategy, cookie: string) =>
    (await strategy.authenticate(request(cookie).handshake, null))?.handle

  it('P11: session_destroy() and session_regenerate_id(true) are noticed, and a visit changes nothing', async () => {
    const strategy = over()
    const [left, renewed, kept] = [await login(1), await login(2), await login(3)]
    const handles = [await accept(strategy, left), await accept(strategy, renewed), await accept(strategy, kept)]
    await site?.get('/logout', left)
    await login(2, renewed)
    await site?.get('/visit', kept)
    expect(await heard(strategy, handles)).toEqual([
      'AUTH_CREDENTIAL_INVALID',
      'AUTH_CREDENTIAL_INVALID',
      ['3', { org: 'acme' }],
    ])
  })
})

describe('the laravel-session strategy looks again', () => {
  const key = randomBytes(32)
  const strategy = (redis: typeof node = node) =>
    laravelSession({ redis, appKey: `base64:${key.toString('base64')}`, prefix })
  const loginKey = `login_web_${createHash('sha1').update('Illuminate\\Auth\\SessionGuard').digest('hex')}`
  const stored = (login: string) => {
    const session = `a:1:{s:${loginKey.length}:"${loginKey}";${login}}`
    return `s:${session.length}:"${session}";`
  }

  it('by the id inside the cookie, with one GETRANGE for each session', async () => {
    const ids = Array.from({ length: 20 }, () => randomBytes(20).toString('hex'))
    for (const [i, sid] of ids.entries()) await keep(sid, stored(`i:${i + 1};`))
    const seen = await commandsDuring(async (client) => {
      expect(await heard(strategy(client), ids)).toEqual(ids.map((_sid, i) => [String(i + 1), {}]))
    })
    expect(seen.map((command) => command.toUpperCase())).toEqual(Array(20).fill('GETRANGE'))
  })

  it('and notices a logout, another user and a session that is gone', async () => {
    const sid = randomBytes(20).toString('hex')
    await keep(sid, stored('i:7;'))
    expect(await heard(strategy(), [sid])).toEqual([['7', {}]])
    await keep(sid, stored('i:8;'))
    expect(await heard(strategy(), [sid])).toEqual([['8', {}]])
    await keep(sid, stored('i:0;'))
    expect(await heard(strategy(), [sid])).toEqual(['AUTH_CREDENTIAL_MISSING'])
    await node.del(prefix + sid)
    expect(await heard(strategy(), [sid])).toEqual(['AUTH_CREDENTIAL_INVALID'])
  })
})
