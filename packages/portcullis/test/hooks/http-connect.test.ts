import { AuthError, type Strategy } from 'portcullis'
import type { HookConnectOptions } from 'portcullis/hooks/http'
import { fromAuth, fromAuthorization } from 'portcullis/strategies/from'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, it, test } from 'vitest'
import { type Answering, type HookBackend, hookBackend, hooksOf, outcomeOf } from './hooks-fixtures.ts'

const [TOKEN, OTHER] = ['token-of-a-user-0123456789', 'another-token-0123456789']
const ISSUER = 'https://app.example'
const permitting: Answering = () => ({ permit: true, subject: '42', claims: { org: 'acme' } })
const bearer = (token: string) => handshakeOf({ headers: { authorization: `Bearer ${token}` } })
const connect = (auth: Record<string, unknown>) => ({ namespace: '/chat', auth })

async function asking(
  answer: Answering = permitting,
  options: Partial<HookConnectOptions<never, 'hook'>> = {},
  more = {},
) {
  const site = await hookBackend(answer)
  const hooks = hooksOf(site, more)
  return { site, hooks, strategy: hooks.connect({ issuer: ISSUER, ...options }) as Strategy }
}

const heard = async (strategy: Strategy, handles: readonly unknown[]) =>
  (await strategy.revalidate?.(handles))?.map((answer) =>
    AuthError.is(answer) ? answer.code : answer.identity.subject,
  )

