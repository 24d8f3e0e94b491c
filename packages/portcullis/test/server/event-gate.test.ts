import { type } from 'arktype'
import { deny, permit, permitIf, requireScope } from 'portcullis'
import type { Socket } from 'socket.io-client'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { gate, next, outcome, start } from '../harness.ts'

type Policy = Parameters<Awaited<ReturnType<typeof start>>['auth']['protect']>[1]

/** A connected client of `/chat`, and everything that the application's listeners saw. */
async function chatting(events: Policy['events'], options: Parameters<typeof start>[0] = {}, token = 'alice-key') {
  const server = await start(options)
  const chat = server.auth.protect(server.io.of('/chat'), { events } as Policy)
  const seen: unknown[] = []
  chat.on('connection', (socket) => {
    socket.prependAny((event: string) => seen.push(`any ${event}`))
    socket.use(([event], done) => {
      seen.push(`use ${event}`)
      done()
    })
    socket.onAny((_event: string, ...args: unknown[]) => {
      const ack = args.at(-1)
      if (typeof ack === 'function') ack({ ok: true })
    })
    for (const event of Object.keys(events)) {
      socket.on(event, (...args: unknown[]) => seen.push([event, ...args.filter((arg) => typeof arg !== 'function')]))
    }
  })
  const socket = server.client('/chat', { auth: { token } })
  const connection = next(chat, 'connection')
  expect(await outcome(socket)).toBe(null)
  const [serverSocket] = (await connection) as [import('socket.io').Socket]
  return { ...server, chat, socket, serverSocket, seen }
}

/** A round trip that the server answers after everything sent before it. */
const settled = (socket: Socket) => socket.emitWithAck('auth:whoami')

