import { type ConnectionInfo, permit } from 'portcullis'
import type { Socket } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { fakeTime, outcome, start, type User } from '../harness.ts'
import { soon } from './explain-fixtures.ts'
import { sharedLog } from './nodes-log.ts'

const ISSUER = 'https://issuer.example'
const cluster = { maxStalenessMs: 2_000, suspendedForMs: 60_000 }

async function node(options: object = {}) {
  const harness = await start(options)
  const { auth, io, client, records } = harness
  for (const name of ['/chat', '/other']) {
    auth.protect(io.of(name), {
      events: {} as never,
      rooms: { 'room:{id}': () => permit(), 'brief:{id}': () => permit({ expiresAt: 4_000_000_000 }) },
      memberships: ({ subject }: User) => [`user:${subject}`],
    })
  }
  async function enter(subject: string, namespace = '/chat'): Promise<Socket> {
    records.set(subject, { subject, claims: { org: 'secret-org', scope: 'secret-scope' }, expiresAt: 4_100_000_000 })
    const socket = client(namespace, { auth: { token: subject } })
    expect(await outcome(socket)).toBeNull()
    return socket
  }
  return { ...harness, enter }
}

async function twoNodes() {
  const log = sharedLog()
  const [logA, logB] = [log.node(), log.node()]
  return { a: await node({ revocations: logA, cluster }), b: await node({ revocations: logB, cluster }), logB }
}

const ids = (connections: readonly ConnectionInfo[]) => connections.map(({ socketId }) => socketId)

