import { deny, permit, permitIf } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { fakeTime, next, outcome, start } from '../harness.ts'

async function joining(rooms: object, options: Parameters<typeof start>[0] = {}, policy: object = {}) {
  const server = await start(options)
  const chat = server.auth.protect(server.io.of('/chat'), { events: {}, rooms, ...policy } as never)
  const connection = next(chat, 'connection')
  const socket = server.client('/chat', { auth: { token: 'alice-key' } })
  expect(await outcome(socket)).toBe(null)
  const [serverSocket] = (await connection) as [import('socket.io').Socket]
  return { ...server, chat, socket, serverSocket }
}

const ORG = {
  'org:{org}': ({ identity, params }: never) =>
    permitIf((identity as { claims: { org: string } }).claims.org === (params as { org: string }).org),
}

describe('room gate', () => {
  it('joins a permitted room, says until when, and delivers what is sent to it', async () => {
    const { socket, chat } = await joining(ORG)
    expect(await socket.emitWithAck('auth:join', 'org:acme')).toEqual({ joined: ['org:acme'], expiresAt: null })
    const heard = next(socket, 'news')
    chat.to('org:acme').emit('news', 1)
    expect(await heard).toEqual([1])
  })

  it('refuses the room of another organization, with the same answer as a room that cannot exist', async () => {
    const { socket, serverSocket } = await joining(ORG)
    const forbidden = { error: { code: 'AUTH_FORBIDDEN', message: 'This is not permitted.', retry: 'never' } }
    for (const room of ['org:globex', 'org:', 'nowhere', 'auth:x'])
      expect(await socket.emitWithAck('auth:join', room)).toEqual(forbidden)
    expect([...serverSocket.rooms]).toEqual([serverSocket.id])
  })

  it.each([
    [''],
    ['org:acme\u0000'],
    ['org:acme '],
    ['org:\u0430cme'],
    [`org:${'a'.repeat(200)}`],
    ['org:acme:x'],
    ['org:acme.x'],
    ['org:acme/x'],
    ['org:{org}'],
    ['org:*'],
    ['ORG:acme'],
    ['__proto__'],
    ['org:__proto__'],
    [null],
    [1],
    [{}],
    [[]],
    [[['org:acme']]],
    [undefined],
  ])('A02, A06: refuses %j as a room', async (room) => {
    const { socket, serverSocket } = await joining(ORG)
    expect(await socket.emitWithAck('auth:join', room)).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(serverSocket.rooms.size).toBe(1)
  })

  it('A03: never joins the private room of another socket, whatever the pattern', async () => {
    const { socket, client, chat } = await joining({ 'x{id}': () => permit() })
    const connection = next(chat, 'connection')
    const other = client('/chat', { auth: { token: 'bob-key' } })
    await outcome(other)
    const [otherSocket] = (await connection) as [import('socket.io').Socket]
    expect(await socket.emitWithAck('auth:join', other.id)).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    // Even one whose id fits the pattern: a server may choose its own ids.
    chat.adapter.addAll('x-other', new Set(['x-other']))
    expect(await socket.emitWithAck('auth:join', 'x-other')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(otherSocket.rooms.size).toBe(1)
  })

  it('gives the rule what was presented with the room, and the socket that it was presented by', async () => {
    const asked: unknown[] = []
    const { socket } = await joining({
      'private-{id}': ({ socketId, presented }: { socketId: string; presented: unknown }) => {
        asked.push(presented)
        return permitIf(presented === `signed for ${socketId}`)
      },
    })
    expect(await socket.emitWithAck('auth:join', 'private-1')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(await socket.emitWithAck('auth:join', 'private-1', `signed for ${socket.id}`)).toMatchObject({
      joined: ['private-1'],
    })
    expect(asked).toEqual([undefined, `signed for ${socket.id}`])
  })

  it('A04: of several rooms joins all or none', async () => {
    const { socket, serverSocket } = await joining({ ...ORG, 'open:{x}': () => permit() })
    expect(await socket.emitWithAck('auth:join', ['open:1', 'org:globex'])).toMatchObject({
      error: { code: 'AUTH_FORBIDDEN' },
    })
    expect(serverSocket.rooms.size).toBe(1)
    expect(await socket.emitWithAck('auth:join', ['open:1', 'org:acme'])).toMatchObject({
      joined: ['open:1', 'org:acme'],
    })
  })

  it.each([[['chat:{id}', 'chat:admin']], [['chat:admin', 'chat:{id}']]])(
    'A05: where several patterns match, a denial wins, in either order',
    async (order) => {
      const rules = { 'chat:{id}': () => permit(), 'chat:admin': () => deny() }
      const { socket } = await joining(
        Object.fromEntries(order.map((name) => [name, rules[name as keyof typeof rules]])),
      )
      expect(await socket.emitWithAck('auth:join', 'chat:admin')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
      expect(await socket.emitWithAck('auth:join', 'chat:1')).toMatchObject({ joined: ['chat:1'] })
    },
  )

  it('bounds the rooms of a socket with AUTH_RATE_LIMITED', async () => {
    const { socket } = await joining({ 'open:{x}': () => permit() }, { limits: { maxRooms: 2 } })
    await socket.emitWithAck('auth:join', ['open:1', 'open:2'])
    expect(await socket.emitWithAck('auth:join', 'open:3')).toMatchObject({ error: { code: 'AUTH_RATE_LIMITED' } })
    expect(await socket.emitWithAck('auth:join', 'open:2')).toMatchObject({ joined: ['open:2'] })
    expect(await socket.emitWithAck('auth:leave', 'open:1')).toEqual({ left: ['open:1'] })
    expect(await socket.emitWithAck('auth:join', 'open:3')).toMatchObject({ joined: ['open:3'] })
  })

  it('leaves only rooms that the client joined, never those that the server put it in', async () => {
    const { socket, serverSocket } = await joining({ 'open:{x}': () => permit() }, {}, { memberships: () => ['staff'] })
    await socket.emitWithAck('auth:join', 'open:1')
    expect(await socket.emitWithAck('auth:leave', ['open:1', 'staff', serverSocket.id])).toEqual({ left: ['open:1'] })
    expect([...serverSocket.rooms].sort()).toEqual([serverSocket.id, 'staff'].sort())
  })

  it('ends a grant at its own end, tells the client, and leaves the socket connected', async () => {
    const time = fakeTime()
    const { socket, serverSocket } = await joining(
      { 'open:{x}': () => permit({ expiresAt: time.seconds() + 10 }) },
      { clock: time.clock },
    )
    expect(await socket.emitWithAck('auth:join', 'open:1')).toEqual({
      joined: ['open:1'],
      expiresAt: time.seconds() + 10,
    })
    const left = next(socket, 'auth:left')
    time.advance(11_000)
    expect(await left).toEqual([
      { code: 'AUTH_EXPIRED', message: 'The credential has expired.', retry: 'refresh', room: 'open:1' },
    ])
    expect([...serverSocket.rooms]).toEqual([serverSocket.id])
    expect(socket.connected).toBe(true)
  })

  it('stays in a membership when a grant of the same room ends', async () => {
    const time = fakeTime()
    const { socket, serverSocket } = await joining(
      { 'open:{x}': () => permit({ expiresAt: time.seconds() + 10 }) },
      { clock: time.clock },
      { memberships: () => ['open:1'] },
    )
    await socket.emitWithAck('auth:join', 'open:1')
    const left = next(socket, 'auth:left')
    time.advance(11_000)
    await left
    expect([...serverSocket.rooms]).toContain('open:1')
  })

  it('refuses a grant that has ended already', async () => {
    const { socket } = await joining({ 'open:{x}': () => permit({ expiresAt: 1 }) })
    expect(await socket.emitWithAck('auth:join', 'open:1')).toMatchObject({ error: { code: 'AUTH_EXPIRED' } })
  })

  it('says who a socket is, until when, and where', async () => {
    const { socket } = await joining({ 'open:{x}': () => permit() }, {}, { memberships: () => ['staff'] })
    await socket.emitWithAck('auth:join', 'open:1')
    expect(await socket.emitWithAck('auth:whoami')).toEqual({
      scheme: 'key',
      issuer: 'https://issuer.example',
      subject: 'alice',
      issuedAt: 0,
      expiresAt: null,
      serverTime: expect.closeTo(Date.now() / 1000, -1),
      rooms: ['staff', 'open:1'],
    })
  })

  it.each([
    ['a name that cannot be one', ['x'.repeat(100_000)], 'room_name'],
    ['more rooms than a socket may hold', [['open:1', 'open:2']], 'rooms'],
  ])('L11: records one decision for %s, and nothing as long as what was sent', async (_name, args, reason) => {
    const { socket, audit } = await joining({ 'open:{x}': () => permit() }, { limits: { maxRooms: 1 } })
    await socket.emitWithAck('auth:join', ...args)
    await socket.emitWithAck('y'.repeat(100_000))
    const recorded = audit.filter(({ stage }) => stage === 'join' || stage === 'event')
    expect(recorded).toMatchObject([
      { stage: 'join', effect: 'deny', reason },
      { stage: 'event', effect: 'deny', code: 'AUTH_FORBIDDEN' },
    ])
    expect(JSON.stringify(recorded).length).toBeLessThan(2_000)
  })

  it('refuses what it does not know under its own prefix', async () => {
    const { socket } = await joining({})
    expect(await socket.emitWithAck('auth:become', 'admin')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
  })

  it('refuses what is shown for a room when it is larger than 16 KiB, in whatever form, and asks no rule', async () => {
    const asked: unknown[] = []
    const { socket, audit } = await joining({
      'shown:{id}': ({ presented }: { readonly presented: unknown }) => {
        asked.push(presented)
        return permit()
      },
    })
    const small = { auth: 'x'.repeat(8_000), list: Array(100).fill({ a: 1 }), bytes: Buffer.alloc(100) }
    expect(await socket.emitWithAck('auth:join', 'shown:0', small)).toMatchObject({ joined: ['shown:0'] })
    const large = [
      'x'.repeat(16_385),
      Buffer.alloc(16_385),
      Array(5_000).fill(0),
      { deep: { list: ['x'.repeat(20_000)] } },
    ]
    for (const presented of large) {
      expect(await socket.emitWithAck('auth:join', 'shown:1', presented)).toMatchObject({
        error: { code: 'AUTH_ARGUMENTS_INVALID' },
      })
    }
    expect(asked).toHaveLength(1)
    expect(audit.at(-1)).toMatchObject({ stage: 'join', code: 'AUTH_ARGUMENTS_INVALID', reason: 'presented_too_large' })
  })
})
