import { execFileSync } from 'node:child_process'
import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { laravelSession, type PhpRecord } from 'portcullis/strategies/laravel-session'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, it, test } from 'vitest'
import { next, ORIGIN, start } from '../harness.ts'
import { useRedis } from './php-session-fixtures.ts'

const { prefix, node, io } = useRedis()

const KEY = randomBytes(32)
const LOGIN = 'login_web_59ba36addc2b2f9401580f014c7f58ea4e30989d'
const appKey = (key: Buffer) => `base64:${key.toString('base64')}`
const newId = () => randomBytes(20).toString('hex')
const over = (options: object = {}) => laravelSession({ redis: node, appKey: appKey(KEY), prefix, ...options })

interface Fields {
  iv: string
  value: string
  mac: string
  tag: string
}

/** As Illuminate\Encryption\Encrypter writes it; `change` is what an attacker, or another version, does to it. */
function envelope(
  plain: string | Buffer,
  { key = KEY, mode = 'cbc', change = (fields: Fields): object => fields } = {},
): string {
  const cipher = `aes-${key.length * 8}-${mode}` as 'aes-256-gcm'
  const iv = randomBytes(mode === 'gcm' ? 12 : 16)
  const aes = createCipheriv(cipher, key, iv)
  const value = Buffer.concat([aes.update(plain), aes.final()]).toString('base64')
  const fields = {
    iv: iv.toString('base64'),
    value,
    mac: '',
    tag: mode === 'gcm' ? aes.getAuthTag().toString('base64') : '',
  }
  if (mode === 'cbc')
    fields.mac = createHmac('sha256', key)
      .update(fields.iv + value)
      .digest('hex')
  return Buffer.from(JSON.stringify(change(fields))).toString('base64')
}

/** The plain value of a cookie, with Laravel's proof of which cookie it is. */
const prefixed = (sid: string, { key = KEY, name = 'laravel_session' } = {}) =>
  `${createHmac('sha1', key).update(`${name}v2`).digest('hex')}|${sid}`
const cookieOf = (sid: string, options: Parameters<typeof envelope>[1] = {}) =>
  envelope(prefixed(sid, options.key === undefined ? {} : { key: options.key }), options)
const quoted = (text: string) => `s:${Buffer.byteLength(text)}:"${text}";`
const session = (login = 'i:42;') => `a:2:{s:6:"_token";s:3:"tok";s:${LOGIN.length}:"${LOGIN}";${login}}`

async function keep(value: string | Buffer = quoted(session()), sid = newId()): Promise<string> {
  await node.set(prefix + sid, value)
  return sid
}
const withCookie = (value: string, name = 'laravel_session') =>
  handshakeOf({ headers: { cookie: `${name}=${encodeURIComponent(value)}` } })
const present = (strategy: ReturnType<typeof laravelSession>, value: string) =>
  strategy.authenticate(withCookie(value), null)
const refusal = (answer: Promise<unknown>) =>
  answer.then(
    () => 'accepted',
    (error: { code: string; reason: string }) => `${error.code} ${error.reason}`,
  )

describe('the laravel-session strategy keeps the contract of strategies', () => {
  const [good, gone] = [newId(), newId()]
  const [GOOD, GONE, FORGED] = [cookieOf(good), cookieOf(gone), cookieOf(good, { key: randomBytes(32) })]
  const request = (value: string) => () => ({ handshake: withCookie(value), connect: null })
  const cases = strategyContract({
    strategy: async () => {
      await keep(quoted(session()), good)
      return over()
    },
    good: request(GOOD),
    bad: [
      { name: 'an unknown session', request: request(GONE) },
      { name: 'a forged cookie', request: request(FORGED) },
    ],
    unavailable: () => ({
      strategy: over({ redis: { sendCommand: async ([, key]: string[]) => Promise.reject(new Error(`no ${key}`)) } }),
      ...request(GOOD)(),
    }),
    secrets: [GOOD, good, gone],
  })
  for (const { name, run } of cases) test(name, run)
})

