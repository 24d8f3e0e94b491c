import { describe, expect, it } from 'vitest'
import { deny, permit } from '../../src/core/decision.ts'
import { gate, next } from '../harness.ts'
import { chatting, refused } from './gate-fixture.ts'

const [CONNECT, EVENT, ACK, BINARY_EVENT, BINARY_ACK] = [0, 2, 3, 5, 6]
const decisions = ({ audit }: Awaited<ReturnType<typeof chatting>>) =>
  audit.filter(({ stage }) => stage === 'event').map(({ event, effect, code, rule }) => [event, effect, code, rule])

describe('an event', () => {
  it('that is permitted is delivered in the tick in which it came, and written down', async () => {
    const chat = await chatting({ events: { news: () => permit() } })
    chat.receive({ type: EVENT, data: ['news', 1] })
    expect(chat.seen).toEqual([['news', 1]])
    expect(await chat.ask('news', 2)).toEqual({ ok: 'news' })
    expect(decisions(chat)).toEqual(Array(2).fill(['news', 'permit', null, 'events.news']))
    expect(chat.audit.at(-1)).toMatchObject({
      stage: 'event',
      namespace: '/chat',
      socketId: chat.serverSocket.id,
      identity: { subject: 'alice' },
      tookUs: expect.toSatisfy((us: number) => us >= 0 && us < 60_000_000),
    })
  })

  it('that is refused reaches no listener, and its acknowledgement gets the code', async () => {
    const chat = await chatting({ events: { no: () => deny('AUTH_INSUFFICIENT_SCOPE') } })
    expect(await chat.ask('no')).toEqual({
      error: {
        code: 'AUTH_INSUFFICIENT_SCOPE',
        message: 'The credential lacks a required scope.',
        retry: 'never',
      },
    })
    expect(await chat.ask('unknown')).toEqual(refused('AUTH_FORBIDDEN'))
    expect(decisions(chat)).toEqual([
      ['no', 'deny', 'AUTH_INSUFFICIENT_SCOPE', 'events.no'],
      ['unknown', 'deny', 'AUTH_FORBIDDEN', 'events'],
    ])
    expect(chat.seen).toEqual([])
  })

  it('without an acknowledgement is answered by auth:denied, with at most 200 characters of its name', async () => {
    const { socket, receive } = await chatting()
    for (const name of ['no', 'x'.repeat(300), 7]) {
      const denied = next(socket, 'auth:denied')
      receive({ type: EVENT, data: [name] })
      expect(await denied).toEqual([
        {
          code: 'AUTH_FORBIDDEN',
          message: 'This is not permitted.',
          retry: 'never',
          event: String(name).slice(0, 200),
        },
      ])
    }
  })

  it('with attachments is decided about as any other', async () => {
    const chat = await chatting({ events: { ok: () => permit() } })
    chat.receive({ type: BINARY_EVENT, data: ['ok', Buffer.from('a')] })
    chat.receive({ type: BINARY_EVENT, data: ['no', Buffer.from('a')] })
    expect(chat.seen).toEqual([['ok', Buffer.from('a')]])
  })

  it('whose name is a number has no rule, also where there is one of that spelling', async () => {
    const chat = await chatting({ events: { 7: () => permit() } })
    chat.receive({ type: EVENT, data: [7] })
    expect(chat.seen).toEqual([])
    chat.receive({ type: EVENT, data: ['7'] })
    expect(chat.seen).toEqual([['7']])
  })

  it('under the prefix of the protocol is answered by it alone', async () => {
    const { ask, seen, errors } = await chatting()
    expect(await ask('auth:nothing')).toEqual(refused('AUTH_FORBIDDEN'))
    expect(await ask('auth:')).toEqual(refused('AUTH_FORBIDDEN'))
    expect([seen, errors]).toEqual([[], []])
  })

  it('that is one too many is AUTH_RATE_LIMITED, its rule is not asked, and who goes on has to go', async () => {
    let asked = 0
    const rule = () => {
      asked += 1
      return permit()
    }
    const chat = await chatting({ events: { news: rule } }, { limits: { eventsPerSecond: 2 } })
    for (let i = 0; i < 3; i += 1) chat.receive({ type: EVENT, data: ['news'] })
    expect([asked, chat.audit.at(-1)]).toEqual([
      2,
      expect.objectContaining({ event: 'news', code: 'AUTH_RATE_LIMITED', rule: 'limits', reason: 'events' }),
    ])
    expect(chat.audit.at(-1)).toMatchObject({ stage: 'event', namespace: '/chat', identity: { subject: 'alice' } })
    const other = await chat.join('bob-key')
    for (let i = 0; i < 3; i += 1) other.receive({ type: EVENT, data: ['news'] })
    chat.time.advance(1_000)
    other.receive({ type: EVENT, data: ['news'] })
    expect([asked, other.serverSocket.connected]).toEqual([5, true])
    const closed = next(chat.socket, 'disconnect')
    for (let i = 0; i < 8; i += 1) chat.receive({ type: EVENT, data: ['news'] })
    expect([asked, chat.serverSocket.connected, other.serverSocket.connected]).toEqual([7, false, true])
    await closed
    expect(chat.heard.at(-1)).toMatchObject(['auth:closed', { code: 'AUTH_RATE_LIMITED' }])
  })

  it('may come as often as it likes where that is switched off', async () => {
    const chat = await chatting(
      { events: { news: () => permit() } },
      { limits: { eventsPerSecond: Number.POSITIVE_INFINITY } },
    )
    for (let i = 0; i < 2_500; i += 1) chat.receive({ type: EVENT, data: ['news'] })
    expect(chat.seen).toHaveLength(2_500)
  })

  it('is compared with a second policy, and answered by the first', async () => {
    const differences: unknown[] = []
    const { auth, chat, ask } = await chatting({
      events: { now: () => permit(), soon: async () => permit(), shut: () => deny() },
    })
    const none = deny('AUTH_INSUFFICIENT_SCOPE')
    const policy = { events: { now: () => none, soon: () => none, shut: () => permit(), open: () => permit() } }
    auth.shadow(chat, {
      policy: policy as never,
      onDifference: ({ event, enforced, shadow }) =>
        differences.push([event, enforced.code, enforced.rule, shadow.code]),
    })
    for (const event of ['now', 'soon']) expect(await ask(event)).toEqual({ ok: event })
    for (const event of ['shut', 'open']) expect(await ask(event)).toEqual(refused('AUTH_FORBIDDEN'))
    await expect
      .poll(() => differences)
      .toEqual([
        ['now', null, 'events.now', 'AUTH_INSUFFICIENT_SCOPE'],
        ['soon', null, 'events.soon', 'AUTH_INSUFFICIENT_SCOPE'],
        ['shut', 'AUTH_FORBIDDEN', 'events.shut', null],
        ['open', 'AUTH_FORBIDDEN', 'events', null],
      ])
  })

  it('after the end of the lease is AUTH_EXPIRED, and so is a request of the protocol', async () => {
    const { time, records, ask, join, seen } = await chatting(
      { events: { news: () => permit() } },
      { lease: { graceMs: 60_000 } },
    )
    records.set('short', { subject: 'short', expiresAt: time.seconds() + 10 })
    const other = await join('short')
    time.advance(9_999)
    expect(await other.ask('news')).toEqual({ ok: 'news' })
    time.advance(2)
    expect(await other.ask('news')).toEqual(refused('AUTH_EXPIRED'))
    expect(await other.ask('auth:whoami')).toEqual(refused('AUTH_EXPIRED'))
    expect(await ask('news')).toEqual({ ok: 'news' })
    expect(seen).toHaveLength(2)
  })
})

