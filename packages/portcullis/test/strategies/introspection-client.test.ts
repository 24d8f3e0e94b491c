/** How the strategy proves who it is, what it says when that fails, and what it may be told. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { inspect } from 'node:util'
import { jwtVerify } from 'jose'
import { type ClientKey, introspection } from 'portcullis/strategies/introspection'
import { fakeClock } from 'portcullis/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  AUDIENCE,
  active,
  CLIENT_ID,
  CLIENT_SECRET,
  expectHidden,
  ISSUER,
  json,
  NOW,
  present,
  raw,
  refusal,
  TOKEN,
  useEndpoint,
} from './introspection-fixtures.ts'

const endpoint = useEndpoint()
const clientKey = { ...newKey('ES256').export({ format: 'jwk' }), alg: 'ES256', kid: 'client-1' }

function newKey(alg: 'ES256' | 'ES384' | 'RS256' | 'PS512' | 'EdDSA'): KeyObject {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519').privateKey
  if (alg === 'RS256' || alg === 'PS512') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  return generateKeyPairSync('ec', { namedCurve: alg === 'ES256' ? 'P-256' : 'P-384' }).privateKey
}

const warnings: Error[] = []
const remember = (warning: Error) => warnings.push(warning)
beforeEach(() => {
  warnings.length = 0
  process.on('warning', remember)
})
afterEach(() => {
  process.off('warning', remember)
})

describe('the client is proved', () => {
  it('by Basic, each part encoded as a form is, and not in the form', async () => {
    const [clientId, clientSecret] = ['chat server:ä', 'p:lus+ %c&=/~*-é']
    await present(endpoint.strategy({ clientId, clientSecret }))
    const [scheme, value = ''] = endpoint.asked[0]?.headers.authorization?.split(' ') ?? []
    expect(scheme).toBe('Basic')
    expect(Buffer.from(value, 'base64').toString()).toBe('chat+server%3A%C3%A4:p%3Alus%2B+%25c%26%3D%2F%7E*-%C3%A9')
    expect([...(endpoint.asked[0]?.form.keys() ?? [])]).toEqual(['token', 'token_type_hint'])
  })

  it('by client_secret_post in the form, and not in the header', async () => {
    await present(endpoint.strategy({ clientAuthentication: 'client_secret_post' }))
    expect(endpoint.asked[0]?.headers.authorization).toBeUndefined()
    expect(Object.fromEntries(endpoint.asked[0]?.form ?? [])).toEqual({
      token: TOKEN,
      token_type_hint: 'access_token',
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
    })
  })

  it.each(['ES256', 'ES384', 'RS256', 'PS512', 'EdDSA'] as const)(
    'by private_key_jwt with %s: a new JWT for each question, for the issuer alone, good for a minute',
    async (alg) => {
      const key = newKey(alg)
      const strategy = introspection({
        endpoint: endpoint.url,
        clientId: CLIENT_ID,
        clientAuthentication: 'private_key_jwt',
        clientKey: { ...key.export({ format: 'jwk' }), alg, kid: 'client-1' } as ClientKey,
        issuer: ISSUER,
        audience: AUDIENCE,
        clock: fakeClock(),
      })
      await present(strategy)
      await present(strategy)
      const ids = new Set<unknown>()
      for (const { form, headers } of endpoint.asked) {
        expect(headers.authorization).toBeUndefined()
        expect([form.get('client_id'), form.get('client_secret')]).toEqual([CLIENT_ID, null])
        expect(form.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
        const assertion = form.get('client_assertion') ?? ''
        const verified = await jwtVerify(assertion, createPublicKey(key), { currentDate: new Date(NOW * 1000) })
        expect(verified.protectedHeader).toEqual({ alg, kid: 'client-1' })
        const { jti, ...claims } = verified.payload
        expect(claims).toEqual({ iss: CLIENT_ID, sub: CLIENT_ID, aud: ISSUER, iat: NOW, exp: NOW + 60 })
        ids.add(jti)
      }
      expect(ids.size).toBe(2)
    },
  )
})

describe('when the endpoint refuses the client', () => {
  it('I12: a token is refused with AUTH_UNAVAILABLE, and one warning a minute says why, without a secret', async () => {
    const clock = fakeClock()
    const strategy = endpoint.strategy({ clock })
    endpoint.answer = raw(CLIENT_SECRET, 401, { 'www-authenticate': `Basic error="${CLIENT_SECRET}"` })
    const warned = once(process, 'warning')
    await refusal(strategy, ['AUTH_UNAVAILABLE', 'client_refused'])
    await warned
    endpoint.answer = json({ error: 'invalid_client' }, 400)
    await refusal(strategy, ['AUTH_UNAVAILABLE', 'client_refused'])
    await clock.advance(59_999)
    await refusal(strategy, ['AUTH_UNAVAILABLE', 'client_refused'])
    await new Promise(setImmediate)
    expect(warnings).toHaveLength(1)
    await clock.advance(1)
    await refusal(strategy, ['AUTH_UNAVAILABLE', 'client_refused'])
    await new Promise(setImmediate)
    expect(warnings.map(({ name, ...rest }) => [name, (rest as { code?: string }).code])).toEqual([
      ['Warning', 'PORTCULLIS_INTROSPECTION_CLIENT'],
      ['Warning', 'PORTCULLIS_INTROSPECTION_CLIENT'],
    ])
    expectHidden(inspect(warnings, { depth: 8, showHidden: true }), [TOKEN, CLIENT_ID])
  })

  it('a clock that is set back does not silence the warning', async () => {
    const clock = fakeClock()
    const strategy = endpoint.strategy({ clock })
    endpoint.answer = json({}, 401)
    await refusal(strategy, ['AUTH_UNAVAILABLE', 'client_refused'])
    clock.set(clock.now() - 3_600_000)
    await refusal(strategy, ['AUTH_UNAVAILABLE', 'client_refused'])
    await new Promise(setImmediate)
    expect(warnings).toHaveLength(2)
  })

  it('it is left alone after five refusals, so that it need not lock the client out', async () => {
    const strategy = endpoint.strategy()
    endpoint.answer = json({}, 401)
    for (let i = 0; i < 5; i += 1) await refusal(strategy, ['AUTH_UNAVAILABLE', 'client_refused'])
    await refusal(strategy, ['AUTH_UNAVAILABLE', 'breaker_open'])
    expect(endpoint.asked).toHaveLength(5)
  })
})

it('I12: neither the strategy nor what it answers shows the secret', async () => {
  const strategy = endpoint.strategy({ cacheSeconds: 30 })
  const answer = await present(strategy)
  expectHidden(inspect(strategy, { depth: 8, showHidden: true }) + inspect(answer, { depth: 8 }), [TOKEN])
  expectHidden(JSON.stringify([strategy, answer]), [TOKEN])
})

describe('options', () => {
  const good = {
    endpoint: 'https://login.example/introspect',
    clientId: 'a',
    clientSecret: 'b',
    issuer: 'c',
    audience: 'd',
  }
  const make = (changes: object) => () => introspection({ ...good, ...changes } as typeof good)

  it.each([
    ['endpoint', [undefined, '', '/introspect', 'ftp://login.example', 'https://a:b@login.example', 7]],
    ['clientId', [undefined, '', 7]],
    ['clientSecret', [undefined, '', 7, null]],
    ['clientAuthentication', ['none', 'client_secret_jwt', '', null, true]],
    ['clientKey', [clientKey]],
    ['issuer', [undefined, '', null]],
    ['audience', [undefined, '', ['d']]],
    ['scopes', ['chat', ['a b'], [''], [7], null, ['a"b']]],
    ['claims', [{}, null, () => true]],
    ['allowClients', ['yes', 1, null]],
    ['requireIssuer', ['yes', 1, null]],
    ['from', [[], {}, [{}], null]],
    ['scheme', ['', 7, null]],
    ['cacheSeconds', [-1, 30.1, Number.NaN, '1', Number.POSITIVE_INFINITY, null]],
    ['leaseSeconds', [0, -1, Number.NaN, '1']],
    ['maxLifetimeSeconds', [0, -1, Number.NaN, '1']],
    ['leewaySeconds', [-1, 301, Number.NaN, '1']],
    ['timeoutMs', [0, -1, Number.NaN, 2 ** 31, '1']],
    ['maxConcurrent', [0, 1.5, '1']],
    ['maxQueued', [-1, 1.5, '1']],
    ['ca', ['', 'certificate', [], 7]],
    ['allowPrivateAddresses', ['yes', 1]],
    ['clock', [null, {}, 7]],
  ])('%s is checked at start-up, and quoted without its value', (option, values) => {
    for (const value of values) expect(make({ [option]: value }), inspect(value)).toThrow(new RegExp(`^"${option}" `))
  })

  it('I11: an endpoint in clear is refused, except on this machine', () => {
    for (const endpoint of ['http://login.example/', 'http://10.0.0.1/', new URL('http://localhost.example/')]) {
      expect(make({ endpoint })).toThrow(/^"endpoint" must be https:/)
    }
    expect(make({ dangerouslyAllowHttp: true })).toThrow('"dangerouslyAllowHttp" is not an option of introspection()')
    for (const endpoint of ['http://127.0.0.1:1/', 'http://localhost:1/', 'http://[::1]:1/', new URL(good.endpoint)]) {
      expect(make({ endpoint })).not.toThrow()
    }
  })

  it('a key is private and names its algorithm, and a secret does not stand beside it', () => {
    const byKey = (changes: object) =>
      make({ clientSecret: undefined, clientAuthentication: 'private_key_jwt', clientKey, ...changes })
    expect(byKey({})).not.toThrow()
    const { d: _, ...publicKey } = clientKey
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'jwk' })
    const bad = [
      undefined,
      null,
      'key',
      {},
      publicKey,
      { ...clientKey, alg: undefined },
      { ...clientKey, alg: 'none' },
      { ...clientKey, alg: 'ES384' },
      { ...clientKey, alg: 'RS256' },
      { ...clientKey, x: 'AAAA' },
      { ...weak, alg: 'RS256' },
      { kty: 'oct', k: 'c2VjcmV0', d: 'x', alg: 'HS256' },
    ]
    for (const key of bad) expect(byKey({ clientKey: key })).toThrow(/^"clientKey" must be a private JWK/)
    expect(byKey({ clientKey: { ...clientKey, kid: 7 } })).toThrow(/^"clientKey" has a "kid"/)
    expect(byKey({ clientSecret: 'b' })).toThrow(/^"clientSecret" has no use/)
  })

  it('that are unknown are refused, and those of a polluted prototype configure nothing', async () => {
    expect(make({ audiences: ['d'] })).toThrow('"audiences" is not an option of introspection()')
    Object.defineProperty(Object.prototype, 'allowClients', { value: true, configurable: true })
    try {
      endpoint.answer = active({ sub: undefined })
      await refusal(endpoint.strategy(), ['AUTH_CREDENTIAL_INVALID', 'no_user'])
    } finally {
      Reflect.deleteProperty(Object.prototype, 'allowClients')
    }
  })

  it('that change later change nothing', async () => {
    const scopes = ['chat:read']
    const strategy = endpoint.strategy({ scopes })
    scopes[0] = 'admin'
    expect(await present(strategy)).not.toBeNull()
    expect(Object.isFrozen(strategy)).toBe(true)
  })
})
