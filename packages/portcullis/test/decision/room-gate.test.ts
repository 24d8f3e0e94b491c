import { describe, expect, it } from 'vitest'
import { deny, permit } from '../../src/core/decision.ts'
import { gate, next } from '../harness.ts'
import { chatting, refused } from './gate-fixture.ts'

const OPEN = { 'open:{x}': () => permit() }
const joins = ({ audit }: Awaited<ReturnType<typeof chatting>>) =>
  audit.filter(({ stage }) => stage === 'join').map(({ room, code, rule, reason }) => [room, code, rule, reason])

describe('auth:join', () => {
  it('joins a room that its rule permits, and is written down', async () => {
    const chat = await chatting({ rooms: OPEN })
    expect(await chat.ask('auth:join', 'open:a')).toEqual({ joined: ['open:a'], expiresAt: null })
    expect(chat.serverSocket.rooms).toContain('open:a')
    expect(joins(chat)).toEqual([['open:a', null, 'rooms.open:{x}', undefined]])
    expect(chat.audit.at(-1)).toMatchObject({
      namespace: '/chat',
      socketId: chat.serverSocket.id,
      identity: { subject: 'alice' },
    })
  })

  it('joins several rooms or none, each of them once', async () => {
    const chat = await chatting({ rooms: { ...OPEN, 'shut:{x}': () => deny('AUTH_INSUFFICIENT_SCOPE') } })
    expect(await chat.ask('auth:join', ['open:a', 'shut:a', 'open:b'])).toEqual(refused('AUTH_INSUFFICIENT_SCOPE'))
    expect([...chat.serverSocket.rooms]).toEqual([chat.serverSocket.id])
    expect(joins(chat).map(([room, code]) => [room, code])).toEqual([
      ['open:a', null],
      ['shut:a', 'AUTH_INSUFFICIENT_SCOPE'],
      ['open:b', null],
    ])
    expect(await chat.ask('auth:join', ['open:a', 'open:b', 'open:a'])).toEqual({
      joined: ['open:a', 'open:b'],
      expiresAt: null,
    })
  })

  it.each([
    [undefined],
    [null],
    [5],
    [''],
    [[]],
    [['open:a', '']],
    ['auth:x'],
    ['a b'],
    [['open:a', ['open:b']]],
    [{}],
  ])('answers %j like a room that is closed', async (asked) => {
    const chat = await chatting({ rooms: OPEN })
    expect(await chat.ask('auth:join', asked)).toEqual(await chat.ask('auth:join', 'closed:a'))
    expect(joins(chat)).toEqual([
      [undefined, 'AUTH_FORBIDDEN', 'rooms', 'room_name'],
      ['closed:a', 'AUTH_FORBIDDEN', 'rooms', undefined],
    ])
  })

  it('gives the rule what is shown, up to 16 KiB of it', async () => {
    const shown: unknown[] = []
    const { ask } = await chatting({
      rooms: {
        'open:{x}': ({ presented }: { presented: unknown }) => {
          shown.push(presented)
          return permit()
        },
      },
    })
    expect(await ask('auth:join', 'open:a', { grant: 1 })).toHaveProperty('joined')
    const largest = 'x'.repeat(16_384 - 8)
    expect(await ask('auth:join', 'open:a', largest)).toHaveProperty('joined')
    expect(await ask('auth:join', 'open:a', `${largest}x`)).toEqual(refused('AUTH_ARGUMENTS_INVALID'))
    expect(shown).toEqual([{ grant: 1 }, largest])
  })

  it('holds so many rooms at once, those that it has already not counted again', async () => {
    const chat = await chatting({ rooms: OPEN }, { limits: { maxRooms: 2 } })
    expect(await chat.ask('auth:join', ['open:a', 'open:b', 'open:c'])).toEqual(refused('AUTH_RATE_LIMITED'))
    expect(await chat.ask('auth:join', 'open:a')).toHaveProperty('joined')
    expect(await chat.ask('auth:join', ['open:a', 'open:b'])).toHaveProperty('joined')
    expect(await chat.ask('auth:join', 'open:c')).toEqual(refused('AUTH_RATE_LIMITED'))
    expect(joins(chat).at(-1)).toEqual([undefined, 'AUTH_RATE_LIMITED', 'rooms', 'rooms'])
    expect(await chat.ask('auth:leave', 'open:a')).toEqual({ left: ['open:a'] })
    expect(await chat.ask('auth:join', 'open:c')).toHaveProperty('joined')
  })

  it('asks for so many rooms at once, and then for so many in a second', async () => {
    const chat = await chatting({ rooms: OPEN }, { limits: { maxRooms: 3, joinsPerSecond: 1 } })
    for (let i = 0; i < 10; i += 1) expect(await chat.ask('auth:join', 'open:a')).toHaveProperty('joined')
    expect(await chat.ask('auth:join', 'open:a')).toEqual(refused('AUTH_RATE_LIMITED'))
    expect(joins(chat).at(-1)).toEqual([undefined, 'AUTH_RATE_LIMITED', 'rooms', 'joins'])
    chat.time.advance(1_000)
    expect(await chat.ask('auth:join', 'open:a')).toHaveProperty('joined')
    chat.time.advance(60_000)
    expect(await chat.ask('auth:join', ['open:a', 'open:b', 'open:c'])).toHaveProperty('joined')
  })

  it('asks as often as it likes where that is switched off', async () => {
    const { ask } = await chatting(
      { rooms: OPEN },
      { limits: { maxRooms: 1, joinsPerSecond: Number.POSITIVE_INFINITY } },
    )
    for (let i = 0; i < 12; i += 1) expect(await ask('auth:join', 'open:a')).toHaveProperty('joined')
  })

  it('says the earliest end among the rooms and the lease', async () => {
    const { time, records, join } = await chatting({
      rooms: {
        'until:{end}': ({ params }: { params: { end: string } }) => permit({ expiresAt: Number(params.end) }),
        ...OPEN,
      },
    })
    const now = time.seconds()
    records.set('short', { subject: 'short', expiresAt: now + 50 })
    const { ask } = await join('short')
    expect(await ask('auth:join', 'open:a')).toMatchObject({ expiresAt: now + 50 })
    expect(await ask('auth:join', [`until:${now + 60}`])).toMatchObject({ expiresAt: now + 50 })
    expect(await ask('auth:join', [`until:${now + 40}`, 'open:b', `until:${now + 30}`])).toMatchObject({
      expiresAt: now + 30,
    })
    expect(await ask('auth:join', `until:${now}`)).toEqual(refused('AUTH_EXPIRED'))
  })

  it.each<[string, (chat: Awaited<ReturnType<typeof chatting>>) => unknown]>([
    ['AUTH_EXPIRED', ({ time }) => time.advance(10_001)],
    ['AUTH_FORBIDDEN', ({ auth, chat }) => auth.reload({ policies: [[chat, { events: {} }]] })],
  ])('is %s when what permitted it has ended while the rule was asked', async (code, end) => {
    const [slow, asked] = [gate(), gate()]
    const rule = async () => {
      asked.open()
      await slow.promise
      return permit()
    }
    const chat = await chatting({ rooms: { 'slow:{x}': rule } }, { lease: { graceMs: 60_000 } })
    chat.records.set('short', { subject: 'short', expiresAt: chat.time.seconds() + 10 })
    const other = await chat.join('short')
    const answered = other.ask('auth:join', 'slow:a')
    await asked.promise
    await end(chat)
    slow.open()
    expect(await answered).toEqual(refused(code))
    expect([...other.serverSocket.rooms]).toEqual([other.serverSocket.id])
  })
})

