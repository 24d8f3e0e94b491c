import { deny, type EventRequest, permit, permitIf, type RoomRequest, type ShadowDifference } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { outcome, start, type User } from '../harness.ts'
import { chat, codeOf, policy, soon } from './explain-fixtures.ts'

const never = () => new Promise<never>(() => {})

/** `/chat` with a second policy that differs from the first in what is given. */
async function shadowed(changed: object, options: object = {}) {
  const differences: ShadowDifference[] = []
  const shadow = {
    policy: { ...policy, ...changed },
    onDifference: (difference: ShadowDifference) => differences.push(difference),
  }
  const harness = await chat(options, {}, { shadow })
  const compared = (count: number) => soon(() => harness.auth.shadows()[0]?.compared).toBe(count)
  return { ...harness, differences, compared }
}

const identity = { scheme: 'key', issuer: 'https://issuer.example', subject: 'bob' }
const common = { at: expect.any(Number), namespace: '/chat', identity }

describe('protect(…, { shadow })', () => {
  it('says nothing where both policies agree', async () => {
    const { enter, differences, compared, auth } = await shadowed({})
    const { socket } = await enter('bob-key')
    await socket.emitWithAck('say', 'hi')
    await socket.emitWithAck('say', 7)
    await socket.emitWithAck('unknown')
    await socket.emitWithAck('auth:join', ['org:globex', 'org:acme'])
    await compared(6)
    expect(differences).toEqual([])
    expect(auth.shadows()).toEqual([{ namespace: '/chat', compared: 6, differing: 0, skipped: 0 }])
  })

  it('tells of a connect, an event, a join and the rooms of memberships that differ, and changes none of the answers', async () => {
    const { enter, differences, compared, namespace, audit } = await shadowed({
      connect: () => permit(),
      events: { ...policy.events, say: () => deny('AUTH_INSUFFICIENT_SCOPE'), never: async () => permit() },
      rooms: { 'org:{org}': () => permit() },
      memberships: () => ['user:bob', 'extra'],
    })
    const { socket, id } = await enter('bob-key')
    expect(await socket.emitWithAck('say', 'hi')).toBe('heard')
    expect(codeOf(await socket.emitWithAck('never'))).toBe('AUTH_FORBIDDEN')
    expect(codeOf(await socket.emitWithAck('auth:join', 'org:acme'))).toBe('AUTH_FORBIDDEN')
    await compared(4)
    const permitted = (rule: string) => ({ effect: 'permit', code: null, rule })
    const denied = (rule: string, code = 'AUTH_FORBIDDEN') => ({ effect: 'deny', code, rule })
    expect(differences).toEqual([
      { ...common, stage: 'join', room: 'extra', enforced: denied('memberships'), shadow: permitted('memberships') },
      {
        ...common,
        stage: 'event',
        event: 'say',
        enforced: permitted('events.say'),
        shadow: denied('events.say', 'AUTH_INSUFFICIENT_SCOPE'),
      },
      {
        ...common,
        stage: 'event',
        event: 'never',
        enforced: denied('events.never'),
        shadow: permitted('events.never'),
      },
      {
        ...common,
        stage: 'join',
        room: 'org:acme',
        enforced: denied('rooms.org:{org}'),
        shadow: permitted('rooms.org:{org}'),
      },
    ])
    expect([...(namespace.adapter.sids.get(id) ?? [])].sort()).toEqual([id, 'user:bob'].sort())
    expect(audit.filter(({ stage }) => stage === 'event')).toHaveLength(2)
  })

  it('a connect that the first refuses is asked of the second too, and the other way round', async () => {
    const refusing = await shadowed({ connect: () => deny() })
    await refusing.enter('bob-key')
    await soon(() => refusing.differences).toMatchObject([
      {
        stage: 'connect',
        enforced: { effect: 'permit', rule: 'connect' },
        shadow: { effect: 'deny', code: 'AUTH_FORBIDDEN' },
      },
    ])
    const open = await shadowed({ connect: () => permit() })
    open.records.set('x', { subject: 'mallory', claims: { org: 'banned', scope: '' } })
    expect(await outcome(open.client('/chat', { auth: { token: 'x' } }))).toMatchObject({
      code: 'AUTH_INSUFFICIENT_SCOPE',
    })
    await soon(() => open.differences).toMatchObject([
      {
        stage: 'connect',
        identity: { subject: 'mallory' },
        enforced: { code: 'AUTH_INSUFFICIENT_SCOPE' },
        shadow: { effect: 'permit' },
      },
    ])
  })

  it('is asked after the answer was given: to a connect, an event and a join', async () => {
    const order: string[] = []
    const tells = (what: string) => () => {
      order.push(`shadow ${what}`)
      return permit()
    }
    const { enter, compared, namespace } = await shadowed({
      connect: tells('connect'),
      events: { read: tells('event') },
      rooms: { 'org:{org}': tells('join') },
    })
    namespace.on('connection', (socket) => {
      order.push('connected')
      socket.prependListener('read', () => order.push('event'))
    })
    namespace.adapter.on('join-room', (room) => room.startsWith('org:') && order.push('joined'))
    const { socket } = await enter('bob-key')
    await compared(1)
    await socket.emitWithAck('read')
    await compared(2)
    await socket.emitWithAck('auth:join', 'org:globex')
    await compared(3)
    expect(order).toEqual(['connected', 'shadow connect', 'event', 'shadow event', 'joined', 'shadow join'])
  })

  it('of a dynamic namespace, is asked about all of its children', async () => {
    const { io, auth, client } = await start({}, { cleanupEmptyChildNamespaces: true })
    const differences: ShadowDifference[] = []
    auth.protect(
      io.of(/^\/tenant-\d+$/),
      { events: { read: () => permit() } },
      { shadow: { policy: { events: {} as never }, onDifference: (difference) => differences.push(difference) } },
    )
    for (const name of ['/tenant-1', '/tenant-2']) {
      const socket = client(name, { auth: { token: 'bob-key' } })
      expect(await outcome(socket)).toBeNull()
      socket.emit('read')
      await soon(() => differences.at(-1)).toMatchObject({ namespace: name, event: 'read' })
    }
  })

  it('is asked with the arguments as they were received, by its own schema, whatever the first made of them', async () => {
    const seen: unknown[] = []
    const events = {
      say: {
        args: z.tuple([z.object({ text: z.string(), bytes: z.instanceof(Buffer) })]),
        rule: ({ args }: EventRequest) => {
          seen.push(args[0])
          return permit()
        },
      },
    }
    const enforced = {
      say: ({ args }: EventRequest) => permitIf(Object.assign(args[0] as object, { text: 'changed' }) !== null),
    }
    const onDifference = () => {}
    const { enter, auth } = await chat(
      {},
      { events: enforced },
      { shadow: { policy: { ...policy, events }, onDifference } },
    )
    const { socket } = await enter('bob-key')
    await socket.emitWithAck('say', { text: 'as sent', bytes: Buffer.from('b') })
    await soon(() => auth.shadows()[0]?.compared).toBe(2)
    expect(seen).toEqual([{ text: 'as sent', bytes: Buffer.from('b') }])
  })

  it('cannot reach what the first policy and the application have: claims, arguments and what was presented are copies', async () => {
    const meddle = ({ identity: who, ...request }: EventRequest<User> | RoomRequest<User>) => {
      const { args, presented } = request as { args?: { list: string[] }[]; presented?: { list: string[] } }
      for (const target of [who.claims as unknown as { list: string[] }, args?.[0], presented])
        target?.list?.push('shadow')
      return permit()
    }
    const heard: unknown[] = []
    const rules = {
      events: { say: () => permit() },
      rooms: { 'room:{id}': ({ presented }: RoomRequest) => permitIf(heard.push(presented) > 0) },
    }
    const differences: unknown[] = []
    const shadow = {
      policy: { events: { say: meddle }, rooms: { 'room:{id}': meddle } },
      onDifference: (one: unknown) => differences.push(one),
    }
    const { enter, namespace, auth, records } = await chat({}, { ...rules, memberships: undefined }, { shadow })
    records.set('k', { subject: 'bob', claims: { org: 'x', scope: '', list: ['own'] } as never })
    namespace.on('connection', (socket) => socket.on('say', (arg) => heard.push(arg)))
    const { socket, id } = await enter('k')
    await socket.emitWithAck('say', { list: ['sent'] })
    await socket.emitWithAck('auth:join', 'room:1', { list: ['shown'] })
    await soon(() => auth.shadows()[0]?.compared).toBe(3)
    expect(heard).toEqual([{ list: ['sent'] }, { list: ['shown'] }])
    expect(namespace.sockets.get(id)?.data.identity.claims).toEqual({ org: 'x', scope: '', list: ['own'] })
    expect(differences).toEqual([])
  })
})