describe("Laravel's cookie and session", () => {
  it('give identity, lease and the name to revoke it by', async () => {
    const clock = fakeClock()
    const sid = await keep()
    const identify = ({ _token }: PhpRecord, userId: string) => ({ subject: `u${userId}`, claims: { token: _token } })
    const strategy = over({ issuer: 'https://site.example', clock, leaseSeconds: 60, identify })
    expect(await present(strategy, cookieOf(sid))).toEqual({
      identity: { scheme: 'laravel-session', issuer: 'https://site.example', subject: 'u42', claims: { token: 'tok' } },
      lease: { id: expect.stringMatching(/^[\w-]{22}$/), issuedAt: 0, expiresAt: clock.now() / 1000 + 60 },
      revocableBy: [{ session: sid }],
    })
  })

  it.each(['aes-128-cbc', 'aes-256-cbc', 'aes-128-gcm', 'aes-256-gcm'] as const)(
    'are read under %s',
    async (cipher) => {
      const key = randomBytes(cipher.includes('128') ? 16 : 32)
      const mode = cipher.slice(-3)
      const strategy = over({ cipher, appKey: appKey(key) })
      const answer = await present(strategy, cookieOf(await keep(), { key, mode }))
      expect(answer?.identity.subject).toBe('42')
    },
  )

  it('are read with node-redis and with ioredis', async () => {
    const sid = await keep()
    for (const redis of [node, io]) expect((await present(over({ redis }), cookieOf(sid)))?.identity.subject).toBe('42')
  })

  it('are read while keys are rotated, and not after that', async () => {
    const [before, after] = [KEY, randomBytes(32)]
    const old = cookieOf(await keep())
    const rotating = over({ appKey: [appKey(after), appKey(before)] })
    expect(await present(rotating, old)).not.toBeNull()
    expect(await present(rotating, cookieOf(await keep(), { key: after }))).not.toBeNull()
    expect(await refusal(present(over({ appKey: appKey(after) }), old))).toBe('AUTH_CREDENTIAL_INVALID cookie')
  })

  it('are read where sessions are encrypted too, or kept as JSON', async () => {
    const encrypted = quoted(envelope(quoted(session())))
    expect(await present(over({ encrypt: true }), cookieOf(await keep(encrypted)))).not.toBeNull()
    expect(await refusal(present(over({ encrypt: true }), cookieOf(await keep())))).toBe(
      'AUTH_CREDENTIAL_INVALID session_encryption',
    )
    expect(await refusal(present(over(), cookieOf(await keep(encrypted))))).toBe(
      'AUTH_CREDENTIAL_INVALID session_malformed',
    )
    const json = quoted(JSON.stringify({ _token: 'tok', [LOGIN]: 7 }))
    expect((await present(over({ serialization: 'json' }), cookieOf(await keep(json))))?.identity.subject).toBe('7')
  })

  it('name the user under the login key of the guard, and of no other', async () => {
    const sid = await keep()
    expect(await present(over({ guard: 'admin' }), cookieOf(sid))).toBeNull()
    expect(await present(over({ guardClass: 'App\\Auth\\TenantGuard' }), cookieOf(sid))).toBeNull()
  })

  it.each([
    ['an integer', 'i:7;', '7'],
    ['digits', 's:1:"7";', '7'],
    ['a UUID', 's:36:"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";', '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d'],
    ['null', 'N;', null],
    ['true', 'b:1;', null],
    ['zero', 'i:0;', null],
    ['a fraction', 'd:1.5;', null],
    ['an array', 'a:1:{i:0;i:7;}', null],
    ['an object', 'O:4:"User":1:{s:2:"id";i:7;}', null],
    ['a string with a line break', 's:2:"7\n";', null],
  ])('P12: take %s for the id of a user, or not', async (_name, login, subject) => {
    const answer = await present(over(), cookieOf(await keep(quoted(session(login)))))
    expect(answer?.identity.subject ?? null).toBe(subject)
  })

  it('hold bytes that are no UTF-8', async () => {
    const inner = Buffer.from(`a:2:{s:1:"b";s:2:"\xff\xfe";s:${LOGIN.length}:"${LOGIN}";i:42;}`, 'latin1')
    const value = Buffer.concat([Buffer.from(`s:${inner.length}:"`), inner, Buffer.from('";')])
    expect((await present(over(), cookieOf(await keep(value))))?.identity.subject).toBe('42')
  })
})

