/** Rows of the threat catalogue that no other file plays: raw frames, old protocols, tenants, and the order of registration. */

import { deny, permit, permitIf } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { next, ORIGIN, onCleanup, outcome, start } from '../harness.ts'

const OPEN = '/socket.io/?EIO=4&transport=polling'
const auth = { token: 'alice-key' }

/** A polling session by hand: what is posted, and all that comes back. */
async function raw(server: Awaited<ReturnType<typeof start>>, path = OPEN) {
  const { sid } = JSON.parse((await server.get(path)).body.slice(1))
  const session = `${path}&sid=${sid}`
  return {
    post: async (...packets: string[]) =>
      (await fetch(server.url + session, { method: 'POST', body: packets.join('\x1e') })).status,
    poll: async () => (await server.get(session)).body.split('\x1e'),
  }
}

describe('frames', () => {
  it('A11: answers under whatever acknowledgement id it is asked, and never twice', async () => {
    const server = await start()
    const chat = server.auth.protect(server.io.of('/chat'), { events: { ok: () => permit(), no: () => deny() } })
    chat.on('connection', (socket) => socket.on('ok', (ack) => ack('fine')))
    const { post, poll } = await raw(server)
    await post('40/chat,{"token":"alice-key"}')
    await poll()
    await post('42/chat,7["ok"]', '42/chat,7["no"]', '42/chat,9007199254740993["no"]', '43/chat,7["never asked"]')
    let answers: string[] = []
    while (answers.length < 3) answers = answers.concat(await poll())
    expect(answers.map((answer) => answer.replace(/\{.*\}/, '{…}')).sort()).toEqual([
      '43/chat,7["fine"]',
      '43/chat,7[{…}]',
      '43/chat,9007199254740992[{…}]',
    ])
  })

  it('Z05: answers an unknown session id with 400, and keeps nothing of it', async () => {
    const server = await start()
    server.auth.protect(server.io.of('/chat'), { events: {} })
    expect((await server.get(`${OPEN}&sid=AAAAAAAAAAAAAAAAAAAA`)).status).toBe(400)
    expect((await server.get(`${OPEN}&sid=__proto__`)).status).toBe(400)
    expect(server.io.engine.clientsCount).toBe(0)
  })

  it('Z09: survives malformed and mutated frames, and dispatches nothing that has no rule', {
    timeout: 30_000,
  }, async () => {
    const server = await start({
      limits: { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY },
    })
    const seen: string[] = []
    const chat = server.auth.protect(server.io.of('/chat'), {
      events: { ok: () => permit() },
      rooms: { 'org:{x}': () => permit() },
    })
    chat.on('connection', (socket) => socket.onAny((event) => seen.push(event)))
    const rejections: unknown[] = []
    const onRejection = (reason: unknown) => rejections.push(reason)
    process.on('unhandledRejection', onRejection)
    onCleanup(() => void process.off('unhandledRejection', onRejection))
    const seeds = [
      '2/chat,["ok",1]',
      '2/chat,1["ok"]',
      '2/chat,2["auth:join","org:a"]',
      '51-/chat,["x",{"_placeholder":true,"num":0}]',
      '3/chat,1[]',
      '0/chat,{}',
      '1/chat,',
      '4/chat,{"message":"x"}',
      '2/chat,["auth:whoami"]',
      '2/chat,[1]',
      '2["__proto__"]',
    ]
    const random = mulberry(20261121)
    let sent = 0
    for (let connections = 0; connections < 60; connections += 1) {
      const socket = server.client('/chat', { auth })
      if ((await outcome(socket)) !== null) throw new Error('a good client was refused')
      const { engine } = socket.io
      for (let i = 0; i < 25 && engine.readyState === 'open'; i += 1) {
        engine.write(mutate(seeds[Math.floor(random() * seeds.length)] ?? '', random))
        sent += 1
      }
      const gone = engine.readyState === 'open' ? next(engine, 'close') : Promise.resolve([])
      socket.disconnect()
      await gone
    }
    expect(sent).toBeGreaterThan(300)
    expect(new Set(seen.filter((event) => event !== 'ok'))).toEqual(new Set())
    expect(rejections).toEqual([])
    expect(server.errors).toEqual([])
    expect(await outcome(server.client('/chat', { auth }))).toBe(null)
  })
})