describe('the strategy keeps the contract', () => {
  const refused = new Set<unknown>()
  let site: HookBackend
  const cases = strategyContract({
    strategy: async () => {
      refused.clear()
      const made = await asking(({ credential }) =>
        refused.has(credential) ? { permit: false } : { permit: true, subject: '42' },
      )
      site = made.site
      return made.strategy
    },
    good: () => ({ handshake: bearer(TOKEN), connect: null }),
    bad: [
      {
        name: 'a refusal',
        request: () => {
          refused.add(OTHER)
          return { handshake: bearer(OTHER), connect: null }
        },
        code: 'AUTH_CREDENTIAL_INVALID',
      },
      {
        name: 'an outage',
        request: () => {
          site.instead = () => ({ status: 500 })
          return { handshake: bearer(OTHER), connect: null }
        },
        code: 'AUTH_UNAVAILABLE',
      },
    ],
    ending: () => ({ handshake: bearer(OTHER), connect: null, end: () => void refused.add(OTHER) }),
    secrets: [TOKEN, OTHER],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('who presents what', () => {
  it('is asked with the credential, the cookies and the headers that are named, and with nothing else', async () => {
    const { site, strategy } = await asking(permitting, {
      from: [fromAuthorization('Bearer')],
      forward: { headers: ['User-Agent'], cookies: ['PHPSESSID'] },
    })
    const headers = { authorization: `Bearer ${TOKEN}`, cookie: 'PHPSESSID=abc; other=1', 'user-agent': 'x', via: 'y' }
    const found = await strategy.authenticate(handshakeOf({ headers, address: '192.0.2.7' }), null)
    expect(found?.identity).toEqual({ scheme: 'hook', issuer: ISSUER, subject: '42', claims: { org: 'acme' } })
    expect(site.items()).toEqual([
      {
        id: expect.any(String),
        type: 'connect',
        credential: TOKEN,
        auth: null,
        cookies: { PHPSESSID: 'abc' },
        headers: { 'user-agent': 'x' },
        address: '192.0.2.7',
        secure: false,
        namespace: null,
      },
    ])
  })

  it('is asked with the whole payload of the CONNECT packet where that is forwarded', async () => {
    const { site, strategy } = await asking(
      ({ auth }) =>
        (auth as { key?: string } | null)?.key === 'k' ? { permit: true, subject: '42' } : { permit: null },
      {
        forward: { auth: true },
      },
    )
    const handshake = handshakeOf()
    expect(await strategy.authenticate(handshake, null)).toBeNull()
    expect(await strategy.authenticate(handshake, connect({}))).toBeNull()
    expect(await strategy.authenticate(handshake, connect({ lang: 'nl' }))).toBeNull()
    expect((await strategy.authenticate(handshake, connect({ key: 'k', more: [1] })))?.identity.subject).toBe('42')
    expect(site.items().map(({ auth, credential, namespace }) => [auth, credential, namespace])).toEqual([
      [{ lang: 'nl' }, null, '/chat'],
      [{ key: 'k', more: [1] }, null, '/chat'],
    ])
    expect(await outcomeOf(strategy.authenticate(handshake, connect({ key: 'k'.repeat(9_000) })))).toEqual([
      'AUTH_CREDENTIAL_INVALID',
      'too_long',
    ])
  })

  it('is refused before anybody is asked where it cannot be sent to any back end', async () => {
    const { site, strategy } = await asking(permitting, { forward: { auth: true } })
    const outcomes = [{ token: 'half a \ud800 character' }, { deep: JSON.parse('['.repeat(70) + ']'.repeat(70)) }].map(
      (auth) => outcomeOf(strategy.authenticate(handshakeOf(), connect(auth))),
    )
    expect(await Promise.all(outcomes)).toEqual([
      ['AUTH_CREDENTIAL_INVALID', 'not_unicode'],
      ['AUTH_CREDENTIAL_INVALID', 'too_deep'],
    ])
    expect(site.items()).toEqual([])
  })

  it('is not asked where nothing is presented', async () => {
    const { site, strategy } = await asking(permitting, {
      forward: { cookies: ['PHPSESSID'], headers: ['user-agent'] },
    })
    expect(await strategy.authenticate(handshakeOf({ headers: { 'user-agent': 'x', cookie: 'a=b' } }), null)).toBeNull()
    expect(site.items()).toEqual([])
  })

  it('"none of mine" passes cookies on to the next strategy, and never a token', async () => {
    const { strategy } = await asking(() => ({ permit: null }), {
      from: [fromAuth('token')],
      forward: { cookies: ['PHPSESSID'] },
    })
    expect(await strategy.authenticate(handshakeOf({ headers: { cookie: 'PHPSESSID=abc' } }), null)).toBeNull()
    expect(await outcomeOf(strategy.authenticate(handshakeOf(), connect({ token: TOKEN })))).toEqual([
      'AUTH_UNAVAILABLE',
      'answer_malformed',
    ])
  })

  it('50 of them in flight are one request, and the same credential is one question', async () => {
    const { site, strategy } = await asking(({ credential }) => ({ permit: true, subject: String(credential) }))
    const tokens = Array.from({ length: 100 }, (_, i) => `token-${i % 50}`)
    const found = await Promise.all(tokens.map((token) => strategy.authenticate(bearer(token), null)))
    expect(found.map((one) => one?.identity.subject)).toEqual(tokens)
    expect(site.requests.map(({ length }) => length)).toEqual([50])
  })

  it.each(['AUTH_CREDENTIAL_INVALID', 'AUTH_EXPIRED', 'AUTH_REVOKED', 'AUTH_FORBIDDEN'])(
    'may be refused with %s',
    async (code) => {
      const { strategy } = await asking(() => ({ permit: false, code }))
      expect(await outcomeOf(strategy.authenticate(bearer(TOKEN), null))).toEqual([code, 'refused_by_back_end'])
    },
  )

  it('is undecided when the subject, the claims or a member is not as it must be', async () => {
    for (const wrong of [
      { subject: 42 },
      { subject: '' },
      { claims: [] },
      { expires_at: 1 },
      { issuedAt: '0' },
      { subject: undefined },
    ]) {
      const { strategy } = await asking(() => ({ permit: true, subject: '42', ...wrong }))
      expect(await outcomeOf(strategy.authenticate(bearer(TOKEN), null))).toEqual([
        'AUTH_UNAVAILABLE',
        'answer_malformed',
      ])
    }
  })

  it('ends with the answer, or after leaseSeconds', async () => {
    const clock = fakeClock()
    const now = clock.now() / 1000
    let more = {}
    const { strategy } = await asking(
      () => ({ permit: true, subject: '42', ...more }),
      { leaseSeconds: 100 },
      { clock },
    )
    const lease = async () => (await strategy.authenticate(bearer(TOKEN), null))?.lease
    expect(await lease()).toMatchObject({ expiresAt: now + 100, issuedAt: 0 })
    more = { expiresAt: now + 50, issuedAt: now - 5 }
    expect(await lease()).toMatchObject({ expiresAt: now + 50, issuedAt: now - 5 })
    more = { expiresAt: now }
    expect(await outcomeOf(lease())).toEqual(['AUTH_EXPIRED', 'answer'])
  })
})

describe('asking again', () => {
  it('sends "refresh" with what was presented, 50 at once, and is not answered from what is remembered', async () => {
    const { site, strategy } = await asking(({ credential }) => ({
      permit: true,
      subject: String(credential),
      maxAgeSeconds: 30,
    }))
    const tokens = Array.from({ length: 120 }, (_, i) => `token-${i}`)
    const found = await Promise.all(tokens.map((token) => strategy.authenticate(bearer(token), null)))
    site.requests.length = 0
    expect(
      await heard(
        strategy,
        found.map((one) => one?.handle),
      ),
    ).toEqual(tokens)
    expect(site.requests.map(({ length }) => length).sort((a, b) => b - a)).toEqual([50, 50, 20])
    expect(new Set(site.items().map(({ type }) => type))).toEqual(new Set(['refresh']))
    expect(JSON.stringify(found)).not.toContain('"handle"')
  })

  it('tells who was refused, and what a connect remembers of him counts no more', async () => {
    let permitted = true
    const { strategy } = await asking(() =>
      permitted ? { permit: true, subject: '42', maxAgeSeconds: 30 } : { permit: false, code: 'AUTH_REVOKED' },
    )
    const found = await strategy.authenticate(bearer(TOKEN), null)
    permitted = false
    expect((await strategy.authenticate(bearer(TOKEN), null))?.identity.subject).toBe('42')
    expect(await heard(strategy, [found?.handle])).toEqual(['AUTH_REVOKED'])
    expect(await outcomeOf(strategy.authenticate(bearer(TOKEN), null))).toEqual(['AUTH_REVOKED', 'refused_by_back_end'])
  })

  it('does so too where the grace is over, or there is none', async () => {
    for (const graceMs of [0, 1_000]) {
      const clock = fakeClock()
      let permitted = true
      const { strategy } = await asking(
        () =>
          permitted ? { permit: true, subject: '42', maxAgeSeconds: 300 } : { permit: false, code: 'AUTH_REVOKED' },
        {},
        { clock, graceMs, cache: { maxSeconds: 300 } },
      )
      const found = await strategy.authenticate(bearer(TOKEN), null)
      permitted = false
      await clock.advance(30_000)
      expect(await heard(strategy, [found?.handle])).toEqual(['AUTH_REVOKED'])
      expect(await outcomeOf(strategy.authenticate(bearer(TOKEN), null))).toEqual([
        'AUTH_REVOKED',
        'refused_by_back_end',
      ])
    }
  })

  it('ends whom the back end no longer knows, by a token as well as by a cookie', async () => {
    let known = true
    const { strategy } = await asking(() => (known ? { permit: true, subject: '42' } : { permit: null }), {
      from: [fromAuthorization('Bearer')],
      forward: { cookies: ['PHPSESSID'] },
    })
    const found = await Promise.all(
      [{ authorization: `Bearer ${TOKEN}` }, { cookie: 'PHPSESSID=abc' }].map((headers) =>
        strategy.authenticate(handshakeOf({ headers }), null),
      ),
    )
    known = false
    expect(
      await heard(
        strategy,
        found.map((one) => one?.handle),
      ),
    ).toEqual(Array(2).fill('AUTH_CREDENTIAL_MISSING'))
  })

  it('leaves in an outage what was last known, for graceMs and no longer, and says so once', async () => {
    const clock = fakeClock()
    const errors: unknown[] = []
    const options = {
      clock,
      graceMs: 300_000,
      onError: (error: unknown, where: string) => errors.push([where, String(error)]),
    }
    const { site, strategy } = await asking(
      ({ credential }) => ({ permit: true, subject: String(credential) }),
      {},
      options,
    )
    const found = await Promise.all(['a', 'b'].map((token) => strategy.authenticate(bearer(token), null)))
    const handles = found.map((one) => one?.handle)
    site.instead = () => ({ status: 503 })
    await clock.advance(299_999)
    expect(await heard(strategy, handles)).toEqual(['a', 'b'])
    expect(errors).toEqual([['refresh of hooks', 'Error: the back end answered with status 503']])
    await clock.advance(1)
    expect(await heard(strategy, handles)).toEqual(['AUTH_UNAVAILABLE', 'AUTH_UNAVAILABLE'])
    site.instead = null
    await clock.advance(5_000)
    expect(await heard(strategy, handles)).toEqual(['a', 'b'])
  })

  it('leaves the same where a reload has put another strategy of the same hooks into its place', async () => {
    const site = await hookBackend(permitting)
    const hooks = hooksOf(site)
    const [former, heir, other] = [ISSUER, ISSUER, 'https://other.example'].map((issuer) => hooks.connect({ issuer }))
    const found = (await former?.authenticate(bearer(TOKEN), null)) ?? null
    site.instead = () => ({ status: 503 })
    expect(await heard(heir as never, [found?.handle])).toEqual(['42'])
    expect(await heard(other as never, [found?.handle])).toEqual(['AUTH_UNAVAILABLE'])
  })

  it('with a grace of 0 leaves nothing', async () => {
    const { site, strategy } = await asking(permitting, {}, { graceMs: 0 })
    const found = await strategy.authenticate(bearer(TOKEN), null)
    site.instead = () => ({ status: 503 })
    expect(await heard(strategy, [found?.handle])).toEqual(['AUTH_UNAVAILABLE'])
  })

  it('does not happen with refreshSeconds of Infinity', async () => {
    const { strategy } = await asking(permitting, { refreshSeconds: Number.POSITIVE_INFINITY })
    expect([strategy.revalidate, strategy.revalidateEveryMs]).toEqual([undefined, undefined])
    expect((await strategy.authenticate(bearer(TOKEN), null))?.handle).toBeUndefined()
  })
})