describe('an event whose rule takes its time', () => {
  it('keeps its place, and so does all that follows, refused or not', async () => {
    const slow = gate()
    const { receive, seen, heard, ask } = await chatting({
      events: {
        slow: async () => {
          await slow.promise
          return permit()
        },
        fast: () => permit(),
      },
    })
    for (const [name, i] of [
      ['fast', 0],
      ['slow', 1],
      ['fast', 2],
      ['no', 3],
      ['slow', 4],
      ['fast', 5],
    ] as const)
      receive({ type: EVENT, data: [name, i] })
    expect(seen).toEqual([['fast', 0]])
    slow.open()
    await ask('auth:whoami')
    expect(seen.map(([, i]) => i)).toEqual([0, 1, 2, 4, 5])
    expect(heard.filter(([event]) => event === 'auth:denied')).toHaveLength(1)
    receive({ type: EVENT, data: ['fast', 6] })
    expect(seen.at(-1)).toEqual(['fast', 6])
  })

  it('is refused with the code of its rule', async () => {
    const { ask } = await chatting({ events: { slow: async () => deny('AUTH_REVOKED') } })
    expect(await ask('slow')).toEqual(refused('AUTH_REVOKED'))
  })

  it.each<[string, (chat: Awaited<ReturnType<typeof chatting>>) => unknown]>([
    ['AUTH_EXPIRED', ({ time }) => time.advance(11_000)],
    ['AUTH_UNAVAILABLE', ({ auth, chat }) => auth.reload({ policies: [[chat, { events: { slow: () => permit() } }]] })],
  ])('is %s when what permitted it has ended meanwhile', async (code, end) => {
    const [slow, asked] = [gate(), gate()]
    const rule = async () => {
      asked.open()
      await slow.promise
      return permit()
    }
    const chat = await chatting(
      { events: { slow: rule } },
      { lease: { graceMs: 60_000 }, limits: { ruleTimeoutMs: 60_000 } },
    )
    chat.records.set('short', { subject: 'short', expiresAt: chat.time.seconds() + 10 })
    const other = await chat.join('short')
    const answered = other.ask('slow')
    await asked.promise
    await end(chat)
    slow.open()
    expect(await answered).toEqual(refused(code))
    expect(chat.seen).toEqual([])
  })

  it('reaches nobody when its socket is gone', async () => {
    const slow = gate()
    const asked = gate()
    const { receive, seen, serverSocket } = await chatting({
      events: {
        slow: async () => {
          asked.open()
          await slow.promise
          return permit()
        },
      },
    })
    receive({ type: EVENT, data: ['slow'] })
    receive({ type: EVENT, data: ['slow'] })
    await asked.promise
    serverSocket.disconnect()
    slow.open()
    await new Promise(setImmediate)
    expect(seen).toEqual([])
  })

  it('lets so many packets wait behind it, and refuses the rest', async () => {
    const slow = gate()
    const { receive, seen, heard, ask, serverSocket } = await chatting(
      {
        events: {
          slow: async () => {
            await slow.promise
            return permit()
          },
          fast: () => permit(),
        },
      },
      { limits: { maxQueuedPackets: 2 } },
    )
    receive({ type: EVENT, data: ['slow'] })
    for (const i of [1, 2, 3]) receive({ type: EVENT, data: ['fast', i] })
    receive({ type: BINARY_EVENT, data: ['fast', 4] })
    slow.open()
    await expect.poll(() => seen.length).toBe(3)
    await ask('auth:whoami')
    expect(seen).toEqual([['slow'], ['fast', 1], ['fast', 2]])
    const denied = heard.filter(([event]) => event === 'auth:denied').map(([, body]) => (body as { code: string }).code)
    expect(denied).toEqual(['AUTH_RATE_LIMITED', 'AUTH_RATE_LIMITED'])
    expect(serverSocket.connected).toBe(true)
  })

  it('closes the connection where too many other packets wait, since none of them may be dropped', async () => {
    const { receive, serverSocket } = await chatting(
      { events: { slow: () => new Promise(() => {}) } },
      { limits: { maxQueuedPackets: 1 } },
    )
    receive({ type: EVENT, data: ['slow'] })
    receive({ type: ACK, id: 1, data: [] })
    expect(serverSocket.conn.readyState).toBe('open')
    const closed = next(serverSocket, 'disconnect')
    receive({ type: ACK, id: 1, data: [] })
    await closed
    expect(serverSocket.conn.readyState).toBe('closed')
  })

  it('does not keep a refresh waiting', async () => {
    const { receive, ask } = await chatting({ events: { slow: () => new Promise(() => {}) } })
    receive({ type: EVENT, data: ['slow'] })
    expect(await ask('auth:refresh', { token: 'alice-key' })).toEqual({ expiresAt: null, joined: [], left: [] })
    expect(await ask('auth:refresh', { token: 'bob-key' })).toEqual(refused('AUTH_SUBJECT_CHANGED'))
  })
})