describe('P13: a cookie that Laravel did not make', () => {
  it.each<[string, (sid: string) => string]>([
    ['another key', (sid) => cookieOf(sid, { key: randomBytes(32) })],
    ['no envelope', (sid) => sid],
    ['no base64', (sid) => `${cookieOf(sid)}*`],
    ['no JSON', () => Buffer.from('{').toString('base64')],
    ['a changed value', (sid) => cookieOf(sid, { change: (f) => ({ ...f, value: `AAAA${f.value.slice(4)}` }) })],
    ['a changed iv', (sid) => cookieOf(sid, { change: (f) => ({ ...f, iv: `AAAA${f.iv.slice(4)}` }) })],
    [
      'a changed mac',
      (sid) => cookieOf(sid, { change: (f) => ({ ...f, mac: f.mac.replace(/^./, (c) => (c === '0' ? '1' : '0')) }) }),
    ],
    ['a short mac', (sid) => cookieOf(sid, { change: (f) => ({ ...f, mac: f.mac.slice(0, 62) }) })],
    ['a mac in capitals', (sid) => cookieOf(sid, { change: (f) => ({ ...f, mac: `${f.mac.toUpperCase()}` }) })],
    ['no mac', (sid) => cookieOf(sid, { change: ({ mac: _, ...f }) => f })],
    ['a mac of another type', (sid) => cookieOf(sid, { change: (f) => ({ ...f, mac: true }) })],
    ['a tag beside the mac', (sid) => cookieOf(sid, { change: (f) => ({ ...f, tag: 'AAAA' }) })],
    ['a GCM envelope under a CBC cipher', (sid) => cookieOf(sid, { mode: 'gcm' })],
    [
      'iv and value divided elsewhere',
      (sid) => cookieOf(sid, { change: (f) => ({ ...f, iv: f.iv + f.value.slice(0, 4), value: f.value.slice(4) }) }),
    ],
  ])('with %s is refused before Redis is asked', async (_name, forge) => {
    const asked: unknown[] = []
    const redis = { sendCommand: async (command: string[]) => asked.push(command) }
    expect(await refusal(present(over({ redis }), forge(newId())))).toBe('AUTH_CREDENTIAL_INVALID cookie')
    expect(asked).toEqual([])
  })

  it.each<[string, (sid: string) => string]>([
    [
      'a changed value',
      (sid) => cookieOf(sid, { mode: 'gcm', change: (f) => ({ ...f, value: `AAAA${f.value.slice(4)}` }) }),
    ],
    [
      'a short tag',
      (sid) =>
        cookieOf(sid, {
          mode: 'gcm',
          change: (f) => ({ ...f, tag: Buffer.from(f.tag, 'base64').subarray(0, 4).toString('base64') }),
        }),
    ],
    ['a tag of another type', (sid) => cookieOf(sid, { mode: 'gcm', change: (f) => ({ ...f, tag: 16 }) })],
    ['an iv of another type', (sid) => cookieOf(sid, { mode: 'gcm', change: (f) => ({ ...f, iv: [1] }) })],
    ['a mac of another type', (sid) => cookieOf(sid, { mode: 'gcm', change: (f) => ({ ...f, mac: {} }) })],
    ['no tag', (sid) => cookieOf(sid, { mode: 'gcm', change: (f) => ({ ...f, tag: '' }) })],
    ['a CBC envelope', (sid) => cookieOf(sid)],
  ])('under a GCM cipher, with %s, is refused', async (_name, forge) => {
    expect(await refusal(present(over({ cipher: 'aes-256-gcm' }), forge(newId())))).toBe(
      'AUTH_CREDENTIAL_INVALID cookie',
    )
  })

  it.each<[string, string, string]>([
    ['another cookie', prefixed(newId(), { name: 'XSRF-TOKEN' }), 'cookie_prefix'],
    ['no cookie at all', newId(), 'cookie_prefix'],
    ['a cookie by another key', prefixed(newId(), { key: randomBytes(32) }), 'cookie_prefix'],
    ['an id with a separator', prefixed('laravel_cache:admin'.padEnd(40, 'x')), 'session_id'],
    ['an id of 39 characters', prefixed('a'.repeat(39)), 'session_id'],
    ['an id with a line break', prefixed(`${'a'.repeat(40)}\n`), 'session_id'],
  ])('made for %s is refused, though its key is right', async (_name, plain, reason) => {
    expect(await refusal(present(over(), envelope(plain)))).toBe(`AUTH_CREDENTIAL_INVALID ${reason}`)
  })

  it('is recognised under its own name only', async () => {
    const sid = await keep()
    expect(await over().authenticate(withCookie(cookieOf(sid), 'app_session'), null)).toBeNull()
    const named = envelope(prefixed(sid, { name: 'app_session' }))
    expect(await over({ name: 'app_session' }).authenticate(withCookie(named, 'app_session'), null)).not.toBeNull()
  })
})

