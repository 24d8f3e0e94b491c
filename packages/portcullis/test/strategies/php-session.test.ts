import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { PhpObject, type PhpRecord, phpSession, phpUserId } from 'portcullis/strategies/php-session'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest'
import { fakeTime, next, ORIGIN, outcome, start } from '../harness.ts'
import { type PhpSite, redisUrl, startPhp, useRedis } from './php-session-fixtures.ts'

const { prefix, node, io } = useRedis()

const newId = () => randomBytes(16).toString('hex')
const byUserId = ({ user_id }: PhpRecord) => {
  const id = phpUserId(user_id)
  return id === null ? null : { subject: id }
}
const withCookie = (cookie: string) => handshakeOf({ headers: { cookie } })
const present = (strategy: ReturnType<typeof phpSession>, sid: string) =>
  strategy.authenticate(withCookie(`PHPSESSID=${sid}`), null)
const refusal = (answer: Promise<unknown>) =>
  answer.then(
    () => 'accepted',
    (error: { code: string; reason: string }) => `${error.code} ${error.reason}`,
  )
async function keep(value: string | Buffer, sid = newId()): Promise<string> {
  await node.set(prefix + sid, value)
  return sid
}
const over = (options: object = {}) => phpSession({ redis: node, prefix, identify: byUserId, ...options })