describe('any other packet', () => {
  it('that is an acknowledgement counts while the authority holds', async () => {
    const { time, records, join } = await chatting({}, { lease: { graceMs: 60_000 } })
    records.set('short', { subject: 'short', expiresAt: time.seconds() + 10 })
    const { serverSocket, receive } = await join('short')
    const answers: unknown[] = []
    const question = () => {
      const acks = (serverSocket as unknown as { acks: Map<number, unknown> }).acks
      serverSocket.emit('question', (answer: unknown) => answers.push(answer))
      return Math.max(...acks.keys())
    }
    receive({ type: ACK, id: question(), data: ['a'] })
    receive({ type: BINARY_ACK, id: question(), data: ['b'] })
    expect(answers).toEqual(['a', 'b'])
    const [late, lateToo] = [question(), question()]
    time.advance(10_001)
    receive({ type: ACK, id: late, data: ['c'] })
    receive({ type: BINARY_ACK, id: lateToo, data: ['d'] })
    expect(answers).toEqual(['a', 'b'])
  })

  it('is Socket.IO’s own business, also after the end of the lease', async () => {
    const { time, records, join, seen } = await chatting({}, { lease: { graceMs: 60_000 } })
    records.set('short', { subject: 'short', expiresAt: time.seconds() + 10 })
    const { receive, serverSocket } = await join('short')
    receive({ type: CONNECT })
    expect(seen).toEqual([])
    time.advance(11_000)
    const gone = next(serverSocket, 'disconnect')
    receive({ type: 1 })
    expect(await gone).toEqual(['client namespace disconnect', undefined])
  })
})

