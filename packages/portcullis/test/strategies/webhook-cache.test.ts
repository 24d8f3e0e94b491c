import { type AuthErrorCode, createAuth } from 'portcullis'
import { type WebhookOptions, webhook } from 'portcullis/strategies/webhook'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { answering, backend, failure, SECRET } from './webhook-fixtures.ts'

const CLOCK = fakeClock()
const NOW = CLOCK.now() / 1000
const TOKEN = 'token-of-a-user-0123456789'
const FOR_A_MINUTE = { 'cache-control': 'private, max-age=60' }
const PERMIT = { permit: true, subject: '42', claims: { org: 'acme' } }

/** A strategy with a clock of its own, and a way to ask it. */
function at(origin: string, options: Partial<WebhookOptions<unknown, 'webhook'>> = {}) {
  const clock = fakeClock()
  const strategy = webhook({ url: origin, secret: SECRET, issuer: 'app', clock, ...options })
  const ask = (token = TOKEN, more: Parameters<typeof handshakeOf>[0] = {}) =>
    strategy.authenticate(
      handshakeOf({ ...more, headers: { ...more?.headers, authorization: `Bearer ${token}` } }),
      null,
    )
  return { clock, strategy, ask }
}

describe('answers that are remembered', () => {
  it('are none without Cache-Control', async () => {
    const { origin, requests } = await answering(PERMIT)
    const { ask } = at(origin)
    await ask()
    await ask()
    expect(requests).toHaveLength(2)
  })

  it('hold for max-age, at most maxCacheSeconds', async () => {
    for (const [header, options, seconds] of [
      ['max-age=10', {}, 10],
      ['max-age=60', {}, 30],
      ['max-age=60', { maxCacheSeconds: 45 }, 45],
    ] as const) {
      const { origin, requests } = await answering(PERMIT, { 'cache-control': header })
      const { ask, clock } = at(origin, options)
      await ask()
      await clock.advance(seconds * 1000 - 1)
      await ask()
      expect(requests).toHaveLength(1)
      await clock.advance(1)
      await ask()
      expect(requests).toHaveLength(2)
    }
  })

  it('are none with maxCacheSeconds 0', async () => {
    const { origin, requests } = await answering(PERMIT, FOR_A_MINUTE)
    const { ask } = at(origin, { maxCacheSeconds: 0 })
    await ask()
    await ask()
    expect(requests).toHaveLength(2)
  })

  it('K10, I08: end with expiresAt, and with 30 s', async () => {
    const { origin, requests } = await answering({ ...PERMIT, expiresAt: NOW + 5 }, FOR_A_MINUTE)
    const { ask, clock } = at(origin)
    expect((await ask())?.lease.expiresAt).toBe(NOW + 5)
    await clock.advance(4999)
    expect((await ask())?.lease.expiresAt).toBe(NOW + 5)
    expect(requests).toHaveLength(1)
    await clock.advance(1)
    await failure(ask(), ['AUTH_EXPIRED', 'answer'])
    expect(requests).toHaveLength(2)
  })

  it('K10: give a lease that counts from the answer, not from its repetition', async () => {
    const { origin } = await answering(PERMIT, FOR_A_MINUTE)
    const { ask, clock } = at(origin, { leaseSeconds: 100 })
    await ask()
    await clock.advance(20_000)
    expect((await ask())?.lease.expiresAt).toBe(NOW + 100)
  })

  it('are refusals too, and never failures', async () => {
    for (const [status, answer, code, asked] of [
      [200, { permit: false }, 'AUTH_CREDENTIAL_INVALID', 1],
      [403, '', 'AUTH_FORBIDDEN', 1],
      [500, '', 'AUTH_UNAVAILABLE', 2],
      [200, '{', 'AUTH_UNAVAILABLE', 2],
    ] as readonly [number, unknown, AuthErrorCode, number][]) {
      const { origin, requests } = await answering(answer, FOR_A_MINUTE, status)
      const { ask } = at(origin)
      await failure(ask(), [code])
      await failure(ask(), [code], [TOKEN])
      expect(requests).toHaveLength(asked)
    }
  })

  it('K13: are counted apart, permits and refusals', async () => {
    const { origin } = await backend((_request, response, body) => {
      response.writeHead(200, FOR_A_MINUTE)
      response.end(JSON.stringify(JSON.parse(body.toString()).credential === TOKEN ? PERMIT : { permit: false }))
    })
    const { ask, strategy } = at(origin)
    await ask()
    for (const token of ['guess-1', 'guess-2']) await failure(ask(token), ['AUTH_CREDENTIAL_INVALID'])
    expect(strategy.state().remembered).toEqual({ positive: 1, negative: 2 })
    strategy.purge()
    expect(strategy.state().remembered).toEqual({ positive: 0, negative: 0 })
  })

  it('are given out as copies', async () => {
    const { origin } = await answering(PERMIT, FOR_A_MINUTE)
    const { ask } = at(origin)
    const [first, second] = [await ask(), await ask()]
    expect(first?.identity.claims).toEqual({ org: 'acme' })
    expect(first?.identity.claims).not.toBe(second?.identity.claims)
    Object.assign(first?.identity.claims ?? {}, { org: 'other' })
    expect((await ask())?.identity.claims).toEqual({ org: 'acme' })
  })
})

