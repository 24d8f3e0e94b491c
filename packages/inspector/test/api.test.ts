import type { Socket } from 'socket.io-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { HIDDEN, ISSUER, type Newsroom, newsroom, until } from './newsroom.ts'
import { type Asker, asker, logIn } from './operator.ts'
import { openStream } from './sse.ts'

let room: Newsroom
let ada: Asker
let cookie: string
let alice: Socket
let bob: Socket

beforeAll(async () => {
  room = await newsroom()
  cookie = await logIn(room.url)
  ada = asker(room.url, cookie)
  alice = await room.enter('alice')
  bob = await room.enter('bob', 'globex')
  await alice.emitWithAck('auth:join', 'organization.acme')
  await bob.emitWithAck('publish', 'text')
})

describe('connections', () => {
  it('lists who is connected, by which strategy and until when, with their rooms', async () => {
    const { body } = await ada.get('api/connections')
    expect(body).toMatchObject({ total: 2, next: null, silent: [] })
    const first = body.connections[0]
    expect(first).toMatchObject({ namespace: '/news', scheme: 'token', issuer: ISSUER, subject: 'alice', withheld: [] })
    expect(first.expiresAt - first.issuedAt).toBeCloseTo(3_600)
    expect(first.rooms).toEqual([
      { room: 'user.alice', by: 'membership', expiresAt: null },
      { room: 'organization.acme', by: 'grant', expiresAt: null },
    ])
  })

  it('goes on page by page, each socket on one', async () => {
    const first = (await ada.get('api/connections?limit=1')).body
    const second = (await ada.get(`api/connections?limit=1&after=${encodeURIComponent(first.next)}`)).body
    expect(
      [first, second].flatMap(({ connections }) => connections.map((each: { subject: string }) => each.subject)),
    ).toEqual(['alice', 'bob'])
    expect([first.connections.length, first.total]).toEqual([1, 2])
  })

  it.each([
    ['ALI', ['alice']],
    ['organization.acme', ['alice']],
    ['id.example', ['alice', 'bob']],
    ['nobody', []],
  ])('finds by part of a name: %s', async (query, subjects) => {
    const { body } = await ada.get(`api/connections?query=${query}`)
    expect(body.connections.map((each: { subject: string }) => each.subject)).toEqual(subjects)
  })

  it('shows one socket, and answers 404 for another', async () => {
    expect((await ada.get(`api/connections/${alice.id}`)).body).toMatchObject({ subject: 'alice', socketId: alice.id })
    expect((await ada.get('api/connections/none')).status).toBe(404)
  })

  it('lists the members of a room', async () => {
    const { body } = await ada.get('api/members?namespace=/news&room=organization.acme')
    expect(body).toMatchObject({
      partial: false,
      members: [{ subject: 'alice', sockets: [{ socketId: alice.id, by: 'grant' }] }],
    })
    expect((await ada.get('api/members?namespace=/news&room=organization.globex')).body.members).toEqual([])
  })

  it.each([
    'connections?limit=0',
    'connections?limit=201',
    'connections?limit=1e1',
    'connections?after=nonsense',
    `connections?query=${'q'.repeat(2_000)}`,
    'connections/%E0%A4%A',
    'members?room=a',
    'decisions?effect=maybe',
    'series?seconds=901',
    'series?step=0',
  ])('answers 400 to %s', async (path) => {
    const { status, body } = await ada.get(`api/${path}`)
    expect([status, body.status, body.type]).toEqual([400, 400, 'about:blank'])
  })
})