describe('what the application throws', () => {
  it('in a listener ends as it would have without a gate, and the next event is decided', async () => {
    const { receive, serverSocket, seen } = await chatting({ events: { news: () => permit() } })
    serverSocket.onAny((_event, bad) => {
      if (bad) throw new Error('of the application')
    })
    expect(() => receive({ type: EVENT, data: ['news', true] })).toThrow('of the application')
    receive({ type: EVENT, data: ['news', false] })
    expect(seen).toEqual([
      ['news', true],
      ['news', false],
    ])
  })

  it('behind a slow rule ends the process where nobody listens, and the queue goes on', async () => {
    const { receive, serverSocket, seen } = await chatting({
      events: { slow: async () => permit(), fast: () => permit() },
    })
    serverSocket.onAny((_event, bad) => {
      if (bad) throw new Error(`of the application: ${bad}`)
    })
    const thrown: string[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => thrown.push(error.message))
    try {
      receive({ type: EVENT, data: ['slow', 1] })
      receive({ type: EVENT, data: ['fast', 2] })
      receive({ type: EVENT, data: ['fast', 0] })
      await expect.poll(() => thrown).toEqual(['of the application: 1', 'of the application: 2'])
      expect(seen.map(([, i]) => i)).toEqual([1, 2, 0])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })

  it('while a request of the protocol is answered is AUTH_ERROR, and reported', async () => {
    const { ask, serverSocket, errors } = await chatting({ rooms: { 'open:{x}': () => permit() } })
    const failure = new Error('of an adapter')
    const fail = () => {
      throw failure
    }
    Object.assign(serverSocket, { join: fail, leave: fail })
    expect(await ask('auth:join', 'open:a')).toEqual(refused('AUTH_ERROR'))
    expect(await ask('auth:leave', 'open:a')).toEqual(refused('AUTH_ERROR'))
    expect(errors).toEqual([
      { error: failure, where: 'auth:join' },
      { error: failure, where: 'auth:leave' },
    ])
    Object.assign(serverSocket, { leave: () => {} })
  })
})