describe('event gate', () => {
  it('delivers a permitted event, and its acknowledgement', async () => {
    const { socket, seen } = await chatting({ 'message:list': () => permit() })
    expect(await socket.emitWithAck('message:list', 1)).toEqual({ ok: true })
    await expect.poll(() => seen).toEqual(['any message:list', 'use message:list', ['message:list', 1]])
  })

  it('fact 6, A09: answers the acknowledgement of a refused event, and shows it to no listener, onAny included', async () => {
    const { socket, seen } = await chatting({ 'message:send': () => deny() })
    expect(await socket.emitWithAck('message:send', 'x')).toEqual({
      error: { code: 'AUTH_FORBIDDEN', message: 'This is not permitted.', retry: 'never' },
    })
    expect(seen).toEqual([])
  })

  it('A01: refuses an event that has no rule', async () => {
    const { socket, seen } = await chatting({})
    expect(await socket.emitWithAck('anything')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(seen).toEqual([])
  })

  it('tells of a refused event without acknowledgement by auth:denied', async () => {
    const { socket } = await chatting({})
    const denied = next(socket, 'auth:denied')
    socket.emit('anything')
    expect(await denied).toEqual([
      { code: 'AUTH_FORBIDDEN', message: 'This is not permitted.', retry: 'never', event: 'anything' },
    ])
  })

  it.each([
    'Message:send',
    'message:send ',
    'message:send\u0000',
    'message\u200b:send',
    'mеssage:send',
    '__proto__',
    'constructor',
    'toString',
    '',
    'error',
  ])('A07, A08: takes %j for what it is, an event without a rule', async (event) => {
    const { socket, seen } = await chatting({ 'message:send': () => permit() })
    expect(await socket.emitWithAck(event)).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(seen).toEqual([])
  })

  it('A08: refuses a numeric event name', async () => {
    const { socket, seen } = await chatting({ 1: () => permit() })
    socket.io.engine.write('2/chat,[1,"x"]')
    await settled(socket)
    expect(seen).toEqual([])
  })

  it('A12: decides about binary, volatile and compressed events as about plain ones', async () => {
    const { socket, seen } = await chatting({ ok: () => permit(), no: () => deny() })
    expect(await socket.emitWithAck('no', Buffer.from([1]))).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(await socket.compress(true).timeout(1000).emitWithAck('no')).toMatchObject({
      error: { code: 'AUTH_FORBIDDEN' },
    })
    socket.volatile.emit('no')
    expect(await socket.emitWithAck('ok', Buffer.from([1]))).toEqual({ ok: true })
    expect(seen.filter((line) => String(line).includes('no'))).toEqual([])
  })

  it('A20: requireScope compares whole scopes', async () => {
    const { socket, records, client } = await chatting({ send: requireScope('chat') })
    expect(await socket.emitWithAck('send')).toMatchObject({ error: { code: 'AUTH_INSUFFICIENT_SCOPE' } })
    for (const [scope, admitted] of [
      ['chat', true],
      ['chatter', false],
      ['chat:*', false],
      ['x chat y', true],
      ['x\tchat', false],
      ['CHAT', false],
    ] as const) {
      records.set(scope, { subject: scope, claims: { org: 'x', scope } })
      const other = client('/chat', { auth: { token: scope } })
      await outcome(other)
      const answer = await other.emitWithAck('send')
      expect([scope, !answer.error]).toEqual([scope, admitted])
    }
  })

  it('keeps event order when the first rule is slow', async () => {
    const held = gate()
    const { socket, seen } = await chatting({
      slow: async () => {
        await held.promise
        return permit()
      },
      fast: () => permit(),
      never: () => deny(),
    })
    const denied = next(socket, 'auth:denied')
    socket.emit('fast', 0)
    socket.emit('slow', 1)
    socket.emit('fast', 2)
    socket.emit('never', 3)
    socket.emit('slow', 4)
    socket.emit('fast', 5)
    await expect.poll(() => seen.some((line) => Array.isArray(line))).toBe(true)
    held.open()
    await denied
    await settled(socket)
    await expect
      .poll(() => seen.filter((line) => Array.isArray(line)))
      .toEqual([
        ['fast', 0],
        ['slow', 1],
        ['fast', 2],
        ['slow', 4],
        ['fast', 5],
      ])
  })

  it('delivers a disconnect only after the events that were sent before it', async () => {
    const held = gate()
    const asked = gate()
    const { socket, seen, serverSocket } = await chatting({
      slow: async () => {
        asked.open()
        await held.promise
        return permit()
      },
    })
    serverSocket.on('disconnect', () => seen.push('disconnect'))
    socket.emit('slow', 1)
    socket.disconnect()
    await asked.promise
    // The transport stays open: only the namespace was left.
    held.open()
    await expect.poll(() => seen).toContain('disconnect')
    expect(seen.indexOf('any slow')).toBeLessThan(seen.indexOf('disconnect'))
  })

  it('bounds what waits behind a slow rule, and refuses the rest with AUTH_RATE_LIMITED', async () => {
    const { socket } = await chatting(
      { slow: () => new Promise(() => {}) },
      { limits: { maxQueuedPackets: 2, ruleTimeoutMs: 50 } },
    )
    const answers = await Promise.all(Array.from({ length: 5 }, () => socket.emitWithAck('slow')))
    expect(answers.map(({ error }) => error.code).sort()).toEqual([
      'AUTH_RATE_LIMITED',
      'AUTH_RATE_LIMITED',
      'AUTH_UNAVAILABLE',
      'AUTH_UNAVAILABLE',
      'AUTH_UNAVAILABLE',
    ])
  })

  it('D13, A27: denies whatever is no decision, and whoever throws, rejects or never answers', async () => {
    const rules = {
      undefined: () => undefined,
      one: () => 1,
      true: () => true,
      'promise of true': async () => true,
      text: () => 'permit',
      empty: () => ({}),
      allow: () => ({ allow: true }),
      'A27 effect': () => ({ effect: 'yes', expiresAt: null }),
      'permit without end': () => ({ effect: 'permit' }),
      'inherited permit': () => Object.create({ effect: 'permit', expiresAt: null }),
      throws: () => {
        throw new Error('secret')
      },
      rejects: async () => {
        throw new Error('secret')
      },
      'bad thenable': () => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable that throws is the attack
        then: () => {
          throw new Error('secret')
        },
      }),
      'unknown code': () => ({ effect: 'deny', code: 'NOPE' }),
      hangs: () => new Promise(() => {}),
    }
    const { socket, seen, errors } = await chatting(rules as never, { limits: { ruleTimeoutMs: 20 } })
    for (const event of Object.keys(rules)) {
      const { error } = await socket.emitWithAck(event)
      expect([event, error.code]).toEqual([event, event === 'hangs' ? 'AUTH_UNAVAILABLE' : 'AUTH_ERROR'])
      expect(JSON.stringify(error)).not.toContain('secret')
    }
    expect(seen).toEqual([])
    expect(errors.length).toBe(Object.keys(rules).length - 1)
  })

  it('Z06: decides the same with a polluted Object.prototype', async () => {
    const { socket } = await chatting({ no: () => deny(), empty: (() => ({})) as never })
    const polluted = Object.prototype as Record<string, unknown>
    Object.assign(polluted, { effect: 'permit', expiresAt: null, rule: () => permit() })
    try {
      const answers = await Promise.all(['no', 'empty', 'missing'].map((event) => socket.emitWithAck(event)))
      expect(answers.map(({ error }) => error.code)).toEqual(['AUTH_FORBIDDEN', 'AUTH_ERROR', 'AUTH_FORBIDDEN'])
    } finally {
      for (const name of ['effect', 'expiresAt', 'rule']) delete polluted[name]
    }
  })

  it('A10: ignores an acknowledgement from a socket whose authority has ended', async () => {
    let now = Date.now()
    const clock = { now: () => now, setTimer: () => () => {} }
    const server = await start({ clock })
    server.records.set('short', { subject: 'short', expiresAt: now / 1000 + 60 })
    const chat = server.auth.protect(server.io.of('/chat'), { events: { ping: () => permit() } })
    const connection = next(chat, 'connection')
    const socket = server.client('/chat', { auth: { token: 'short' } })
    await outcome(socket)
    const [serverSocket] = (await connection) as [import('socket.io').Socket]
    const answers: unknown[] = []
    serverSocket.emit('question', (answer: unknown) => answers.push(answer))
    const [reply] = (await next(socket, 'question')) as [(answer: string) => void]
    now += 61_000
    reply('late')
    // R02: the same connection hears that its events come too late, though no timer has fired.
    expect(await socket.emitWithAck('ping')).toMatchObject({ error: { code: 'AUTH_EXPIRED' } })
    expect(answers).toEqual([])
  })

  it('R02: refuses an event whose lease ended while its rule worked', async () => {
    let now = Date.now()
    const server = await start({ clock: { now: () => now, setTimer: () => () => {} } })
    server.records.set('short', { subject: 'short', expiresAt: now / 1000 + 60 })
    const seen: string[] = []
    const chat = server.auth.protect(server.io.of('/chat'), {
      events: {
        slow: async () => {
          now += 61_000
          return permit()
        },
      },
    })
    chat.on('connection', (socket) => socket.onAny((event) => seen.push(event)))
    const socket = server.client('/chat', { auth: { token: 'short' } })
    await outcome(socket)
    expect(await socket.emitWithAck('slow')).toMatchObject({ error: { code: 'AUTH_EXPIRED' } })
    expect(seen).toEqual([])
  })

  it('R25: delivers nothing to a socket that left while a rule worked', async () => {
    const held = gate()
    const asked = gate()
    const { socket, seen, serverSocket } = await chatting({
      slow: async () => {
        asked.open()
        await held.promise
        return permit()
      },
    })
    const gone = next(serverSocket, 'disconnect')
    socket.emit('slow')
    await asked.promise
    socket.io.engine.close()
    await gone
    held.open()
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual([])
  })

  it('A13: guards an event that comes in the same payload as the connect', async () => {
    const server = await start()
    const seen: string[] = []
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    chat.on('connection', (socket) => socket.onAny((event) => seen.push(event)))
    const opened = await server.get('/socket.io/?EIO=4&transport=polling')
    const { sid } = JSON.parse(opened.body.slice(1))
    const path = `/socket.io/?EIO=4&transport=polling&sid=${sid}`
    const body = ['40/chat,{"token":"alice-key"}', '42/chat,["stolen"]', '42/chat,["stolen"]'].join('\x1e')
    await fetch(server.url + path, { method: 'POST', body })
    let answer = ''
    for (let i = 0; i < 5 && !answer.includes('40/chat'); i += 1) answer += (await server.get(path)).body
    expect(seen).toEqual([])
  })

  it('lets what the application itself throws in a listener end as it does without a gate', async () => {
    const { socket, serverSocket } = await chatting({ slow: async () => permit() })
    serverSocket.prependAny(() => {
      throw new Error('the application failed')
    })
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    try {
      const thrown = next(process as never, 'uncaughtException')
      socket.emit('slow')
      expect(String((await thrown)[0])).toContain('the application failed')
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })
})