it('a room is not joined for a socket that has gone while its rule was asked', async () => {
  const [slow, asked] = [gate(), gate()]
  const rule = async () => {
    asked.open()
    await slow.promise
    return permit()
  }
  const { chat, serverSocket, socket } = await chatting({ rooms: { 'slow:{x}': rule } })
  socket.emit('auth:join', 'slow:a')
  await asked.promise
  serverSocket.disconnect()
  slow.open()
  await new Promise(setImmediate)
  expect([...chat.adapter.rooms.keys()]).toEqual([])
})

it('a join is compared with a second policy, and answered by the first', async () => {
  const differences: unknown[] = []
  const { auth, chat, ask } = await chatting({ rooms: OPEN })
  auth.shadow(chat, {
    policy: { events: {}, rooms: { 'open:{x}': () => deny('AUTH_REVOKED') } } as never,
    onDifference: ({ stage, room, enforced, shadow }) => differences.push([stage, room, enforced.code, shadow.code]),
  })
  expect(await ask('auth:join', 'open:a')).toHaveProperty('joined')
  await expect.poll(() => differences).toEqual([['join', 'open:a', null, 'AUTH_REVOKED']])
})

describe('a grant', () => {
  const UNTIL = (seconds: () => number) => ({ 'open:{x}': () => permit({ expiresAt: seconds() + 10 }) })

  it('ends at its own end: the room is left, the client told, the socket stays', async () => {
    let now = () => 0
    const chat = await chatting({ rooms: { 'open:{x}': () => permit({ expiresAt: now() + 10 }) } })
    now = chat.time.seconds
    await chat.ask('auth:join', ['open:a', 'open:b'])
    const left = next(chat.socket, 'auth:left')
    chat.time.advance(9_999)
    expect(chat.serverSocket.rooms).toContain('open:a')
    chat.time.advance(1_001)
    expect([...chat.serverSocket.rooms]).toEqual([chat.serverSocket.id])
    expect(await left).toEqual([
      { code: 'AUTH_EXPIRED', message: 'The credential has expired.', retry: 'refresh', room: 'open:a' },
    ])
    expect(
      chat.audit.filter(({ rule }) => rule === 'grant').map(({ stage, room, code }) => [stage, room, code]),
    ).toEqual([
      ['expire', 'open:a', 'AUTH_EXPIRED'],
      ['expire', 'open:b', 'AUTH_EXPIRED'],
    ])
    expect(await chat.ask('auth:whoami')).toMatchObject({ rooms: [] })
  })

  it('that was asked for again ends at the later end', async () => {
    let now = () => 0
    const chat = await chatting({ rooms: UNTIL(() => now()) })
    now = chat.time.seconds
    await chat.ask('auth:join', 'open:a')
    chat.time.advance(5_000)
    await chat.ask('auth:join', 'open:a')
    chat.time.advance(9_000)
    expect(chat.serverSocket.rooms).toContain('open:a')
    chat.time.advance(2_000)
    expect(chat.serverSocket.rooms).not.toContain('open:a')
  })

  it('that was left does not end once more', async () => {
    let now = () => 0
    const chat = await chatting({ rooms: UNTIL(() => now()) })
    now = chat.time.seconds
    await chat.ask('auth:join', 'open:a')
    await chat.ask('auth:leave', 'open:a')
    chat.time.advance(20_000)
    await chat.ask('auth:whoami')
    expect(chat.heard.filter(([event]) => event === 'auth:left')).toEqual([])
  })

  it('ends, and the room stays where it also follows from who it is', async () => {
    let now = () => 0
    const chat = await chatting({ rooms: UNTIL(() => now()), memberships: () => ['open:a'] })
    now = chat.time.seconds
    await chat.ask('auth:join', 'open:a')
    chat.time.advance(11_000)
    expect(chat.serverSocket.rooms).toContain('open:a')
    await chat.ask('auth:join', 'open:a')
    expect(await chat.ask('auth:leave', 'open:a')).toEqual({ left: ['open:a'] })
    expect(chat.serverSocket.rooms).toContain('open:a')
  })
})

