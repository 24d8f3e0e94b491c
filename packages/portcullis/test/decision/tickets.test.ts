/** What a ticket says, and where it counts. */

import { describe, expect, it } from 'vitest'
import {
  assertBindings,
  canonicalAddress,
  cookieOf,
  digestOf,
  isOrigin,
  isSessionBinding,
  type TicketBindings,
} from '../../src/strategies/ticket-bindings.ts'
import { createIssue, keyOf, type TicketClaim, ticketRecordOf } from '../../src/strategies/ticket-record.ts'
import { memoryTicketStore, TAKEN } from '../../src/strategies/ticket-store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { type HandshakeOptions, handshakeOf } from '../../src/testing/handshake.ts'
import { verdict } from './refusal.ts'

const ANYWHERE: TicketBindings = { origin: null, address: null, userAgent: null, session: null, namespace: null }
const NONE = { subject: 's', claims: {}, issuedAt: 5, ...ANYWHERE }

describe('assertBindings', () => {
  const at = (bound: Partial<TicketBindings>, from: HandshakeOptions = {}, namespace: string | null = null) =>
    verdict(() =>
      assertBindings({ ...ANYWHERE, ...bound }, handshakeOf(from), namespace === null ? null : { namespace, auth: {} }),
    )
  const refused = (what: string) => `AUTH_CREDENTIAL_INVALID ticket_${what}`

  it('lets a ticket that is bound to nothing be presented anywhere', () => {
    expect(at({})).toBe(undefined)
    expect(at({}, { headers: { origin: 'https://evil.example' } }, '/chat')).toBe(undefined)
  })

  it.each<[Record<string, string>, boolean]>([
    [{ origin: 'https://a.example' }, true],
    [{ origin: 'https://b.example' }, false],
    [{ origin: 'null' }, false],
    [{}, false],
    [{ host: 'a.example', 'sec-fetch-site': 'same-origin' }, true],
    [{ host: 'a.example', 'sec-fetch-site': 'same-site' }, false],
    [{ host: 'a.example' }, false],
    [{ host: 'b.example', 'sec-fetch-site': 'same-origin' }, false],
    [{ origin: 'https://b.example', host: 'a.example', 'sec-fetch-site': 'same-origin' }, false],
  ])('bound to https://a.example, with %j: %s', (headers, accepted) => {
    expect(at({ origin: 'https://a.example' }, { headers })).toBe(accepted ? undefined : refused('origin'))
  })

  it('knows the host of a page without TLS as well', () => {
    const headers = { host: 'localhost:3000', 'sec-fetch-site': 'same-origin' }
    expect(at({ origin: 'http://localhost:3000' }, { headers })).toBe(undefined)
    expect(at({ origin: 'ftp://localhost:3000' }, { headers })).toBe(refused('origin'))
  })

  it('bound to an address, counts from there alone, however it is spelt', () => {
    expect(at({ address: '192.0.2.1' }, { address: '::ffff:192.0.2.1' })).toBe(undefined)
    expect(at({ address: '192.0.2.1' }, { address: '192.0.2.2' })).toBe(refused('address'))
    expect(at({ address: '2001:db8::1' }, { address: '2001:DB8:0::1' })).toBe(undefined)
  })

  it('bound to a user agent, counts with that alone', () => {
    const userAgent = digestOf('Firefox')
    expect(at({ userAgent }, { headers: { 'user-agent': 'Firefox' } })).toBe(undefined)
    expect(at({ userAgent }, { headers: { 'user-agent': 'Chrome' } })).toBe(refused('user_agent'))
    expect(at({ userAgent })).toBe(refused('user_agent'))
    expect(at({ userAgent }, { headers: { 'user-agent': ['Firefox'] } })).toBe(refused('user_agent'))
    expect(at({ userAgent: 'short' }, { headers: { 'user-agent': 'Firefox' } })).toBe(refused('user_agent'))
  })

  it('bound to a session, counts with its cookie alone', () => {
    const session = { cookie: 'sid', digest: digestOf('s:1') }
    expect(at({ session }, { headers: { cookie: 'a=1; sid=s%3A1' } })).toBe(undefined)
    expect(at({ session }, { headers: { cookie: 'sid=s%3A2' } })).toBe(refused('session'))
    expect(at({ session }, { headers: { cookie: 'other=s%3A1' } })).toBe(refused('session'))
    expect(at({ session })).toBe(refused('session'))
  })

  it('bound to a namespace, counts in its CONNECT packet alone', () => {
    expect(at({ namespace: '/chat' }, {}, '/chat')).toBe(undefined)
    expect(at({ namespace: '/chat' }, {}, '/admin')).toBe(refused('namespace'))
    expect(at({ namespace: '/chat' })).toBe(refused('namespace'))
  })
})