describe('the php-session strategy keeps the contract of strategies', () => {
  const [GOOD, GONE] = [newId(), newId()]
  const cases = strategyContract({
    strategy: async () => {
      await keep('user_id|i:42;', GOOD)
      return over()
    },
    good: () => ({ handshake: withCookie(`PHPSESSID=${GOOD}`), connect: null }),
    bad: [
      { name: 'an unknown session', request: () => ({ handshake: withCookie(`PHPSESSID=${GONE}`), connect: null }) },
      { name: 'an id that PHP never makes', request: () => ({ handshake: withCookie('PHPSESSID=*'), connect: null }) },
    ],
    unavailable: () => ({
      strategy: phpSession({
        redis: { sendCommand: async ([, key]) => Promise.reject(new Error(`no ${key}`)) },
        identify: byUserId,
      }),
      handshake: withCookie(`PHPSESSID=${GOOD}`),
      connect: null,
    }),
    secrets: [GOOD, GONE],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('a session of PHP', () => {
  it('gives identity, lease and the name to revoke it by', async () => {
    const clock = fakeClock()
    const now = clock.now() / 1000
    const sid = await keep(`user_id|i:42;org|s:4:"acme";at|i:${Math.floor(now) - 50};`)
    const strategy = phpSession({
      redis: node,
      prefix,
      issuer: 'https://site.example',
      clock,
      leaseSeconds: 600,
      identify: ({ user_id, org, at }) => ({ subject: `u${user_id}`, claims: { org }, issuedAt: Number(at) }),
    })
    expect(await present(strategy as never, sid)).toEqual({
      identity: { scheme: 'php-session', issuer: 'https://site.example', subject: 'u42', claims: { org: 'acme' } },
      lease: { id: expect.stringMatching(/^[\w-]{22}$/), issuedAt: Math.floor(now) - 50, expiresAt: now + 600 },
      revocableBy: [{ session: sid }],
    })
  })

  it('leaves no timer behind', async () => {
    const { clock, pending } = fakeTime()
    await present(over({ clock }), await keep('user_id|i:1;'))
    expect(pending()).toBe(0)
  })

  it('is read alike by node-redis and ioredis, bytes and all', async () => {
    const sid = await keep(Buffer.from('b|s:4:"\x00\x01\xff\xfe";user_id|i:7;', 'latin1'))
    for (const redis of [node, io]) {
      const seen: unknown[] = []
      const strategy = phpSession({
        redis,
        prefix,
        identify: (session) => {
          seen.push(session.b)
          return byUserId(session)
        },
      })
      expect((await present(strategy, sid))?.identity.subject).toBe('7')
      expect(seen).toEqual([new Uint8Array([0, 1, 255, 254])])
    }
  })

  it('on which nobody is logged in is nobody, also when nothing is in it', async () => {
    expect(await present(over(), await keep(''))).toBeNull()
    expect(await refusal(present(over(), newId()))).toBe('AUTH_CREDENTIAL_INVALID session_unknown')
    expect(await present(over(), await keep('visits|i:1;'))).toBeNull()
    expect(await over().authenticate(handshakeOf(), null)).toBeNull()
  })

  it('that is frozen cannot be changed by identify', async () => {
    const sid = await keep('user_id|i:1;roles|a:1:{i:0;s:4:"user";}')
    const identify = (session: PhpRecord) => {
      ;(session.roles as string[]).push('admin')
      return { subject: '1' }
    }
    await expect(present(over({ identify }), sid)).rejects.toThrow(TypeError)
  })

  it.each([
    ['a value without a name', 'i:1;', 'AUTH_CREDENTIAL_INVALID session_malformed'],
    ['one that PHP did not write', 'hello', 'AUTH_CREDENTIAL_INVALID session_malformed'],
    ['one with bytes after the last value', 'user_id|i:1;x', 'AUTH_CREDENTIAL_INVALID session_malformed'],
    ['one that cycles', 'user_id|i:1;a|a:1:{i:0;R:2;}', 'AUTH_CREDENTIAL_INVALID session_malformed'],
  ])('refuses %s', async (_name, value, expected) => {
    expect(await refusal(present(over(), await keep(value)))).toBe(expected)
  })

  it('P14: refuses 8 MB, of which Redis sends 1 MiB and a byte', async () => {
    const sid = await keep(`user_id|i:1;x|s:8388608:"${'a'.repeat(8_388_608)}";`)
    let received = 0
    const redis = {
      async sendCommand(command: string[], options: never) {
        const answer = (await node.sendCommand(command, options)) as Buffer
        received = answer.length
        return answer
      },
    }
    expect(await refusal(present(over({ redis }), sid))).toBe('AUTH_CREDENTIAL_INVALID session_too_large')
    expect(received).toBe(1_048_577)
  })

  it('P10, S23: is read by one command that writes nothing, though PHP holds its lock', async () => {
    const sid = await keep('user_id|i:1;')
    await node.set(`${prefix}${sid}_LOCK`, 'held', { EX: 30 })
    await node.expire(prefix + sid, 100)
    const commands: string[] = []
    const redis = {
      sendCommand(command: string[], options: never) {
        commands.push(command.join(' '))
        return node.sendCommand(command, options)
      },
    }
    expect(await present(over({ redis }), sid)).not.toBeNull()
    expect(commands).toEqual([`GETRANGE ${prefix}${sid} 0 1048576`])
    expect(await node.ttl(prefix + sid)).toBeGreaterThan(95)
  })

  it('P12: logs in by an integer or digits only, in their exact form', () => {
    const accepted = [1, 42, 9007199254740993n, '1', '42', '9223372036854775807']
    expect(accepted.map((value) => phpUserId(value))).toEqual(accepted.map(String))
    const refused = [
      true,
      false,
      null,
      1.5,
      Number.NaN,
      -1,
      0,
      -0,
      '',
      '0',
      '01',
      '1.0',
      '1e3',
      ' 1',
      '1\n',
      '-1',
      1e300,
      [],
      {},
    ]
    for (const value of [...refused, '9'.repeat(20), undefined, new PhpObject('User', Object.freeze({ id: 1 }))]) {
      expect(phpUserId(value as never)).toBeNull()
    }
  })

  it('P08, P12: tells an object, a boolean and a fraction from an id', async () => {
    for (const value of ['O:4:"User":1:{s:2:"id";i:1;}', 'd:1.5;', 'b:1;', 'a:1:{i:0;i:1;}', 'E:6:"Id:One";']) {
      expect(await present(over(), await keep(`user_id|${value}`))).toBeNull()
    }
  })

  it('P05: does not take a variable from inside a string, whose length is counted in bytes', async () => {
    const note = 'a|b:1;admin|b:1;'
    const emoji = '\u{1F600}\u{1F600}'
    const sid = await keep(`name|s:8:"${emoji}";note|s:${note.length}:"${note}";admin|b:0;user_id|i:1;`)
    const strategy = over({ identify: (session: PhpRecord) => ({ subject: '1', claims: { admin: session.admin } }) })
    expect((await present(strategy, sid))?.identity.claims).toEqual({ admin: false })
  })

  it('P07: has no admin by a variable called __proto__', async () => {
    const sid = await keep('__proto__|a:1:{s:5:"admin";b:1;}user_id|i:1;')
    const strategy = over({
      identify: (session: PhpRecord) => ({ subject: '1', claims: { admin: session.admin ?? null } }),
    })
    expect((await present(strategy, sid))?.identity.claims).toEqual({ admin: null })
  })
})

describe('the id of a session', () => {
  it.each([
    ['a pattern', '*'],
    ['a separator', 'a:b'.padEnd(26, 'x')],
    ['a path', '../sess:admin'.padEnd(26, 'x')],
    ['a NUL', `${'a'.repeat(26)}%00`],
    ['a line break', `${'a'.repeat(26)}%0d%0aGET`],
    ['a hash tag', `{${'a'.repeat(26)}}`],
    ['21 characters', 'a'.repeat(21)],
    ['257 characters', 'a'.repeat(257)],
    ['a space at its end', `${'a'.repeat(26)}%20`],
    ['nothing', ''],
    ['one megabyte', 'a'.repeat(1_048_576)],
  ])('P03: that is %s never reaches Redis', async (_name, sid) => {
    const asked: unknown[] = []
    const redis = { sendCommand: async (command: string[]) => asked.push(command) }
    expect(await refusal(present(over({ redis }), sid))).toMatch(/^AUTH_CREDENTIAL_INVALID (session_id|too_long)$/)
    expect(asked).toEqual([])
  })

  it('P03: in PHPSESSID[] is an array for PHP, and none here', async () => {
    expect(await over().authenticate(withCookie(`PHPSESSID[]=${newId()}`), null)).toBeNull()
  })

  it('S04: is the first of two, as for PHP', async () => {
    const [mine, other] = [await keep('user_id|i:1;'), await keep('user_id|i:2;')]
    const answer = await over().authenticate(withCookie(`PHPSESSID=${mine}; PHPSESSID=${other}`), null)
    expect(answer?.identity.subject).toBe('1')
  })

  it('S8: comes from the query only where allowQuerySessionId names the parameter', async () => {
    const sid = await keep('user_id|i:1;')
    const handshake = handshakeOf({ query: { PHPSESSID: sid, session: sid } })
    expect(await over().authenticate(handshake, null)).toBeNull()
    expect(await over({ allowQuerySessionId: 'session' }).authenticate(handshake, null)).not.toBeNull()
  })
})

describe('configuration', () => {
  it.each([
    ['redis', { redis: {} }],
    ['redis', { redis: null }],
    ['identify', { identify: undefined }],
    ['handler', { handler: 'igbinary' }],
    ['name', { name: 'my.session' }],
    ['sessionIdPattern', { sessionIdPattern: /x/g }],
    ['leaseSeconds', { leaseSeconds: -1 }],
    ['storeTimeoutMs', { storeTimeoutMs: 2 ** 31 }],
    ['allowQuerySessionId', { allowQuerySessionId: '' }],
    ['store', { store: {} }],
  ])('Z10: a wrong "%s" is a TypeError that quotes it', (option, wrong) => {
    expect(() => over(wrong)).toThrow(`"${option}"`)
  })

  it('P04: an empty prefix is refused: a cookie could name any key', () => {
    expect(() => over({ prefix: '' })).toThrow('"prefix"')
  })

  it('a client that gives text instead of bytes is AUTH_UNAVAILABLE, not a guess', async () => {
    const sid = await keep('user_id|i:1;')
    const redis = { sendCommand: (command: string[]) => node.sendCommand(command) }
    expect(await refusal(present(over({ redis }), sid))).toBe('AUTH_UNAVAILABLE store_client')
  })

  it('Redis that does not answer is AUTH_UNAVAILABLE at the deadline', async () => {
    const clock = fakeClock()
    const redis = { sendCommand: () => new Promise<never>(() => {}) }
    const answer = refusal(present(over({ redis, clock, storeTimeoutMs: 250 }), newId()))
    await clock.advance(250)
    expect(await answer).toBe('AUTH_UNAVAILABLE store_timeout')
  })

  it('S11: a key of another type is AUTH_UNAVAILABLE', async () => {
    const sid = newId()
    await node.hSet(prefix + sid, 'a', 'b')
    for (const redis of [node, io]) {
      expect(await refusal(present(over({ redis }), sid))).toBe('AUTH_UNAVAILABLE store_failed')
    }
  })

  it('P06: another handler than the one PHP uses is AUTH_UNAVAILABLE, and one warning a minute that names both', async () => {
    const clock = fakeClock()
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const strategy = over({ clock, handler: 'php' })
      const sid = await keep('a:1:{s:7:"user_id";i:1;}')
      for (let i = 0; i < 3; i += 1)
        expect(await refusal(present(strategy, sid))).toBe('AUTH_UNAVAILABLE session_handler')
      expect(warn.mock.calls).toHaveLength(1)
      expect(String(warn.mock.calls[0]?.[0])).toContain(
        '"handler" is php, but PHP seems to write sessions with php_serialize',
      )
      await clock.advance(60_000)
      await refusal(present(strategy, sid))
      expect(warn.mock.calls).toHaveLength(2)
      expect(JSON.stringify(warn.mock.calls)).not.toContain(sid)
    } finally {
      warn.mockRestore()
    }
  })

  it('P05, P06: what a user typed does not become a variable when the handler is wrong', async () => {
    const typed = '|b:1;admin|b:1;user_id|i:1;y|a:1:{i:0;s:3:"abc'
    const serialized = `a:1:{s:4:"note";s:${typed.length}:"${typed}";}`
    expect(await refusal(present(over({ handler: 'php' }), await keep(serialized)))).toBe(
      'AUTH_UNAVAILABLE session_handler',
    )
    const binary = Buffer.from(`\u0004notes:${typed.length}:"${typed}";`)
    expect(await refusal(present(over({ handler: 'php' }), await keep(binary)))).toBe(
      'AUTH_UNAVAILABLE session_handler',
    )
  })
})

const vectors = new URL('../../../../../shared/vectors/php-sessions/php_sessions.json', import.meta.url)
const hasVectors = existsSync(vectors)
if (!hasVectors) console.warn('skipped: the PHP sessions are not here (../shared/vectors beside the repository)')

interface Vector {
  readonly handler: string
  readonly case: string
  readonly raw_b64: string
  readonly php_reads_back: unknown
}

/** As the vectors write what JSON cannot say. An empty array of PHP is `{}` there. */
function asVector(value: unknown): unknown {
  if (typeof value === 'bigint') return { $int: String(value) }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { $float: Number.isNaN(value) ? 'NAN' : value > 0 ? 'INF' : '-INF' }
  }
  if (value instanceof Uint8Array) return { $b64: Buffer.from(value).toString('base64') }
  if (value instanceof PhpObject) {
    const { name } = value.properties
    if (value.className === 'Role') return { $enum: `Role:${name}` }
    return { $class: value.className, $props: asVector(value.properties) }
  }
  if (Array.isArray(value)) return value.length === 0 ? {} : value.map(asVector)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, asVector(member)]))
  }
  return value
}