describe('decisions', () => {
  it('reads on from a cursor, with a filter', async () => {
    const { next } = (await ada.get('api/decisions')).body
    await bob.emitWithAck('publish', 'text')
    await bob.emitWithAck('list')
    const { events } = (await ada.get(`api/decisions?after=${next}&effect=deny`)).body
    expect(events).toEqual([
      {
        id: expect.any(String),
        at: expect.any(Number),
        stage: 'event',
        namespace: '/news',
        event: 'publish',
        socketId: bob.id,
        identity: { scheme: 'token', issuer: ISSUER, subject: 'bob' },
        effect: 'deny',
        code: 'AUTH_FORBIDDEN',
        rule: 'events.publish',
        tookUs: expect.any(Number),
      },
    ])
  })

  it('streams them, and goes on after a break with nothing twice and nothing left out', async () => {
    const address = `${room.url}api/decisions/stream?effect=deny&subject=bob`
    const { next } = (await ada.get('api/decisions')).body
    const stream = await openStream(`${address}&after=${next}`, { cookie })
    await bob.emitWithAck('publish', 'first')
    const first = await stream.next()
    stream.close()
    await bob.emitWithAck('publish', 'second')
    await bob.emitWithAck('publish', 'third')
    const again = await openStream(address, { cookie, 'last-event-id': first?.id ?? '' })
    const second = await again.next()
    await bob.emitWithAck('publish', 'fourth')
    const third = await again.next()
    again.close()
    const ids = [first, second, third].map((event) => event?.data.events.map(({ id }: { id: string }) => id))
    expect(ids.map((each) => each.length)).toEqual([1, 2, 1])
    expect(new Set(ids.flat()).size).toBe(4)
    expect([first?.data.missed, second?.data.missed]).toEqual([0, 0])
  })

  it('counts them by second, with how long they took', async () => {
    const body = await until(
      async () => (await ada.get('api/series?seconds=60&step=5')).body,
      ({ stages }) => stages.event?.count >= 7,
    )
    const sum = (pick: (bucket: { permits: number; denials: Record<string, number> }) => number) =>
      body.buckets.map(pick).reduce((a: number, b: number) => a + b, 0)
    expect(body.buckets.length).toBe(12)
    expect(sum(({ denials }) => denials.AUTH_FORBIDDEN ?? 0)).toBe(6)
    expect(sum(({ permits }) => permits)).toBe(6)
    const { p50, p95, p99 } = body.stages.event
    expect(p50 <= p95 && p95 <= p99 && p50 > 0).toBe(true)
  })

  it('lists where the policy in shadow differs', async () => {
    const body = await until(
      async () => (await ada.get('api/shadow')).body,
      ({ differences }) => differences.length > 0,
    )
    expect(body).toMatchObject({ present: true, missed: 0 })
    expect(body.differences[0]).toMatchObject({
      stage: 'event',
      event: 'publish',
      identity: { subject: 'bob' },
      enforced: { effect: 'deny', code: 'AUTH_FORBIDDEN' },
      shadow: { effect: 'permit', code: null },
    })
  })
})

describe('questions and acts', () => {
  it('explains a decision, a socket, a principal and a described identity', async () => {
    const { events } = (await ada.get('api/decisions?effect=deny&limit=1')).body
    const asked = { namespace: '/news', event: 'publish' }
    const described = { ...asked, scheme: 'token', issuer: ISSUER, subject: 'eve' }
    const effects = await Promise.all(
      [
        { decision: events[0].id },
        { ...asked, socketId: alice.id },
        { ...asked, issuer: ISSUER, subject: 'bob' },
        { ...described, claims: { org: 'acme' } },
        described,
      ].map(async (question) => (await ada.post('api/explain', question)).body.effect),
    )
    expect(effects).toEqual(['deny', 'permit', 'deny', 'permit', 'deny'])
  })

  it.each([
    [{}],
    [{ decision: 7 }],
    [{ namespace: '/news' }],
    [{ namespace: '/news', socketId: 'a', room: 'a', event: 'b' }],
    [{ namespace: '/news', socketId: 'a', args: {} }],
    [{ namespace: 'n'.repeat(2_000), socketId: 'a' }],
  ])('answers 400 to the question %j', async (question) => {
    expect((await ada.post('api/explain', question)).status).toBe(400)
  })

  it.each([
    [{}],
    [{ key: { issuer: ISSUER } }],
    [{ key: { issuer: ISSUER, subject: 'a', tag: 'b' } }],
    [{ key: { session: '' } }],
    [{ key: { tag: 'a' }, graceMs: -1 }],
    [{ key: { tag: 'a' }, graceMs: '1' }],
  ])('answers 400 to the revocation %j', async (body) => {
    expect((await ada.post('api/revoke', body)).status).toBe(400)
  })

  it('revokes with a receipt of each node, and disconnects', async () => {
    const dora = await room.enter('dora')
    const key = { issuer: ISSUER, subject: 'dora' }
    expect((await ada.post('api/disconnect', { key })).body).toMatchObject({ complete: true, closed: 1 })
    await until(
      () => dora.connected,
      (connected) => !connected,
    )
    await room.enter('dora')
    const { body } = await ada.post('api/revoke', { key, graceMs: 0 })
    expect(body).toMatchObject({ complete: true, closed: 1, nodes: [{ state: 'applied', closed: 1 }] })
  })

  it('lets nobody revoke who may only look', async () => {
    const ben = asker(room.url, await logIn(room.url, 'ben'))
    for (const act of ['revoke', 'disconnect']) {
      const { status } = await ben.post(`api/${act}`, { key: { issuer: ISSUER, subject: 'alice' } })
      expect(status).toBe(403)
    }
    expect(alice.connected).toBe(true)
  })
})

it('sends no credential and no claim, whatever is asked', async () => {
  const question = { namespace: '/news', event: 'publish', socketId: alice.id }
  const answers = await Promise.all([
    ...['overview', 'connections', `connections/${alice.id}`, 'decisions', 'series', 'shadow'].map((path) =>
      ada.get(`api/${path}`),
    ),
    ada.get('api/members?namespace=/news&room=user.alice'),
    ada.post('api/explain', question),
  ])
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  for (const { text } of answers) expect(HIDDEN.filter((word) => text.includes(word))).toEqual([])
})