describe('a session in Redis', () => {
  it.each([
    ['gone', null, 'session_unknown'],
    ['serialized once', session(), 'session_malformed'],
    ['a number', 'i:1;', 'session_malformed'],
    ['no array', quoted('i:1;'), 'session_malformed'],
    ['an object', quoted('O:1:"A":0:{}'), 'session_malformed'],
    ['cut short', quoted(session()).slice(0, -4), 'session_malformed'],
    ['of 2 MB', quoted('a'.repeat(2_000_000)), 'session_too_large'],
  ])('that is %s is refused', async (_name, value, reason) => {
    const sid = value === null ? newId() : await keep(value)
    expect(await refusal(present(over(), cookieOf(sid)))).toBe(`AUTH_CREDENTIAL_INVALID ${reason}`)
  })

  it('S11: under a key of another type is AUTH_UNAVAILABLE', async () => {
    const sid = newId()
    await node.sAdd(prefix + sid, 'a')
    expect(await refusal(present(over(), cookieOf(sid)))).toBe('AUTH_UNAVAILABLE store_failed')
  })
})

describe('Z10: configuration', () => {
  it.each([
    ['redis', { redis: {} }],
    ['appKey', { appKey: undefined }],
    ['appKey', { appKey: [] }],
    ['appKey', { appKey: KEY.toString('base64') }],
    ['appKey', { appKey: appKey(randomBytes(16)) }],
    ['prefix', { prefix: '' }],
    ['prefix', { prefix: undefined }],
    ['cipher', { cipher: 'aes-256-ecb' }],
    ['cipher', { cipher: 'toString' }],
    ['name', { name: 'a=b' }],
    ['guard', { guard: '' }],
    ['encrypt', { encrypt: 1 }],
    ['serialization', { serialization: 'msgpack' }],
    ['identify', { identify: 'id' }],
    ['leaseSeconds', { leaseSeconds: 0 }],
    ['key', { key: 'x' }],
  ])('a wrong "%s" is a TypeError that quotes it, and no key', (option, wrong) => {
    expect(() => over(wrong)).toThrow(`"${option}"`)
    try {
      over(wrong)
    } catch (error) {
      expect(String(error)).not.toContain(KEY.toString('base64').slice(0, 20))
    }
  })
})

const vectors = new URL('../../../../../shared/vectors/laravel/laravel_sessions.json', import.meta.url)
const hasVectors = existsSync(vectors)
if (!hasVectors) console.warn('skipped: the Laravel sessions are not here (../shared/vectors beside the repository)')

describe.runIf(hasVectors)("what Laravel's own encrypter wrote", () => {
  const vector = hasVectors ? (JSON.parse(readFileSync(vectors, 'utf8')) as Record<string, string>) : {}
  const strategy = (options: object = {}) => over({ appKey: `base64:${vector.key}`, ...options })

  it.each([
    ['cbc', 'redis', {}],
    ['gcm', 'redis', { cipher: 'aes-256-gcm' }],
    ['cbc', 'encsess', { encrypt: true }],
  ])('is read: cookie %s, session %s', async (cookie, value, options) => {
    await keep(vector[value], vector.sid)
    expect((await present(strategy(options), vector[cookie] ?? ''))?.identity.subject).toBe('42')
    await node.del(prefix + vector.sid)
  })
})

describe('on a real server, with a cookie that PHP encrypted', () => {
  it('admits the user and shows no cookie', async () => {
    const sid = await keep()
    // The same steps as Laravel's, in PHP's own functions.
    const script = `
      [$key, $sid] = [base64_decode($argv[1]), $argv[2]];
      $iv = random_bytes(16);
      $plain = hash_hmac('sha1', 'laravel_sessionv2', $key) . '|' . $sid;
      $value = openssl_encrypt($plain, 'aes-256-cbc', $key, 0, $iv);
      $iv = base64_encode($iv);
      $mac = hash_hmac('sha256', $iv . $value, $key);
      echo urlencode(base64_encode(json_encode(['iv' => $iv, 'value' => $value, 'mac' => $mac, 'tag' => ''], JSON_UNESCAPED_SLASHES)));`
    const cookie = `laravel_session=${execFileSync('php', ['-r', script, KEY.toString('base64'), sid])}`
    const server = await start({ strategies: [over() as never] })
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    chat.on('connection', (socket) => socket.emit('you are', socket.data.identity.subject))
    expect(await next(server.client('/chat', { extraHeaders: { cookie, origin: ORIGIN } }), 'you are')).toEqual(['42'])
    expect(JSON.stringify(server.audit)).not.toContain(sid)
  })
})