describe('what a ticket is bound to', () => {
  it.each<[unknown, string | null]>([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['::ffff:192.168.102.103', '192.168.102.103'],
    ['2001:0DB8:0:0::0001', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['192.0.2.1:80', null],
    ['localhost', null],
    ['', null],
    [5, null],
    [null, null],
  ])('the address %j is %j', (text, address) => expect(canonicalAddress(text)).toBe(address))

  it.each<[unknown, boolean]>([
    ['https://a.example', true],
    ['http://localhost:3000', true],
    ['https://a.example/', false],
    ['https://A.example', false],
    ['https://a.example:443', false],
    ['a.example', false],
    ['null', false],
    ['', false],
    [5, false],
  ])('the origin %j: %s', (value, expected) => expect(isOrigin(value)).toBe(expected))

  it.each<[unknown, boolean]>([
    [{ cookie: 'sid', digest: 'd' }, true],
    [{ cookie: '', digest: 'd' }, false],
    [{ cookie: 'sid', digest: 5 }, false],
    [{ cookie: 5, digest: 'd' }, false],
    [{ digest: 'd' }, false],
    [{ cookie: 'sid' }, false],
    [Object.create({ cookie: 'sid', digest: 'd' }), false],
    [null, false],
    ['sid', false],
    [undefined, false],
  ])('the session %j: %s', (value, expected) => expect(isSessionBinding(value)).toBe(expected))

  it('a cookie is read as everywhere', () => {
    expect(cookieOf({ headers: { cookie: 'sid=%61' } }, 'sid')).toBe('a')
    expect(cookieOf({ headers: {} }, 'sid')).toBe(null)
    expect(digestOf('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0')
  })
})

describe('ticketRecordOf', () => {
  const of = (record: unknown) => verdict(() => ticketRecordOf(JSON.stringify(record)))

  it('reads what was kept', () => {
    const whole = {
      subject: 's',
      claims: null,
      issuedAt: 5,
      origin: 'https://a.example',
      address: '192.0.2.1',
      userAgent: 'd',
      session: { cookie: 'sid', digest: 'd' },
      namespace: '/',
    }
    expect(of({ ...whole, more: 1 })).toEqual(whole)
    expect(of(NONE)).toEqual(NONE)
  })

  it('tells one that was taken from one that never was, in the audit log alone', () => {
    expect(verdict(() => ticketRecordOf(TAKEN))).toBe('AUTH_CREDENTIAL_INVALID ticket_replayed')
    expect(verdict(() => ticketRecordOf(null))).toBe('AUTH_CREDENTIAL_INVALID ticket_unknown')
  })

  it.each([
    [{ subject: '' }],
    [{ subject: 5 }],
    [{ issuedAt: '5' }],
    [{ issuedAt: null }],
    [{ claims: undefined }],
    [{ origin: undefined }],
    [{ origin: 5 }],
    [{ address: undefined }],
    [{ address: 5 }],
    [{ userAgent: undefined }],
    [{ userAgent: {} }],
    [{ namespace: undefined }],
    [{ namespace: true }],
    [{ session: undefined }],
    [{ session: 'sid' }],
    [{ session: { cookie: 'sid' } }],
  ])('answers AUTH_UNAVAILABLE where the store holds %j', (wrong) => {
    expect(of({ ...NONE, ...wrong })).toBe('AUTH_UNAVAILABLE store_content')
  })

  it.each(['', '{', 'null', '5', '[]', '"text"'])('answers AUTH_UNAVAILABLE where the store holds %j', (stored) => {
    expect(verdict(() => ticketRecordOf(stored))).toBe('AUTH_UNAVAILABLE store_content')
  })
})

describe('issue', () => {
  function office() {
    const clock = fakeClock(1_800_000_000_000)
    const store = memoryTicketStore(clock)
    const issue = createIssue({
      store,
      clock,
      ttlSeconds: 30,
      storeTimeoutMs: 1_000,
      from: [],
      issuer: 'i',
      scheme: 'ticket',
      leaseSeconds: 60,
      maxLifetimeSeconds: 600,
    })
    return { clock, store, issue }
  }
  const recorded = async (claim: unknown) => {
    const { store, issue } = office()
    const { ticket, expiresInSeconds } = await issue(claim as TicketClaim<unknown>)
    expect(ticket).toMatch(/^[\w-]{43}$/)
    expect(expiresInSeconds).toBe(30)
    return ticketRecordOf(await store.take(keyOf(ticket)))
  }

  it('keeps a digest of what it gives, for as long as it says', async () => {
    const { clock, store, issue } = office()
    const { ticket } = await issue({ subject: 's', claims: {} })
    expect(keyOf(ticket)).toBe(digestOf(ticket))
    expect(await store.take(ticket)).toBe(null)
    await clock.advance(29_999)
    expect(await store.take(keyOf(ticket))).not.toBe(null)
    const { ticket: late } = await issue({ subject: 's', claims: {} })
    await clock.advance(30_000)
    expect(await store.take(keyOf(late))).toBe(null)
  })

  it('fills in what may be left out', async () => {
    const now = 1_800_000_000
    expect(await recorded({ subject: 's' })).toEqual({ subject: 's', claims: {}, issuedAt: now, ...ANYWHERE })
    expect((await recorded({ subject: 's', claims: null, issuedAt: 0 })).issuedAt).toBe(0)
  })

  it('keeps where it may be presented: addresses in one spelling, and secrets as digests', async () => {
    const bound = {
      subject: 's',
      origin: 'https://a.example',
      address: '::ffff:192.0.2.1',
      userAgent: 'Firefox',
      session: { cookie: 'sid', value: 's:1' },
      namespace: '/chat',
    }
    expect(await recorded(bound)).toMatchObject({
      origin: 'https://a.example',
      address: '192.0.2.1',
      userAgent: digestOf('Firefox'),
      session: { cookie: 'sid', digest: digestOf('s:1') },
      namespace: '/chat',
    })
  })

  it.each<[Record<string, unknown>, string]>([
    [{ subject: '' }, '"subject" must be a non-empty string'],
    [{ subject: 5 }, '"subject" must be a non-empty string'],
    [{ issuedAt: -1 }, '"issuedAt" must be epoch seconds'],
    [{ issuedAt: Number.POSITIVE_INFINITY }, '"issuedAt" must be epoch seconds'],
    [{ issuedAt: null }, '"issuedAt" must be epoch seconds'],
    [{ claims: () => {} }, '"claims" must be plain JSON'],
    [{ origin: 'a.example' }, '"origin" must be an origin as browsers send it, such as https://app.example'],
    [{ address: 'localhost' }, '"address" must be an IP address'],
    [{ address: 5 }, '"address" must be an IP address'],
    [{ userAgent: 5 }, '"userAgent" must be a string'],
    [{ namespace: 'chat' }, '"namespace" must begin with /'],
    [{ namespace: 5 }, '"namespace" must begin with /'],
    [{ session: { cookie: 'sid' } }, '"session" must be the name and the value of a cookie'],
    [{ session: { cookie: '', value: 'v' } }, '"session" must be the name and the value of a cookie'],
    [{ session: { cookie: 'sid', value: '' } }, '"session" must be the name and the value of a cookie'],
    [{ session: { cookie: 5, value: 'v' } }, '"session" must be the name and the value of a cookie'],
    [{ session: 'sid' }, '"session" must be the name and the value of a cookie'],
  ])('refuses %j, quoting the option', async (wrong, message) => {
    const refusal = office().issue({ subject: 's', claims: {}, ...wrong } as TicketClaim<unknown>)
    await expect(refusal).rejects.toThrow(TypeError)
    await expect(refusal).rejects.toThrow(message)
  })
})