describe('a second policy that misbehaves', () => {
  it('throws, hangs or answers nonsense: the difference says so, onError hears where, and the clients notice nothing', async () => {
    const cases: [() => unknown, string][] = [
      [
        () => {
          throw new Error('no')
        },
        'AUTH_ERROR',
      ],
      [never, 'AUTH_UNAVAILABLE'],
      [() => true, 'AUTH_ERROR'],
    ]
    for (const [rule, code] of cases) {
      const changed = { events: { say: rule }, rooms: { 'org:{org}': rule } }
      const { enter, differences, compared, errors } = await shadowed(changed, { limits: { ruleTimeoutMs: 30 } })
      const { socket } = await enter('bob-key')
      expect(await socket.emitWithAck('say', 'hi')).toBe('heard')
      expect(codeOf(await socket.emitWithAck('auth:join', 'org:globex'))).toBeNull()
      await compared(3)
      expect(differences).toMatchObject([{ shadow: { code } }, { shadow: { code } }])
      for (const { where } of errors) expect(where).toMatch(/^shadow: /)
    }
  })

  it('connect and memberships that throw or answer nonsense are differences of the connect', async () => {
    for (const changed of [
      { connect: () => 7 },
      { memberships: () => Promise.reject(new Error('no')) },
      { memberships: () => [7] },
    ]) {
      const { enter, differences } = await shadowed(changed)
      await enter('bob-key')
      await soon(() => differences).toMatchObject([
        { stage: 'connect', enforced: { code: null }, shadow: { code: 'AUTH_ERROR' } },
      ])
    }
  })

  it('one that never answers holds 256 requests at most: the rest is answered as ever, skipped and counted', async () => {
    const { enter, auth } = await shadowed({ events: { read: never } })
    const { socket } = await enter('bob-key')
    await Promise.all(Array.from({ length: 200 }, () => socket.emitWithAck('read')))
    const answers = await Promise.all(Array.from({ length: 200 }, () => socket.emitWithAck('read')))
    expect(new Set(answers)).toEqual(new Set(['heard']))
    const { compared = 0, skipped = 0 } = auth.shadows()[0] ?? {}
    expect(skipped).toBeGreaterThanOrEqual(400 - 256)
    expect(compared + skipped).toBeLessThanOrEqual(401)
  })

  it('what cannot be copied is skipped: arguments nested too deeply', async () => {
    const { enter, auth } = await shadowed({ events: { read: () => deny() } })
    const { socket } = await enter('bob-key')
    // Written by hand: a client's own parser would not nest so deep.
    const text = `2/chat,9["read",${'['.repeat(60_000)}${']'.repeat(60_000)}]`
    socket.io.engine.write(text)
    await soon(() => auth.shadows()[0]?.skipped).toBe(1)
    expect(await socket.emitWithAck('read')).toBe('heard')
  })

  it('what is larger than 64 KiB is not copied: it is skipped, and answered as ever', async () => {
    const { enter, auth, compared } = await shadowed({ events: { read: () => permit() } })
    const { socket } = await enter('bob-key')
    const before = auth.shadows()[0]?.skipped
    expect(await socket.emitWithAck('read', Buffer.alloc(70_000), 'x')).toBe('heard')
    expect(await socket.emitWithAck('read', { text: 'x'.repeat(70_000) })).toBe('heard')
    expect(await socket.emitWithAck('read', Buffer.alloc(50_000))).toBe('heard')
    await compared(2)
    expect([before, auth.shadows()[0]?.skipped]).toEqual([0, 2])
  })

  it('a reporter that throws or rejects is told to onError, and hears of the next', async () => {
    let told = 0
    const onDifference = () => {
      told += 1
      if (told === 1) throw new Error('no')
      return Promise.reject(new Error('no'))
    }
    const { enter, errors } = await chat({}, {}, { shadow: { policy: { events: {} }, onDifference } })
    const { socket } = await enter('bob-key')
    expect(await socket.emitWithAck('read')).toBe('heard')
    await soon(() => errors.map(({ where }) => where)).toEqual(['shadow: onDifference', 'shadow: onDifference'])
  })
})

