import { createHash } from 'node:crypto'
import { allowQuery } from 'portcullis/strategies/from'
import { type TicketClaim, tickets } from 'portcullis/strategies/ticket'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { keys, onCleanup, outcome, start } from '../harness.ts'
import { connectWith, over, present, refusal } from './ticket-fixtures.ts'

const NOW = fakeClock().now() / 1000
const UNKNOWN = 'A'.repeat(43)
const digest = (ticket: string) => createHash('sha256').update(ticket).digest('base64url')

describe('the ticket strategy keeps the contract of strategies, with tickets in the CONNECT packet', () => {
  const issuing = over()
  const request = (ticket: string) => () => ({ handshake: handshakeOf(), connect: connectWith(ticket) })
  const cases = strategyContract({
    strategy: () => issuing.strategy,
    good: async () => request((await issuing.issue({ subject: 'u1' })).ticket)(),
    bad: [
      { name: 'an unknown ticket', request: request(UNKNOWN), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'an empty ticket', request: request(''), code: 'AUTH_CREDENTIAL_INVALID' },
      {
        name: 'a used ticket',
        async request() {
          const { ticket } = await issuing.issue({ subject: 'u1' })
          await present(issuing.strategy, ticket)
          return request(ticket)()
        },
        code: 'AUTH_CREDENTIAL_INVALID',
      },
    ],
    unavailable: () => ({
      strategy: over({ store: { set: async () => {}, take: (key) => Promise.reject(new Error(`no ${key}`)) } })
        .strategy,
      ...request(UNKNOWN)(),
    }),
  })
  // They present one ticket again: what the contract asks of every other credential is what a ticket must refuse.
  const again = ['answers the same when it is asked again', 'answers the same to all who ask at once']
  test('all but the two cases that present it again', () => {
    expect(cases.map(({ name }) => name)).toEqual(expect.arrayContaining(again))
  })
  for (const { name, run } of cases) if (!again.includes(name)) test(name, run)
})