describe('auth:leave', () => {
  it('leaves what was asked for, and nothing that the server joined', async () => {
    const { ask, serverSocket } = await chatting({ rooms: OPEN, memberships: () => ['staff'] })
    serverSocket.join('server:own')
    await ask('auth:join', ['open:a', 'open:b', 'open:c'])
    expect(await ask('auth:leave', ['open:a', 'staff', 'server:own', 'open:z', 'open:b'])).toEqual({
      left: ['open:a', 'open:b'],
    })
    expect([...serverSocket.rooms].sort()).toEqual([serverSocket.id, 'open:c', 'server:own', 'staff'].sort())
    expect(await ask('auth:leave', '')).toEqual(refused('AUTH_FORBIDDEN'))
  })
})

describe('auth:whoami', () => {
  it('says who it is, until when, and where', async () => {
    const { time, records, join } = await chatting({ rooms: OPEN, memberships: () => ['staff', 'open:a'] })
    const now = time.seconds()
    records.set('short', { subject: 'short', issuedAt: now - 5, expiresAt: now + 50 })
    const { ask } = await join('short')
    await ask('auth:join', ['open:a', 'open:b'])
    time.advance(1_500)
    expect(await ask('auth:whoami')).toEqual({
      scheme: 'key',
      issuer: 'https://issuer.example',
      subject: 'short',
      issuedAt: now - 5,
      expiresAt: now + 50,
      serverTime: now + 1.5,
      rooms: ['staff', 'open:a', 'open:b'],
    })
  })
})