describe.runIf(hasVectors)('P01: what real PHP wrote, under five handlers', () => {
  const all = hasVectors ? (JSON.parse(readFileSync(vectors, 'utf8')) as { vectors: Vector[] }).vectors : []
  const readable = all.filter(({ handler }) => /^php/.test(handler))

  it('is 72 sessions that can be read and 43 that cannot', () => {
    expect([readable.length, all.length - readable.length]).toEqual([72, 43])
  })

  it.each(readable.map((vector) => [vector.handler, vector.case, vector] as const))(
    '%s reads %s as PHP does',
    async (handler, _name, vector) => {
      const raw = Buffer.from(vector.raw_b64, 'base64')
      let seen: unknown
      const identify = (session: PhpRecord) => {
        seen = asVector(session)
        return null
      }
      const answer = refusal(present(over({ handler, identify }), await keep(raw)))
      expect(await answer).toBe('accepted')
      expect(seen).toEqual(vector.php_reads_back)
    },
  )

  it('is never misread by a handler that did not write it', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      for (const vector of all) {
        const sid = await keep(Buffer.from(vector.raw_b64, 'base64'))
        for (const handler of ['php', 'php_serialize', 'php_binary']) {
          if (handler === vector.handler || vector.raw_b64 === '') continue
          const answer = await refusal(present(over({ handler }), sid))
          expect([vector.handler, vector.case, answer]).toEqual([
            vector.handler,
            vector.case,
            'AUTH_UNAVAILABLE session_handler',
          ])
        }
      }
      const said = new Set(warn.mock.calls.map(([message]) => /with (\w+);/.exec(String(message))?.[1]))
      expect(said).toEqual(new Set(['php', 'php_serialize', 'php_binary', 'igbinary', 'msgpack']))
    } finally {
      warn.mockRestore()
    }
  })
})

