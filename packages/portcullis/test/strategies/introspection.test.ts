import { createHash } from 'node:crypto'
import { allowQuery } from 'portcullis/strategies/from'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, it, test } from 'vitest'
import * as z from 'zod'
import {
  AUDIENCE,
  active,
  bearer,
  CLIENT_SECRET,
  ISSUER,
  json,
  NOW,
  present,
  refusal,
  TOKEN,
  useEndpoint,
} from './introspection-fixtures.ts'

const endpoint = useEndpoint()
const SHA256 = createHash('sha256').update(TOKEN).digest('hex')

describe('the introspection strategy keeps the contract of strategies', () => {
  const [REVOKED, EXPIRED] = ['revoked-token-1', 'expired-token-1']
  const request = (token: string) => () => ({ handshake: bearer(token), connect: null })
  const cases = strategyContract({
    strategy() {
      endpoint.answer = ({ form }, response) => {
        const token = form.get('token')
        const answer = token === TOKEN ? active() : token === EXPIRED ? active({ exp: NOW }) : { active: false }
        json(answer)({ form } as never, response)
      }
      return endpoint.strategy()
    },
    good: request(TOKEN),
    missing: () => ({ handshake: handshakeOf({ headers: { authorization: 'DPoP abc' } }), connect: null }),
    bad: [
      { name: 'an inactive token', request: request(REVOKED), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'an expired token', request: request(EXPIRED), code: 'AUTH_EXPIRED' },
      { name: 'an empty token', request: request(''), code: 'AUTH_CREDENTIAL_INVALID' },
    ],
    unavailable: () => {
      endpoint.answer = json({}, 503)
      return { strategy: endpoint.strategy(), ...request(TOKEN)() }
    },
    secrets: [TOKEN, REVOKED, EXPIRED, CLIENT_SECRET],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('a token that is active', () => {
  it('I01: gives the identity, a lease until exp and the id to revoke it by', async () => {
    expect(await present(endpoint.strategy())).toEqual({
      identity: {
        scheme: 'introspection',
        issuer: ISSUER,
        subject: 'user-42',
        claims: { scope: 'chat:read chat:write', client_id: 'web' },
      },
      lease: { id: 'token-7', issuedAt: NOW - 60, expiresAt: NOW + 600 },
      revocableBy: [{ tokenId: 'token-7' }],
    })
  })

  it('is asked about once, in a form, as RFC 7662 section 2.1 has it', async () => {
    await present(endpoint.strategy())
    expect(endpoint.asked).toHaveLength(1)
    const [asked] = endpoint.asked
    expect(asked?.method).toBe('POST')
    expect(asked?.headers.accept).toBe('application/json')
    expect(asked?.headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect([...(asked?.form ?? [])]).toEqual([
      ['token', TOKEN],
      ['token_type_hint', 'access_token'],
    ])
  })

  it('is read from auth.token too, and from the query only where that is allowed', async () => {
    const connect = { namespace: '/', auth: { token: TOKEN } }
    expect((await endpoint.strategy().authenticate(handshakeOf(), connect))?.identity.subject).toBe('user-42')
    const inQuery = handshakeOf({ query: { token: TOKEN } })
    expect(await endpoint.strategy().authenticate(inQuery, null)).toBeNull()
    expect(await endpoint.strategy({ from: [allowQuery('token')] }).authenticate(inQuery, null)).not.toBeNull()
  })

  it('may contain every printable character, and arrives as it was sent', async () => {
    for (const token of ['a.b-c_d~e+f/g==', 'aGVs.bG8.d29ybGQ', '00D!AQ&token=x;%00"\\', 'x'.repeat(8192)]) {
      await present(endpoint.strategy(), token)
      expect(endpoint.asked.at(-1)?.form.getAll('token')).toEqual([token])
    }
  })

  it.each([undefined, null, TOKEN])('is named by its SHA-256 when jti is %s', async (jti) => {
    endpoint.answer = active({ jti })
    const answer = await present(endpoint.strategy())
    expect(answer?.lease.id).toBe(SHA256)
    expect(answer?.revocableBy).toEqual([{ tokenId: SHA256 }])
  })

  it('counts as issued at 0 without iat, and never as issued later than now', async () => {
    endpoint.answer = active({ iat: undefined })
    expect((await present(endpoint.strategy()))?.lease.issuedAt).toBe(0)
    endpoint.answer = active({ iat: NOW + 5 })
    expect((await present(endpoint.strategy()))?.lease.issuedAt).toBe(NOW)
  })

  it('may leave out what RFC 7662 section 2.2 leaves to the server, or say null', async () => {
    const optional = ['client_id', 'scope', 'token_type', 'iss', 'iat', 'exp', 'nbf', 'jti', 'cnf', 'username']
    for (const value of [undefined, null]) {
      endpoint.answer = active(Object.fromEntries(optional.map((name) => [name, value])))
      expect((await present(endpoint.strategy()))?.identity).toEqual({
        scheme: 'introspection',
        issuer: ISSUER,
        subject: 'user-42',
        claims: { scope: '' },
      })
    }
  })
})

describe('the lease ends', () => {
  const endIn = async (changes: Record<string, unknown>, options: object = {}) => {
    endpoint.answer = active(changes)
    return ((await present(endpoint.strategy(options)))?.lease.expiresAt ?? 0) - NOW
  }

  it('with exp, after leaseSeconds, or with maxLifetimeSeconds, whichever is first', async () => {
    expect(await endIn({ exp: NOW + 90.5 })).toBe(90.5)
    expect(await endIn({ exp: NOW + 7200 })).toBe(3600)
    expect(await endIn({ exp: NOW + 7200 }, { leaseSeconds: 30 })).toBe(30)
    expect(await endIn({ exp: undefined })).toBe(3600)
    expect(await endIn({ exp: NOW + 7200 }, { maxLifetimeSeconds: 100 })).toBe(40)
    expect(await endIn({ exp: undefined, iat: undefined }, { maxLifetimeSeconds: 100 })).toBe(100)
  })

  it('never for a token that is older than maxLifetimeSeconds: it is refused with AUTH_EXPIRED', async () => {
    await refusal(endpoint.strategy({ maxLifetimeSeconds: 60 }), ['AUTH_EXPIRED', 'max_lifetime'])
  })
})

describe('claims', () => {
  it('come from the members of the answer through the schema, others nowhere', async () => {
    endpoint.answer = active({ username: 'alice', org: 'acme', email: 'alice@acme.example' })
    const claims = z.object({ username: z.string(), org: z.string() })
    expect((await present(endpoint.strategy({ claims })))?.identity.claims).toEqual({ username: 'alice', org: 'acme' })
    expect(JSON.stringify(await present(endpoint.strategy()))).not.toMatch(/alice|acme/)
  })

  it('that do not fit are refused with AUTH_CREDENTIAL_INVALID, and a schema that throws with AUTH_ERROR', async () => {
    await refusal(endpoint.strategy({ claims: z.object({ org: z.string() }) }), ['AUTH_CREDENTIAL_INVALID', 'claims'])
    const claims = z.unknown().transform(() => {
      throw new Error('broken')
    })
    await refusal(endpoint.strategy({ claims }), ['AUTH_ERROR', 'claims_schema_threw'])
  })

  it('are each asker’s own copy, and carry no __proto__', async () => {
    endpoint.answer = (_asked, response) => response.end(JSON.stringify(active()).replace('{', '{"__proto__":{"a":1},'))
    const strategy = endpoint.strategy({ claims: z.unknown(), cacheSeconds: 30 })
    const [first, second] = [await present(strategy), await present(strategy)]
    expect(first?.identity.claims).toEqual(active())
    expect(first?.identity.claims).not.toBe(second?.identity.claims)
    expect(endpoint.asked).toHaveLength(1)
  })
})

describe('refuses with AUTH_CREDENTIAL_INVALID before anything is asked', () => {
  it.each([
    ['a space', 'two words', 'not_ascii'],
    ['a NUL', `${TOKEN}\0`, 'not_ascii'],
    ['a line break', `${TOKEN}\n`, 'not_ascii'],
    ['a letter beyond ASCII', `${TOKEN}é`, 'not_ascii'],
    ['a lone surrogate', `${TOKEN}\uD800`, 'not_ascii'],
    ['nothing', '', 'not_ascii'],
    ['8193 bytes', 'x'.repeat(8193), 'too_long'],
  ])('a token with %s', async (_what, token, reason) => {
    await refusal(endpoint.strategy(), ['AUTH_CREDENTIAL_INVALID', reason], token)
    expect(endpoint.asked).toEqual([])
  })

  it('a token that is too long for a source of the application', async () => {
    const mine = { in: 'header', name: 'x-token', ambient: false, read: () => 'x'.repeat(8193) } as const
    const strategy = endpoint.strategy({ from: [mine] })
    await expect(strategy.authenticate(handshakeOf(), null)).rejects.toMatchObject({ reason: 'too_long' })
    expect(endpoint.asked).toEqual([])
  })
})

describe('an answer is refused', () => {
  const bad = (changes: Record<string, unknown>, ...expected: Parameters<typeof refusal>[1]) =>
    [changes, ...expected] as const
  const INVALID = 'AUTH_CREDENTIAL_INVALID'

  it.each([
    bad({ active: false }, INVALID, 'inactive'),
    bad({ iss: 'https://other.example' }, INVALID, 'issuer'),
    bad({ iss: `${ISSUER}/` }, INVALID, 'issuer'),
    bad({ iss: [ISSUER] }, INVALID, 'issuer'),
    bad({ aud: undefined }, INVALID, 'audience'),
    bad({ aud: null }, INVALID, 'audience'),
    bad({ aud: 'https://other.example' }, INVALID, 'audience'),
    bad({ aud: `${AUDIENCE}/` }, INVALID, 'audience'),
    bad({ aud: [] }, INVALID, 'audience'),
    bad({ aud: ['https://other.example'] }, INVALID, 'audience'),
    bad({ aud: [AUDIENCE, 1] }, INVALID, 'audience'),
    bad({ aud: { 0: AUDIENCE } }, INVALID, 'audience'),
    bad({ exp: NOW }, 'AUTH_EXPIRED', 'expiry'),
    bad({ exp: 0 }, 'AUTH_EXPIRED', 'expiry'),
    bad({ exp: String(NOW + 600) }, INVALID, 'expiry'),
    bad({ exp: -1 }, INVALID, 'expiry'),
    bad({ nbf: NOW + 6 }, INVALID, 'not_before'),
    bad({ nbf: 'now' }, INVALID, 'not_before'),
    bad({ iat: NOW + 6 }, INVALID, 'issued_at'),
    bad({ iat: true }, INVALID, 'issued_at'),
    bad({ jti: '' }, INVALID, 'token_id'),
    bad({ jti: 7 }, INVALID, 'token_id'),
    bad({ jti: 'a\nb' }, INVALID, 'token_id'),
    bad({ jti: 'x'.repeat(257) }, INVALID, 'token_id'),
    bad({ client_id: 7 }, INVALID, 'client_id'),
    bad({ scope: ['chat:read'] }, INVALID, 'scope'),
  ])('I01: with %j', async (changes, code, reason) => {
    endpoint.answer = active(changes)
    await refusal(endpoint.strategy(), [code, reason])
  })

  it.each([7, true, {}, ['user-42'], 'a\0b', 'a\nb', 'a\u007fb', '\ud800', 'x'.repeat(257)])(
    'J25: with sub %j',
    async (sub) => {
      endpoint.answer = active({ sub })
      await refusal(endpoint.strategy(), [INVALID, 'subject'])
    },
  )

  it.each([
    { token_type: 'refresh_token' },
    { token_type: 'N_A' },
    { token_type: 'DPoP' },
    { token_type: '' },
    { token_type: ['Bearer'] },
  ])('I13: with %j, which is no bearer token', async (changes) => {
    endpoint.answer = active(changes)
    await refusal(endpoint.strategy(), [INVALID, 'token_type'])
  })

  it.each([
    { token_use: 'refresh_token' },
    { token_use: 'id' },
    { typ: 'Refresh' },
    { typ: 'Offline' },
    { typ: 'ID' },
    { typ: 1 },
  ])('I13: with %j, which is no access token', async (changes) => {
    endpoint.answer = active(changes)
    await refusal(endpoint.strategy(), [INVALID, 'token_use'])
  })

  it.each([
    { sub: undefined },
    { sub: null },
    { sub: '' },
    { sub: 'web' },
    { sub: 'spa', azp: 'spa', client_id: undefined },
  ])('I13: with %j, which is a client without a user', async (changes) => {
    endpoint.answer = active(changes)
    await refusal(endpoint.strategy(), [INVALID, 'no_user'])
  })

  it.each([{ jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }, { 'x5t#S256': 'abc' }, {}, true])(
    'I14: with cnf %j: whoever has only the token is not its holder',
    async (cnf) => {
      endpoint.answer = active({ cnf })
      await refusal(endpoint.strategy(), [INVALID, 'sender_constrained'])
    },
  )
})

describe('an answer is accepted', () => {
  it.each([
    { token_type: 'bearer' },
    { token_type: 'BEARER' },
    { token_use: 'access_token' },
    { typ: 'Bearer' },
    { typ: 'at+jwt' },
    { aud: ['https://other.example', AUDIENCE] },
    { nbf: NOW + 5 },
    { iat: NOW + 5 },
    { exp: NOW + 0.5 },
  ])('with %j', async (changes) => {
    endpoint.answer = active(changes)
    expect(await present(endpoint.strategy())).not.toBeNull()
  })

  it('I13: for a client without a user only with allowClients, and the client is the subject', async () => {
    const strategy = endpoint.strategy({ allowClients: true })
    for (const sub of [undefined, 'web']) {
      endpoint.answer = active({ sub })
      expect((await present(strategy))?.identity.subject).toBe('web')
    }
    endpoint.answer = active({ sub: undefined, client_id: undefined })
    await refusal(strategy, ['AUTH_CREDENTIAL_INVALID', 'no_user'])
  })

  it('without iss unless requireIssuer is true', async () => {
    endpoint.answer = active({ iss: undefined })
    await refusal(endpoint.strategy({ requireIssuer: true }), ['AUTH_CREDENTIAL_INVALID', 'issuer'])
    endpoint.answer = active()
    expect(await present(endpoint.strategy({ requireIssuer: true }))).not.toBeNull()
  })

  it('leewaySeconds ahead of this clock, which exp does not get', async () => {
    endpoint.answer = active({ nbf: NOW + 60, iat: NOW + 60 })
    expect(await present(endpoint.strategy({ leewaySeconds: 60 }))).not.toBeNull()
    endpoint.answer = active({ exp: NOW })
    await refusal(endpoint.strategy({ leewaySeconds: 60 }), ['AUTH_EXPIRED', 'expiry'])
  })
})

describe('scopes', () => {
  it.each(['chat', 'chat chat:read', 'a  chat  b', `${'x '.repeat(255)}chat`])('A20: are met by %j', async (scope) => {
    endpoint.answer = active({ scope })
    expect(await present(endpoint.strategy({ scopes: ['chat'] }))).not.toBeNull()
  })

  it.each([
    undefined,
    '',
    'chatter',
    'chat:*',
    'xchat',
    'Chat',
    'a\tchat',
    'chat\t',
    'chat,b',
    `${'x '.repeat(256)}chat`,
    `${'x '.repeat(10_000)}chat`,
  ])('A20: are not met by %j: AUTH_INSUFFICIENT_SCOPE', async (scope) => {
    endpoint.answer = active({ scope })
    const error = await refusal(endpoint.strategy({ scopes: ['chat'] }), ['AUTH_INSUFFICIENT_SCOPE', 'scope'])
    expect([error.status, error.retry]).toEqual([403, 'never'])
  })

  it('must all be there', async () => {
    endpoint.answer = active({ scope: 'a b' })
    expect(await present(endpoint.strategy({ scopes: ['a', 'b'] }))).not.toBeNull()
    await refusal(endpoint.strategy({ scopes: ['a', 'c'] }), ['AUTH_INSUFFICIENT_SCOPE', 'scope'])
  })

  it('say nothing of a token that is expired', async () => {
    endpoint.answer = active({ scope: '', exp: NOW - 1 })
    await refusal(endpoint.strategy({ scopes: ['a'] }), ['AUTH_EXPIRED', 'expiry'])
  })
})

test('a clock that moves during the question counts for exp', async () => {
  const clock = fakeClock()
  endpoint.answer = async (asked, response) => {
    await clock.advance(600_000)
    json(active())(asked, response)
  }
  await refusal(endpoint.strategy({ clock }), ['AUTH_EXPIRED', 'expiry'])
})