describe('arguments', () => {
  const Body = z.object({ text: z.string().trim().min(1).max(5) })

  it('reach rule and handler as the schema puts them out', async () => {
    const asked: unknown[] = []
    const { socket, seen } = await chatting({
      send: {
        args: z.tuple([Body]),
        rule: ({ args }: { args: unknown }) => {
          asked.push(args)
          return permit()
        },
      } as never,
    })
    await socket.emitWithAck('send', { text: ' hi ', admin: true })
    expect(asked).toEqual([[{ text: 'hi' }]])
    await expect.poll(() => seen).toContainEqual(['send', { text: 'hi' }])
  })

  it.each([
    ['zod', z.tuple([z.object({ text: z.string().trim().min(1) })])],
    ['valibot', v.tuple([v.object({ text: v.pipe(v.string(), v.trim(), v.minLength(1)) })])],
    ['arktype', type([{ text: 'string.trim |> string >= 1' }])],
  ])('are checked and put out by %s alike', async (_name, args) => {
    const { socket, seen } = await chatting({ send: { args, rule: () => permit() } as never })
    await socket.emitWithAck('send', { text: ' hi ' })
    await expect.poll(() => seen).toContainEqual(['send', { text: 'hi' }])
    for (const wrong of [[], [{}], [{ text: '  ' }], [{ text: 7 }], [null], ['text']]) {
      expect(await socket.emitWithAck('send', ...wrong)).toMatchObject({ error: { code: 'AUTH_ARGUMENTS_INVALID' } })
    }
    expect(seen.filter((line) => Array.isArray(line))).toHaveLength(1)
  })

  it.each([[[]], [[{}]], [[{ text: '' }]], [[{ text: 'too long' }]], [[{ text: 'hi' }, 'more']], [[null]], [['text']]])(
    'that do not fit are refused with AUTH_ARGUMENTS_INVALID before rule and handler: %j',
    async (args) => {
      const { socket, seen } = await chatting({
        send: {
          args: z.tuple([Body]),
          rule: () => {
            throw new Error('asked')
          },
        } as never,
      })
      expect(await socket.emitWithAck('send', ...args)).toMatchObject({
        error: { code: 'AUTH_ARGUMENTS_INVALID', retry: 'never' },
      })
      expect(seen).toEqual([])
    },
  )

  it('may be checked asynchronously, in order, and within the deadline', async () => {
    const slow = z.tuple([z.string().refine(async (value) => value === 'good' || new Promise<never>(() => {}))])
    const { socket, seen } = await chatting(
      { send: { args: asynchronous(slow), rule: () => permit() } as never, fast: () => permit() },
      { limits: { ruleTimeoutMs: 30 } },
    )
    const late = socket.emitWithAck('send', 'hangs')
    socket.emit('fast', 2)
    expect(await late).toMatchObject({ error: { code: 'AUTH_UNAVAILABLE' } })
    expect(await socket.emitWithAck('send', 'good')).toEqual({ ok: true })
    await expect
      .poll(() => seen.filter((line) => Array.isArray(line)))
      .toEqual([
        ['fast', 2],
        ['send', 'good'],
      ])
  })
})

/** zod decides at the call whether a check is asynchronous; by its own interface it may be. */
function asynchronous<T extends z.ZodType>(schema: T) {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value: unknown) => schema['~standard'].validate(value),
    },
  }
}

describe('room and organization', () => {
  it('A19: decides by the identity, not by what the client says of itself', async () => {
    const { socket } = await chatting({
      send: ({ identity, args }) => permitIf(identity.claims.org === (args[0] as { org?: string })?.org),
    })
    expect(await socket.emitWithAck('send', { org: 'globex' })).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(await socket.emitWithAck('send', { org: 'acme' })).toEqual({ ok: true })
  })
})