describe('S13: a real PHP site that logs in', () => {
  describe.each(['php', 'php_serialize', 'php_binary'] as const)('with serialize_handler %s', (handler) => {
    const own = `SITE_${handler}_${newId()}:`
    let site: PhpSite
    beforeAll(async () => {
      const { hostname, port } = new URL(redisUrl())
      site = await startPhp({
        'session.save_handler': 'redis',
        'session.save_path': `"tcp://${hostname}:${port || 6379}?prefix=${own}"`,
        'session.serialize_handler': handler,
        'session.use_strict_mode': '1',
      })
    })
    afterAll(async () => {
      await site.stop()
      const keys = await node.keys(`${own}*`)
      if (keys.length > 0) await node.del(keys)
    })

    const opened = async () => {
      const strategy = phpSession({
        redis: node,
        prefix: own,
        handler,
        identify: ({ user_id, org, admin }) => {
          const id = phpUserId(user_id)
          return id === null ? null : { subject: id, claims: { org, admin: admin ?? false } }
        },
      })
      const server = await start({ strategies: [strategy as never] })
      const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
      chat.on('connection', (socket) => socket.emit('you are', socket.data.identity))
      return {
        ...server,
        connect: (cookie: string) => server.client('/chat', { extraHeaders: { cookie, origin: ORIGIN } }),
      }
    }
    const handshake = async (server: Awaited<ReturnType<typeof opened>>, cookie: string) => {
      const answer = await server.upgrade('/socket.io/?EIO=4&transport=websocket', { origin: ORIGIN, cookie })
      return [answer.status, answer.body && JSON.parse(answer.body).code]
    }

    it('admits its cookie, and nothing that a user typed there', async () => {
      const server = await opened()
      const { cookie } = await site.get('/login?user=42')
      const [identity] = await next(server.connect(cookie), 'you are')
      expect(identity).toMatchObject({ scheme: 'php-session', subject: '42', claims: { org: 'acme', admin: false } })
    })

    it('P11, S15: refuses the id from before a login, and any after logout', async () => {
      const server = await opened()
      const before = await site.get('/visit')
      const { cookie } = await site.get('/login?user=42', before.cookie)
      expect(cookie).not.toBe(before.cookie)
      expect(await handshake(server, before.cookie)).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
      expect(await outcome(server.connect(cookie))).toBeNull()
      await site.get('/logout', cookie)
      expect(await handshake(server, cookie)).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
    })

    it('P09: refuses a visitor who has not logged in, and an id that somebody made up', async () => {
      const server = await opened()
      const { cookie } = await site.get('/visit')
      expect(await handshake(server, cookie)).toEqual([401, 'AUTH_CREDENTIAL_MISSING'])
      const planted = `PHPSESSID=${newId()}`
      const { cookie: given } = await site.get('/login?user=42', planted)
      expect(given).not.toBe(planted)
      expect(await handshake(server, planted)).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
    })
  })
})