describe('auth.connections', () => {
  it('says of everyone who they are, until when, and why they are in each room', async () => {
    const { auth, enter, io } = await node()
    const socket = await enter('alice')
    await socket.emitWithAck('auth:join', ['room:1', 'brief:1'])
    io.of('/chat')
      .in(socket.id as string)
      .socketsJoin('everyone')
    const { connections, next, nodes, partial, silent } = await auth.connections()
    const [one] = connections
    expect(one).toEqual({
      node: nodes[0]?.node,
      namespace: '/chat',
      socketId: socket.id,
      scheme: 'key',
      issuer: ISSUER,
      subject: 'alice',
      connectedAt: expect.any(Number),
      issuedAt: 0,
      expiresAt: 4_100_000_000,
      withheld: [],
      rooms: [
        { room: 'user:alice', by: 'membership', expiresAt: null },
        { room: 'room:1', by: 'grant', expiresAt: null },
        { room: 'brief:1', by: 'grant', expiresAt: 4_000_000_000 },
        { room: 'everyone', by: 'server', expiresAt: null },
      ],
      roomsLeftOut: 0,
    })
    expect({ next, partial, silent }).toEqual({ next: null, partial: false, silent: [] })
    expect(nodes).toEqual([{ node: expect.any(String), connections: 1, matching: 1 }])
    expect(JSON.stringify(connections)).not.toMatch(/secret/)
  })

  it('pages over two nodes in the order of connecting: everyone once, and the totals of each node', async () => {
    const { a, b } = await twoNodes()
    const sockets: Socket[] = []
    for (let i = 0; i < 7; i += 1) sockets.push(await (i % 3 === 0 ? a : b).enter(`user-${i}`))
    const found: ConnectionInfo[] = []
    let after: string | null = null
    let pages = 0
    do {
      const page = await b.auth.connections({ limit: 3, ...(after === null ? {} : { after }) })
      expect(page.nodes.map(({ connections, matching }) => [connections, matching]).sort()).toEqual([
        [3, 3],
        [4, 4],
      ])
      expect(page.connections.length).toBeLessThanOrEqual(3)
      found.push(...page.connections)
      after = page.next
      pages += 1
    } while (after !== null && pages < 9)
    expect(pages).toBe(3)
    expect(ids(found).sort()).toEqual(sockets.map(({ id }) => id as string).sort())
    expect(found.map(({ connectedAt }) => connectedAt)).toEqual(found.map(({ connectedAt }) => connectedAt).sort())
    expect(new Set(found.map((one) => one.node)).size).toBe(2)
  })

  it('pages over one node that has more than fit into a page', async () => {
    const { auth, enter } = await node()
    const entered: (string | undefined)[] = []
    for (let i = 0; i < 5; i += 1) entered.push((await enter(`user-${i}`)).id)
    const first = await auth.connections({ limit: 2 })
    const second = await auth.connections({ limit: 2, after: first.next as string })
    const third = await auth.connections({ limit: 2, after: second.next as string })
    expect([first, second, third].flatMap(({ connections }) => ids(connections)).sort()).toEqual(entered.sort())
    expect(third.next).toBeNull()
  })

  it('filters by namespace, subject and issuer, on every node', async () => {
    const { a, b } = await twoNodes()
    const [chat, other] = [await a.enter('alice'), await b.enter('alice', '/other')]
    await b.enter('bob')
    const found = async (filter: object) => ids((await a.auth.connections(filter)).connections)
    expect((await found({ subject: 'alice' })).sort()).toEqual([chat.id, other.id].sort())
    expect(await found({ subject: 'alice', namespace: '/other' })).toEqual([other.id])
    expect(await found({ issuer: 'https://other.example' })).toEqual([])
    const { nodes } = await a.auth.connections({ subject: 'bob' })
    expect(nodes.map(({ matching }) => matching).sort()).toEqual([0, 1])
  })

  it('a node that does not answer is named within 500 ms, and the others answer', async () => {
    const { a, b, logB } = await twoNodes()
    const [one, two] = [await a.enter('alice'), await b.enter('bob')]
    expect(ids((await a.auth.connections()).connections).sort()).toEqual([one.id, two.id].sort())
    logB.cut = true
    const startedMs = performance.now()
    const { connections, partial, silent } = await a.auth.connections()
    expect(performance.now() - startedMs).toBeLessThan(3_000)
    expect([ids(connections), partial, silent.length]).toEqual([[one.id], true, 1])
  })

  it('more rooms than an answer of the bus may have are left out and counted, also where names are long', async () => {
    const { a, b } = await twoNodes()
    const socket = await b.enter('"\u0001'.repeat(700))
    const { io } = b
    const rooms = Array.from({ length: 300 }, (_, i) => `long:${'x'.repeat(100)}:${i}`)
    io.of('/chat')
      .in(socket.id as string)
      .socketsJoin(rooms)
    const { connections, partial } = await a.auth.connections()
    const [one] = connections
    expect([partial, one?.socketId]).toEqual([false, socket.id])
    expect((one?.rooms.length ?? 0) + (one?.roomsLeftOut ?? 0)).toBe(301)
    expect(JSON.stringify(one).length).toBeLessThan(3_000)
    await b.enter('bob')
    expect((await a.auth.connections()).connections).toHaveLength(2)
  })

  it('says who is withheld, and lists nobody who is still connecting or gone', async () => {
    const time = fakeTime()
    const { auth, enter, client, records } = await node({
      clock: time.clock,
      lease: { graceMs: 60_000, expiringMs: 0 },
    })
    records.set('brief', { subject: 'brief', issuedAt: time.seconds(), expiresAt: time.seconds() + 10 })
    expect(await outcome(client('/chat', { auth: { token: 'brief' } }))).toBeNull()
    expect((await auth.connections()).connections[0]?.withheld).toEqual([])
    time.advance(10_001)
    expect((await auth.connections()).connections[0]?.withheld).toEqual(['expired'])
    const gone = await enter('gone')
    gone.disconnect()
    await soon(async () => (await auth.connections()).connections.length).toBe(1)
  })

  it('wrong options are a TypeError that quotes them', async () => {
    const { auth } = await node()
    const bad: [object, RegExp][] = [
      [{ limit: 0 }, /"limit"/],
      [{ limit: 501 }, /"limit"/],
      [{ limit: '5' }, /"limit"/],
      [{ after: 'x' }, /"after"/],
      [{ after: 5 }, /"after"/],
      [{ namespace: 5 }, /"namespace"/],
      [{ room: 'x' }, /"room"/],
    ]
    for (const [options, message] of bad) await expect(auth.connections(options)).rejects.toThrow(message)
    await expect(auth.connection('')).rejects.toThrow(TypeError)
  })
})

describe('auth.connection', () => {
  it('finds one socket on whatever node, and null where there is none', async () => {
    const { a, b } = await twoNodes()
    const [one, two] = [await a.enter('alice'), await b.enter('bob')]
    expect(await a.auth.connection(one.id as string)).toMatchObject({ subject: 'alice' })
    expect(await a.auth.connection(two.id as string)).toMatchObject({ subject: 'bob', rooms: [{ room: 'user:bob' }] })
    expect(await a.auth.connection('nobody')).toBeNull()
  })
})