describe('auth.shadow', () => {
  it('gives, replaces and ends the second policy of a namespace that has one', async () => {
    const { auth, enter, namespace, io } = await chat()
    const told: string[] = []
    const shadow = (name: string) => ({ policy: { events: {} } as never, onDifference: () => told.push(name) })
    const { socket } = await enter('bob-key')
    for (const name of ['one', 'two']) {
      auth.shadow(namespace, shadow(name))
      await socket.emitWithAck('read')
      await soon(() => told.at(-1)).toBe(name)
    }
    auth.shadow(namespace, null)
    await socket.emitWithAck('read')
    expect(auth.shadows()).toEqual([])
    expect(told).toEqual(['one', 'two'])
    expect(() => auth.shadow(io.of('/open'), shadow('x'))).toThrow(/has no policy/)
  })

  it('wrong options are a TypeError that quotes them, and nothing is protected then', async () => {
    const { auth, io, namespace } = await chat()
    const bad: [unknown, RegExp][] = [
      [7, /"shadow"/],
      [{ policy: { events: {} } }, /"shadow.onDifference"/],
      [{ policy: { events: {} }, onDifference: () => {}, sink: 1 }, /"shadow.sink"/],
      [{ policy: {}, onDifference: () => {} }, /"events"/],
    ]
    for (const [shadow, message] of bad) {
      expect(() => auth.protect(io.of('/new'), { events: {} }, { shadow: shadow as never })).toThrow(message)
      expect(() => auth.shadow(namespace, shadow as never)).toThrow(message)
    }
    auth.protect(io.of('/new'), { events: {} })
  })
})