describe('and the whole contract with tickets in the request, since one handshake is one connection', () => {
  const issuing = over({ from: [allowQuery('ticket')] })
  const request = (ticket: string) => ({ handshake: handshakeOf({ query: { ticket } }), connect: null })
  const cases = strategyContract({
    strategy: () => issuing.strategy,
    good: async () => request((await issuing.issue({ subject: 'u1' })).ticket),
    bad: [{ name: 'an unknown ticket', request: () => request(UNKNOWN), code: 'AUTH_CREDENTIAL_INVALID' }],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('a ticket', () => {
  test('gives the identity of its claim, a lease and the id to revoke it by', async () => {
    const { issue, strategy } = over({ issuer: 'https://login.example', leaseSeconds: 60 })
    const claim = { subject: 'u1', claims: { org: 'acme', roles: ['reader'] }, issuedAt: NOW - 600 }
    const { ticket, expiresInSeconds } = await issue(claim)
    expect(await present(strategy, ticket)).toEqual({
      identity: { scheme: 'ticket', issuer: 'https://login.example', subject: 'u1', claims: claim.claims },
      lease: { id: digest(ticket), issuedAt: NOW - 600, expiresAt: NOW + 60 },
      revocableBy: [{ tokenId: digest(ticket) }],
    })
    expect(expiresInSeconds).toBe(30)
  })

  test('T06: has 256 random bits, and the store holds only its SHA-256', async () => {
    const { issue, store } = over()
    const issued = await Promise.all(Array.from({ length: 1000 }, () => issue({ subject: 'u1' })))
    expect(new Set(issued.map(({ ticket }) => ticket)).size).toBe(1000)
    for (const { ticket } of issued) expect(ticket).toMatch(/^[A-Za-z0-9_-]{43}$/)
    const [{ ticket } = { ticket: '' }] = issued
    expect(store.held[0]).toMatchObject({ key: digest(ticket), ttlMs: 30_000 })
    expect(JSON.stringify(store.held)).not.toContain(ticket)
  })

  test('T01: admits once; presented again it is refused with AUTH_CREDENTIAL_INVALID', async () => {
    const { issue, strategy } = over()
    const { ticket } = await issue({ subject: 'u1' })
    expect(await present(strategy, ticket)).not.toBeNull()
    const error = await refusal(strategy, ticket, ['AUTH_CREDENTIAL_INVALID', 'ticket_replayed'])
    expect([error.status, error.retry]).toEqual([401, 'refresh'])
  })

  test('T02: of a hundred who present it at once, one is admitted', async () => {
    const { issue, strategy } = over()
    const { ticket } = await issue({ subject: 'u1' })
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => present(strategy, ticket)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('T03: holds for ttlSeconds and not a millisecond longer, by the clock of the store', async () => {
    for (const [waitMs, admitted] of [
      [29_999, true],
      [30_000, false],
    ] as const) {
      const { issue, strategy, clock } = over()
      const { ticket } = await issue({ subject: 'u1' })
      await clock.advance(waitMs)
      if (admitted) expect(await present(strategy, ticket)).not.toBeNull()
      else await refusal(strategy, ticket, ['AUTH_CREDENTIAL_INVALID', 'ticket_unknown'])
    }
  })

  test('T03: is redeemed though the clocks of issuer and node differ by a minute, and is dated no later than now', async () => {
    const { store } = over()
    for (const skewMs of [-60_000, 60_000]) {
      const issuer = tickets({ store, clock: fakeClock(fakeClock().now() + skewMs) })
      const node = tickets({ store, clock: fakeClock() })
      const answer = await present(node.strategy, (await issuer.issue({ subject: 'u1' })).ticket)
      expect(answer?.lease).toMatchObject({ issuedAt: Math.min(NOW, NOW + skewMs / 1000), expiresAt: NOW + 3600 })
    }
  })

  test('T08: in the request is redeemed once, however often its connection is asked about', async () => {
    const { issue, strategy, store } = over({ from: [allowQuery('ticket')] })
    const { ticket } = await issue({ subject: 'u1' })
    const handshake = handshakeOf({ query: { ticket } })
    const first = await strategy.authenticate(handshake, null)
    expect(await strategy.authenticate(handshake, null)).toBe(first)
    expect(store.taken).toHaveLength(1)
    const another = { handshake: handshakeOf({ query: { ticket } }), connect: null }
    await refusal(strategy, ticket, ['AUTH_CREDENTIAL_INVALID', 'ticket_replayed'], another)
  })

  test('is looked for only where from says', async () => {
    const { issue, strategy, store } = over()
    const { ticket } = await issue({ subject: 'u1' })
    const everywhere = handshakeOf({ query: { ticket }, headers: { authorization: `Bearer ${ticket}` } })
    expect(await strategy.authenticate(everywhere, null)).toBeNull()
    expect(store.taken).toEqual([])
  })
})

describe('a ticket that is bound', () => {
  const redeem = async (
    claim: Partial<TicketClaim>,
    request: { headers?: Record<string, string>; address?: string; namespace?: string },
    expected: string | null,
  ) => {
    const { issue, strategy } = over()
    const { ticket } = await issue({ subject: 'u1', ...claim })
    const { headers = {}, address = '127.0.0.1', namespace = '/chat' } = request
    const at = { handshake: handshakeOf({ headers, address }), connect: connectWith(ticket, namespace) }
    if (expected === null) {
      expect(await strategy.authenticate(at.handshake, at.connect)).not.toBeNull()
      return
    }
    await refusal(strategy, ticket, ['AUTH_CREDENTIAL_INVALID', expected], at)
    // Used up: whoever found it cannot try the next place.
    await refusal(strategy, ticket, ['AUTH_CREDENTIAL_INVALID', 'ticket_replayed'], at)
  }

  test('T05: to an origin, is refused from another or from none, and used up', async () => {
    const origin = 'https://app.example'
    await redeem({ origin }, { headers: { origin } }, null)
    for (const other of [
      'https://evil.example',
      'http://app.example',
      'https://app.example:444',
      'null',
      'HTTPS://APP.EXAMPLE',
    ])
      await redeem({ origin }, { headers: { origin: other } }, 'ticket_origin')
    await redeem({ origin }, {}, 'ticket_origin')
  })

  test('T04: to an address, is refused from another, whatever X-Forwarded-For says', async () => {
    const headers = { 'x-forwarded-for': '192.0.2.1' }
    await redeem({ address: '192.0.2.1' }, { address: '192.0.2.2', headers }, 'ticket_address')
    await redeem({ address: '192.0.2.1' }, { address: '' }, 'ticket_address')
  })

  test('T04: to an address, counts in every spelling of it', async () => {
    await redeem({ address: '192.0.2.1' }, { address: '::ffff:192.0.2.1' }, null)
    await redeem({ address: '::FFFF:c000:0201' }, { address: '192.0.2.1' }, null)
    await redeem({ address: '2001:DB8:0:0:0::1' }, { address: '2001:db8::1' }, null)
    await redeem({ address: 'fe80::1%eth0' }, { address: 'fe80::1' }, null)
    await redeem({ address: '2001:db8::1' }, { address: '2001:db8::2' }, 'ticket_address')
  })

  test('T05: to an origin, counts in the page’s own polling request, which has no Origin, and not of another host', async () => {
    const origin = 'https://app.example'
    const own = { 'sec-fetch-site': 'same-origin', host: 'app.example' }
    await redeem({ origin }, { headers: own }, null)
    await redeem({ origin: 'http://127.0.0.1:8080' }, { headers: { ...own, host: '127.0.0.1:8080' } }, null)
    for (const headers of [
      { ...own, host: 'evil.example' },
      { ...own, 'sec-fetch-site': 'same-site' },
      { host: 'app.example' },
      { ...own, origin: 'null' },
    ])
      await redeem({ origin }, { headers: headers as Record<string, string> }, 'ticket_origin')
  })

  test('T05: to a user agent, is refused from another or from none, and used up', async () => {
    const userAgent = 'Mozilla/5.0 (X11)'
    await redeem({ userAgent }, { headers: { 'user-agent': userAgent } }, null)
    await redeem({ userAgent }, { headers: { 'user-agent': 'Mozilla/5.0 (x11)' } }, 'ticket_user_agent')
    await redeem({ userAgent }, {}, 'ticket_user_agent')
  })

  test('T05, T11: to a session, is refused with the cookie of another or with none, and used up', async () => {
    const session = { cookie: 'connect.sid', value: 's:alice.c2ln+' }
    const cookie = (value: string) => ({ cookie: `lang=en; connect.sid=${encodeURIComponent(value)}` })
    await redeem({ session }, { headers: cookie('s:alice.c2ln+') }, null)
    await redeem({ session }, { headers: cookie('s:bob.c2ln+') }, 'ticket_session')
    await redeem({ session }, { headers: { cookie: `other=${session.value}` } }, 'ticket_session')
    await redeem({ session }, {}, 'ticket_session')
  })

  test('T11: to a session, leaves neither the cookie’s value nor the user agent in the store', async () => {
    const { issue, store } = over()
    await issue({ subject: 'u1', userAgent: 'Agent-Name', session: { cookie: 'connect.sid', value: 's:secret-id' } })
    expect(JSON.stringify(store.held)).not.toMatch(/secret-id|Agent-Name/)
  })

  test('T05: to a namespace, is refused in another, and in the request, which admits to all', async () => {
    await redeem({ namespace: '/chat' }, { namespace: '/chat' }, null)
    for (const namespace of ['/', '/admin', '/chat/', '/CHAT']) {
      await redeem({ namespace: '/chat' }, { namespace }, 'ticket_namespace')
    }
    const { issue, strategy } = over({ from: [allowQuery('ticket')] })
    const { ticket } = await issue({ subject: 'u1', namespace: '/chat' })
    const handshake = handshakeOf({ query: { ticket } })
    await refusal(strategy, ticket, ['AUTH_CREDENTIAL_INVALID', 'ticket_namespace'], { handshake, connect: null })
  })
})

describe('refuses with AUTH_CREDENTIAL_INVALID, before the store is asked,', () => {
  const bad: Readonly<Record<string, readonly [string, string]>> = {
    nothing: ['', 'malformed'],
    'T06: a ticket of 128 bits': ['A'.repeat(22), 'malformed'],
    'a ticket with a character more': ['A'.repeat(44), 'malformed'],
    'a ticket with a line break': [`${'A'.repeat(43)}\n`, 'malformed'],
    'a ticket with a NUL': [`${'A'.repeat(42)}\0`, 'malformed'],
    'a pattern of keys': ['*'.repeat(43), 'malformed'],
    'a ticket of 8193 bytes': ['A'.repeat(8193), 'too_long'],
  }
  for (const [what, [ticket, reason]] of Object.entries(bad)) {
    test(what, async () => {
      const { strategy, store } = over()
      await refusal(strategy, ticket, ['AUTH_CREDENTIAL_INVALID', reason])
      expect(store.taken).toEqual([])
    })
  }

  test('a value that is no text', async () => {
    const { strategy, store } = over()
    for (const value of [1, true, {}, ['a']]) {
      const answer = strategy.authenticate(handshakeOf(), connectWith(value))
      await expect(answer).rejects.toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID', reason: 'not_a_string' })
    }
    expect(store.taken).toEqual([])
  })
})

describe('a store that does not answer', () => {
  test('T09: and fails is AUTH_UNAVAILABLE with its cause, at issue too', async () => {
    const failure = new Error('connection lost')
    const fail = () => Promise.reject(failure)
    const throwing = () => {
      throw failure
    }
    for (const store of [
      { set: fail, take: fail },
      { set: throwing, take: throwing },
    ]) {
      const { issue, strategy, clock } = over({ store })
      const error = await refusal(strategy, UNKNOWN, ['AUTH_UNAVAILABLE', 'store_failed'])
      expect([error.status, error.retry, error.cause]).toEqual([503, 'backoff', failure])
      await expect(issue({ subject: 'u1' })).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE', cause: failure })
      expect(clock.pending).toBe(0)
    }
  })

  test('within storeTimeoutMs is AUTH_UNAVAILABLE', async () => {
    const { strategy, clock } = over({
      store: { set: async () => {}, take: () => new Promise(() => {}) },
      storeTimeoutMs: 250,
    })
    const refused = refusal(strategy, UNKNOWN, ['AUTH_UNAVAILABLE', 'store_timeout'])
    await clock.advance(249)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    await refused
    expect(clock.pending).toBe(0)
  })

  test('with a record of ours is AUTH_UNAVAILABLE, and shows nothing of it', async () => {
    const nowhere = { origin: null, address: null, userAgent: null, session: null, namespace: null }
    const sound = { subject: 'u1', claims: {}, issuedAt: 1, ...nowhere }
    const known = over({ store: { set: async () => {}, take: async () => JSON.stringify(sound) } })
    expect(await present(known.strategy, UNKNOWN)).not.toBeNull()
    const bad = ['', 'a-secret', 'null', '[]', '"a-secret"', '{"__proto__":{"subject":"admin"}}']
    for (const wrong of [
      { subject: '' },
      { subject: 7 },
      { issuedAt: '1' },
      { origin: undefined },
      { userAgent: 7 },
      { session: undefined },
      { session: 'connect.sid' },
      { session: { cookie: 'connect.sid' } },
      { session: { cookie: '', digest: 'x' } },
      { session: { cookie: 7, digest: 'x' } },
      { claims: undefined },
    ])
      bad.push(JSON.stringify({ ...sound, ...wrong }))
    for (const stored of bad) {
      const { strategy } = over({ store: { set: async () => {}, take: async () => stored } })
      const error = await refusal(strategy, UNKNOWN, ['AUTH_UNAVAILABLE', 'store_content'])
      expect(String(error.stack) + String(error.cause)).not.toContain('a-secret')
    }
  })
})

describe('on a real server', () => {
  const opened = async (from?: Parameters<typeof tickets>[0]['from']) => {
    const { memoryTicketStore } = await import('portcullis/strategies/ticket')
    const store = memoryTicketStore()
    const { issue, strategy } = tickets({ store, ...(from === undefined ? {} : { from }) })
    const server = await start({ strategies: [strategy as never, keys(new Map())] })
    const subjects: string[] = []
    for (const name of ['/chat', '/news']) {
      server.auth.protect(server.io.of(name), { events: {} }).on('connection', (socket) => {
        subjects.push(`${socket.data.identity.subject} ${name}`)
      })
    }
    return { ...server, issue, subjects }
  }

  test('T01: a ticket in auth admits one socket, and the next with it is refused', async () => {
    const { client, issue, subjects, audit } = await opened()
    const auth = await issue({ subject: 'u1' })
    expect(await outcome(client('/chat', { auth }))).toBeNull()
    const refused = await outcome(client('/chat', { auth }))
    expect([refused?.code, refused?.retry]).toEqual(['AUTH_CREDENTIAL_INVALID', 'refresh'])
    expect(subjects).toEqual(['u1 /chat'])
    expect(JSON.stringify(audit)).not.toContain(auth.ticket)
  })

  test('T08: one in the URL admits a polling connection, its upgrade and its namespaces, and no other connection', async () => {
    const { client, issue, subjects, get } = await opened([allowQuery('ticket')])
    const { ticket } = await issue({ subject: 'u1' })
    const options = { query: { ticket }, transports: ['polling', 'websocket'] }
    const chat = client('/chat', options)
    expect(await outcome(chat)).toBeNull()
    if (chat.io.engine.transport.name !== 'websocket') {
      await new Promise((resolve) => chat.io.engine.once('upgrade', resolve))
    }
    const news = chat.io.socket('/news')
    onCleanup(() => {
      news.disconnect()
    })
    expect(await outcome(news)).toBeNull()
    const { status, body } = await get(`/socket.io/?EIO=4&transport=polling&ticket=${ticket}`)
    expect([status, JSON.parse(body).code]).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
    expect(subjects).toEqual(['u1 /chat', 'u1 /news'])
  })

  test('T10: of a user who was revoked between issue and use is refused with AUTH_REVOKED', async () => {
    const { client, issue, auth, subjects } = await opened()
    const issued = await issue({ subject: 'u1', issuedAt: Date.now() / 1000 - 60 })
    await auth.revoke({ issuer: 'ticket', subject: 'u1' })
    expect((await outcome(client('/chat', { auth: issued })))?.code).toBe('AUTH_REVOKED')
    expect((await outcome(client('/chat', { auth: issued })))?.code).toBe('AUTH_CREDENTIAL_INVALID')
    expect(subjects).toEqual([])
  })
})

describe('issue refuses a claim that is none, with a TypeError that quotes the field', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const bad: readonly (readonly [string, Record<string, unknown>])[] = [
    ['"subject"', { subject: '' }],
    ['"subject"', { subject: 42 }],
    ['"issuedAt"', { issuedAt: Number.NaN }],
    ['"issuedAt"', { issuedAt: -1 }],
    ['"claims"', { claims: () => 1 }],
    ['circular', { claims: cyclic }],
    ['"origin"', { origin: 'https://app.example/' }],
    ['"origin"', { origin: 'app.example' }],
    ['"origin"', { origin: 'null' }],
    ['"address"', { address: 'localhost' }],
    ['"address"', { address: '10.0.0.0/8' }],
    ['"userAgent"', { userAgent: 7 }],
    ['"session"', { session: 'connect.sid' }],
    ['"session"', { session: { cookie: 'connect.sid' } }],
    ['"session"', { session: { cookie: 'connect.sid', value: '' } }],
    ['"session"', { session: { cookie: '', value: 'x' } }],
    ['"namespace"', { namespace: 'chat' }],
  ]
  for (const [i, [message, claim]] of bad.entries()) {
    test(`${i + 1}: ${message}`, async () => {
      const { issue, store } = over()
      const issued = issue({ subject: 'u1', ...claim } as never)
      await expect(issued).rejects.toThrow(TypeError)
      await expect(issued).rejects.toThrow(message)
      expect(store.held).toEqual([])
    })
  }
})

describe('Z10: bad options throw a TypeError at once that quotes the option', () => {
  const bad: Readonly<Record<string, Record<string, unknown>>> = {
    '"store"': { store: new Map() },
    '"ttlSeconds"': { ttlSeconds: 601 },
    '"from"': { from: [] },
    '"issuer"': { issuer: '' },
    '"scheme"': { scheme: '' },
    '"leaseSeconds"': { leaseSeconds: 0 },
    '"maxLifetimeSeconds"': { maxLifetimeSeconds: Number.NaN },
    '"storeTimeoutMs"': { storeTimeoutMs: 2 ** 31 },
    '"secret" is not an option': { secret: 'x' },
  }
  for (const [message, options] of Object.entries(bad)) {
    test(message, () => {
      const make = () => over(options)
      expect(make).toThrow(TypeError)
      expect(make).toThrow(message)
    })
  }
})