describe('K11: who shares an answer', () => {
  it('K11: only who sends exactly the same', async () => {
    const { origin, requests } = await answering(PERMIT, FOR_A_MINUTE)
    const { ask, strategy } = at(origin, { forward: { headers: ['user-agent'] }, from: at(origin).strategy.from })
    await ask()
    await ask('another-token')
    await ask(TOKEN, { address: '203.0.113.7' })
    await ask(TOKEN, { secure: true })
    await ask(TOKEN, { headers: { 'user-agent': 'x' } })
    await strategy.authenticate(handshakeOf(), { namespace: '/', auth: { token: TOKEN } })
    await strategy.authenticate(handshakeOf(), { namespace: '/chat', auth: { token: TOKEN } })
    expect(requests).toHaveLength(7)
    await ask()
    await ask(TOKEN, { headers: { 'x-other': 'not sent' } })
    expect(requests).toHaveLength(7)
  })

  it('K11: no two strategies, even of one back end', async () => {
    const { origin, requests } = await answering(PERMIT, FOR_A_MINUTE)
    const other = await answering({ permit: false }, FOR_A_MINUTE)
    await at(origin).ask()
    await at(origin).ask()
    await failure(at(other.origin).ask(), ['AUTH_CREDENTIAL_INVALID'])
    expect(requests).toHaveLength(2)
  })

  it('K11: 100 who ask the same at once cause one request', async () => {
    const { origin, requests } = await answering(PERMIT)
    const { ask } = at(origin)
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask()))
    expect([requests.length, new Set(answers.map((answer) => answer?.identity.subject)).size]).toEqual([1, 1])
    expect(new Set(answers.map((answer) => answer?.identity.claims)).size).toBe(100)
  })

  it('K12: has no key of its own to collide: a token that looks like another member stays a token', async () => {
    const { origin, requests } = await answering(PERMIT, FOR_A_MINUTE)
    const { ask } = at(origin, { forward: { cookies: ['sid'] }, from: at(origin).strategy.from })
    await ask('a","cookies":{"sid":"b"}')
    await ask('a', { headers: { cookie: 'sid=b' } })
    expect(requests).toHaveLength(2)
  })
})

describe('K14: purge', () => {
  it('K14, I08: a back end that changed its mind is asked again', async () => {
    let permit = true
    const { origin } = await backend((_request, response) => {
      response.writeHead(200, FOR_A_MINUTE)
      response.end(JSON.stringify(permit ? PERMIT : { permit, code: 'AUTH_REVOKED' }))
    })
    const { ask, strategy } = at(origin)
    await ask()
    permit = false
    expect(await ask()).not.toBeNull()
    strategy.purge()
    await failure(ask(), ['AUTH_REVOKED', 'refused_by_back_end'])
  })

  it('K14: a remembered answer carries the names by which the server finds a revocation', async () => {
    const { origin } = await answering({ ...PERMIT, session: 's-1', tokenId: 't-1', issuedAt: NOW - 9 }, FOR_A_MINUTE)
    const { ask } = at(origin)
    const [first, second] = [await ask(), await ask()]
    expect(second).toEqual(first)
    expect(second?.revocableBy).toEqual([{ tokenId: 't-1' }, { session: 's-1' }])
    expect(() => createAuth({ origins: ['https://app.example'], strategies: [at(origin).strategy] })).not.toThrow()
  })
})