describe('order and clients', () => {
  it('A14: guards a namespace whose listeners were registered before it was protected', async () => {
    const server = await start()
    const seen: string[] = []
    server.io.of('/chat').on('connection', (socket) => {
      socket.use(([event], done) => {
        seen.push(`use ${event}`)
        done()
      })
      socket.on('secret', () => seen.push('secret'))
    })
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const socket = server.client('/chat', { auth })
    await outcome(socket)
    expect(await socket.emitWithAck('secret')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(seen).toEqual([])
  })

  it.each(['/t-1\n', '/t-1/../admin', '/T-1', '/t-1%00', '/t-1 '])(
    'A15: %j is another namespace than any that has a policy',
    async (name) => {
      const server = await start({}, { cleanupEmptyChildNamespaces: true })
      server.auth.protect(server.io.of(/^\/t-\d$/), { events: {} })
      server.auth.protect(server.io.of('/admin'), { events: {} })
      const { post, poll } = await raw(server)
      await post(`40${name},{"token":"alice-key"}`)
      expect((await poll()).join()).not.toContain('"sid"')
    },
  )

  it('A16: refuses Engine.IO 3 by default; where it is allowed, the same gate decides', async () => {
    const strict = await start()
    strict.auth.protect(strict.io.of('/chat'), { events: {} })
    expect((await strict.get('/socket.io/?EIO=3&transport=polling')).status).toBe(400)
    const lax = await start({}, { allowEIO3: true })
    const seen: string[] = []
    lax.auth.protect(lax.io.of('/chat'), { events: {} }).on('connection', () => seen.push('/chat'))
    lax.io.of('/').on('connection', () => seen.push('/'))
    const { body } = await lax.get('/socket.io/?EIO=3&transport=polling')
    const { sid } = JSON.parse(/\{.*?\}/.exec(body)?.[0] ?? '{}')
    const session = `/socket.io/?EIO=3&transport=polling&sid=${sid}`
    const packet = '40/pub/../chat?token=wrong,'
    await fetch(lax.url + session, { method: 'POST', body: `${packet.length}:${packet}` })
    let answers = ''
    while (!answers.includes('44/chat')) answers += (await lax.get(session)).body
    expect(answers).toContain('44/chat,{"code":"AUTH_CREDENTIAL_INVALID"')
    expect(answers).toContain('AUTH_FORBIDDEN')
    expect(seen).toEqual([])
  })

  it('A22: hands the handler the very arguments that the rule judged', async () => {
    const server = await start()
    const judged: unknown[] = []
    const handled: unknown[] = []
    const chat = server.auth.protect(server.io.of('/chat'), {
      events: {
        send: ({ args }) => {
          judged.push(args[0])
          return permit()
        },
      },
    })
    chat.on('connection', (socket) => socket.on('send', (message) => handled.push(message)))
    const socket = server.client('/chat', { auth })
    await outcome(socket)
    socket.emit('send', { to: 'a' })
    await expect.poll(() => handled.length).toBe(1)
    expect(handled[0]).toBe(judged[0])
  })

  it('A25: keeps tenants apart at namespace, room and event', async () => {
    const tenants = ['a', 'b', 'c', 'd', 'e']
    const server = await start({}, { cleanupEmptyChildNamespaces: true })
    for (const org of tenants) server.records.set(org, { subject: `user-of-${org}`, claims: { org, scope: '' } })
    server.auth.protect(server.io.of(/^\/tenant-\w$/), {
      connect: ({ identity, namespace }) => permitIf(namespace === `/tenant-${identity.claims.org}`),
      events: {},
    })
    server.auth
      .protect(server.io.of('/chat'), {
        events: { send: ({ identity, args }) => permitIf(args[0] === identity.claims.org) },
        rooms: { 'org:{org}': ({ identity, params }) => permitIf(identity.claims.org === params.org) },
      })
      .on('connection', (socket) => socket.on('send', (_org, ack) => ack({ sent: true })))
    const crossings: string[] = []
    for (const own of tenants) {
      const socket = server.client('/chat', { auth: { token: own } })
      await outcome(socket)
      for (const other of tenants) {
        const joined = !('error' in (await socket.emitWithAck('auth:join', `org:${other}`)))
        const sent = !('error' in (await socket.emitWithAck('send', other)))
        const connected = (await outcome(server.client(`/tenant-${other}`, { auth: { token: own } }))) === null
        for (const [level, open] of Object.entries({ joined, sent, connected })) {
          if (open !== (own === other)) crossings.push(`${own} ${level} ${other}`)
        }
      }
    }
    expect(crossings).toEqual([])
  })

  it('Z02: connects a socket once, however late a slow rule fails', async () => {
    let fail = () => {}
    const server = await start({ limits: { ruleTimeoutMs: 20 } })
    let connections = 0
    server.auth
      .protect(server.io.of('/chat'), {
        connect: () =>
          new Promise((_resolve, reject) => {
            fail = () => reject(new Error('late'))
          }),
        events: {},
      })
      .on('connection', () => {
        connections += 1
      })
    const socket = server.client('/chat', { auth })
    expect(await outcome(socket)).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    fail()
    await new Promise((resolve) => setImmediate(resolve))
    expect(connections).toBe(0)
  })
})

describe('origin', () => {
  it('S08: reads a cookie from either of two Cookie lines, as one header', async () => {
    const server = await start()
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const ask = async (cookie: string[]) => (await server.get(OPEN, { origin: ORIGIN, cookie })).status
    expect(await ask(['theme=dark', 'key=alice-key'])).toBe(200)
    expect(await ask(['theme=dark', 'key=wrong'])).toBe(401)
    expect(await ask(['key=wrong', 'key=alice-key'])).toBe(401)
  })

  it('O06: compares with the configured origins, never with Host', async () => {
    const server = await start()
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const answer = await server.get(OPEN, {
      host: 'evil.example',
      origin: 'http://evil.example',
      cookie: 'key=alice-key',
    })
    expect(answer.status).toBe(403)
    const proxied = await server.get(OPEN, { host: 'internal:8080', origin: ORIGIN, cookie: 'key=alice-key' })
    expect(proxied.status).toBe(200)
  })

  it('O09: gives no CORS permission to a page that is not listed', async () => {
    const server = await start({}, { cors: { origin: ORIGIN, credentials: true } })
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const refused = await server.get(OPEN, { origin: 'https://evil.example' })
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([403, ORIGIN])
    // A listed page can read why it was refused.
    const answer = await server.get(OPEN, { origin: ORIGIN, authorization: 'Bearer wrong' })
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([401, ORIGIN])
  })
})

/** A small seeded generator, so that a failure can be repeated. */
function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function mutate(frame: string, random: () => number): string {
  const at = Math.floor(random() * (frame.length + 1))
  const noise = [
    '',
    '\u0000',
    '"',
    '[',
    '{',
    '}',
    '/',
    ',',
    '-1',
    '9'.repeat(20),
    '\ud800',
    '__proto__',
    ' '.repeat(50),
  ]
  const insert = noise[Math.floor(random() * noise.length)] ?? ''
  return frame.slice(0, at) + insert + frame.slice(at + Math.floor(random() * 3))
}
