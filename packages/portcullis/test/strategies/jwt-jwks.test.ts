import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { exportJWK, type JWK } from 'jose'
import { jwt } from 'portcullis/strategies/jwt'
import { handshakeOf } from 'portcullis/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  AUDIENCE,
  accepted,
  claimsWith,
  clock,
  ec,
  ISSUER,
  otherRsa,
  refused,
  rsa,
  secret,
  sign,
  signRaw,
} from './jwt-fixtures.ts'

/** A JWKS server whose answer each test sets. */
let answer: RequestListener
let requests = 0
const server = createServer((request, response) => {
  requests += 1
  answer(request, response)
})
let base = ''

const jwkOf = async (pair: typeof rsa, kid: string, more: JWK = {}): Promise<JWK> => ({
  ...(await exportJWK(pair.publicKey)),
  kid,
  ...more,
})
const rsaJwk = await jwkOf(rsa, 'rsa-1')
const otherJwk = await jwkOf(otherRsa, 'rsa-2')
const ecJwk = await jwkOf(ec, 'ec-1')

const publish =
  (...keys: unknown[]): RequestListener =>
  (_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys }))
  }
const strategyAt = (path = '/jwks.json', options = {}) =>
  jwt({ issuer: ISSUER, audience: AUDIENCE, keys: `${base}${path}`, clock, ...options })
const rs256 = (kid: string | undefined, pair = rsa) => sign(claimsWith(), { alg: 'RS256', kid }, pair.privateKey)

/** Moves the system's clock, by which key sets age; timers stay real. */
const passSeconds = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000)

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})
beforeEach(() => {
  requests = 0
  answer = publish(rsaJwk, ecJwk)
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => vi.useRealTimers())

describe('keys from a URL', () => {
  it('are fetched at the first token and kept', async () => {
    const strategy = strategyAt()
    expect(requests).toBe(0)
    await accepted(strategy, await rs256('rsa-1'))
    await accepted(strategy, await sign(claimsWith(), { alg: 'ES256', kid: 'ec-1' }, ec.privateKey))
    await accepted(strategy, await rs256(undefined))
    expect(requests).toBe(1)
  })

  it('may be at a URL object', async () => {
    const keys = new URL(`${base}/jwks.json`)
    await accepted(jwt({ issuer: ISSUER, audience: AUDIENCE, keys, clock }), await rs256('rsa-1'))
  })

  it('K05: are fetched once for 1,000 first handshakes at once', async () => {
    const strategy = strategyAt()
    const token = await rs256('rsa-1')
    await Promise.all(Array.from({ length: 500 }, () => accepted(strategy, token)))
    expect(requests).toBe(1)
  })

  it('K01: an unknown kid is refused, and causes no fetch within the cooldown', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    for (let i = 0; i < 50; i++) {
      await refused(strategy, signRaw(`{"alg":"RS256","kid":"random-${i}"}`, '{}'), 'key')
    }
    expect(requests).toBe(1)
    passSeconds(6)
    for (let i = 0; i < 50; i++) {
      await refused(strategy, signRaw(`{"alg":"RS256","kid":"random-${i}"}`, '{}'), 'key')
    }
    expect(requests).toBe(2)
    await accepted(strategy, await rs256('rsa-1'))
    expect(requests).toBe(2)
  })

  it('K02: a new kid is found by one fetch, with the first token that names it', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    answer = publish(rsaJwk, otherJwk)
    passSeconds(6)
    await accepted(strategy, await rs256('rsa-2', otherRsa))
    expect(requests).toBe(2)
  })

  it('K03: a removed kid is refused once the set is ten minutes old', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    answer = publish(otherJwk)
    passSeconds(601)
    await refused(strategy, await rs256('rsa-1'), 'key')
  })

  it('J07: have one algorithm each, also when they name none', async () => {
    const strategy = strategyAt()
    for (const alg of ['PS256', 'RS512']) {
      await refused(strategy, await sign(claimsWith(), { alg, kid: 'rsa-1' }, rsa.privateKey), 'key')
    }
    const ps256 = strategyAt('/', { algorithms: ['PS256'] })
    await accepted(ps256, await sign(claimsWith(), { alg: 'PS256', kid: 'rsa-1' }, rsa.privateKey))
    await refused(ps256, await rs256('rsa-1'), 'alg')
  })

  it('J04: never verify HS256, whatever the token is keyed with', async () => {
    const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }) as string
    await refused(strategyAt(), await sign(claimsWith(), { kid: 'rsa-1' }, Buffer.from(pem)), 'alg')
    expect(requests).toBe(0)
  })

  it('K09: secrets and private keys among them are never used, the others are', async () => {
    const oct = { kty: 'oct', k: secret.toString('base64url'), kid: 'oct-1' }
    const privateJwk = { ...(await exportJWK(otherRsa.privateKey)), kid: 'rsa-2' }
    answer = publish(oct, { ...oct, alg: 'RS256', kid: 'oct-2' }, privateJwk, rsaJwk)
    const strategy = strategyAt()
    await refused(strategy, await sign(claimsWith(), { kid: 'oct-1' }), 'alg')
    await refused(strategy, signRaw('{"alg":"RS256","kid":"oct-2"}', JSON.stringify(claimsWith())), 'key')
    await refused(strategy, await rs256('rsa-2', otherRsa), 'key')
    await accepted(strategy, await rs256('rsa-1'))
  })

  it('J07, J28: weak keys and keys not for verifying are never used', async () => {
    answer = publish(
      { ...otherJwk, kid: 'enc', use: 'enc' },
      { ...otherJwk, kid: 'ops', key_ops: ['encrypt'] },
      { ...otherJwk, kid: 'e1', e: 'AQ' },
      { ...otherJwk, kid: 'alg', alg: 'RSA-OAEP' },
      { ...otherJwk, kid: ['list'] },
      { kty: 'EC', crv: 'P-256', x: ecJwk.x, y: ecJwk.x, kid: 'point' },
      null,
      1,
      'x',
      [],
      { __proto__: null },
      rsaJwk,
    )
    const strategy = strategyAt()
    for (const kid of ['enc', 'ops', 'e1', 'alg', 'list', 'point'])
      await refused(strategy, await rs256(kid, otherRsa), 'key')
    await accepted(strategy, await rs256('rsa-1'))
  })

  it('K09: two with one kid, and several for a token without one, are refused', async () => {
    answer = publish(rsaJwk, { ...otherJwk, kid: 'rsa-1' })
    await refused(strategyAt(), await rs256('rsa-1'), 'key')
    answer = publish(rsaJwk, otherJwk)
    await refused(strategyAt(), await rs256(undefined), 'key')
  })

  it('J09: a kid is compared as it is', async () => {
    const strategy = strategyAt()
    for (const kid of ['__proto__', 'constructor', '../rsa-1', 'RSA-1', '', 'a\0b']) {
      await refused(strategy, await rs256(kid), 'key')
    }
  })
})

describe('a key set that cannot be had', () => {
  const failing: [string, RequestListener][] = [
    ['500', (_request, response) => response.writeHead(500).end('{"keys":[]}')],
    ['404', (_request, response) => response.writeHead(404).end()],
    ['204', (_request, response) => response.writeHead(204).end()],
    ['HTML', (_request, response) => response.end('<!doctype html><p>Hello')],
    ['an empty answer', (_request, response) => response.end()],
    ['an array', (_request, response) => response.end('[]')],
    ['no keys', (_request, response) => response.end('{"keys":{}}')],
    ['keys twice', (_request, response) => response.end('{"keys":[],"keys":[]}')],
    ['a reset', (request) => request.socket.destroy()],
    ['half an answer', (request, response) => void response.write('{"keys":[', () => request.socket.destroy())],
    ['5 MB', (_request, response) => response.end(`{"keys":["${'x'.repeat(5_000_000)}"]}`)],
    [
      'a megabyte packed into little',
      (_request, response) => {
        response.setHeader('content-encoding', 'gzip')
        response.end(gzipSync(`{"keys":["${'x'.repeat(1_000_000)}"]}`))
      },
    ],
    ['101 keys', publish(...Array.from({ length: 101 }, (_, i) => ({ kty: 'EC', kid: `k${i}` })))],
  ]

  it.each(failing)('K04: that answers %s is AUTH_UNAVAILABLE', async (_what, listener) => {
    answer = listener
    await refused(strategyAt(), await rs256('rsa-1'), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
  })

  it('K04: that redirects is AUTH_UNAVAILABLE, and the target is not asked', async () => {
    const asked: (string | undefined)[] = []
    answer = (request, response) => {
      asked.push(request.url)
      if (request.url === '/moved') publish(rsaJwk)(request, response)
      else response.writeHead(302, { location: '/moved' }).end()
    }
    await refused(strategyAt(), await rs256('rsa-1'), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
    expect(asked).toEqual(['/jwks.json'])
  })

  it('K04: that hangs, before or within its body, is AUTH_UNAVAILABLE after one second', async () => {
    const token = await rs256('rsa-1')
    const hanging: RequestListener[] = [() => {}, (_request, response) => void response.write('{"keys":[')]
    for (const listener of hanging) {
      answer = listener
      const start = performance.now()
      await refused(strategyAt(), token, 'key_set_unavailable', 'AUTH_UNAVAILABLE')
      expect(performance.now() - start).toBeLessThan(3000)
    }
    server.closeAllConnections()
  })

  it('that nobody serves is AUTH_UNAVAILABLE, with the true reason as cause', async () => {
    const strategy = jwt({ issuer: ISSUER, audience: AUDIENCE, keys: 'http://127.0.0.1:1/', clock })
    await refused(strategy, await rs256('rsa-1'), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
  })

  it('does not spoil tokens of known keys, and makes an unknown kid AUTH_UNAVAILABLE', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    answer = (_request, response) => response.writeHead(500).end()
    passSeconds(6)
    await refused(strategy, await rs256('rsa-2', otherRsa), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
    await accepted(strategy, await rs256('rsa-1'))
  })

  it('is asked once a second at most, and believed again when it answers', async () => {
    const strategy = strategyAt()
    const token = await rs256('rsa-1')
    answer = (_request, response) => response.writeHead(500).end()
    for (let i = 0; i < 20; i++) await refused(strategy, token, 'key_set_unavailable', 'AUTH_UNAVAILABLE')
    expect(requests).toBe(1)
    answer = publish(rsaJwk)
    passSeconds(1)
    await accepted(strategy, token)
    expect(requests).toBe(2)
  })

  it('is not paused for longer when the clock is set back', async () => {
    const strategy = strategyAt()
    answer = (_request, response) => response.writeHead(500).end()
    await refused(strategy, await rs256('rsa-1'), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
    answer = publish(rsaJwk)
    passSeconds(-3600)
    await accepted(strategy, await rs256('rsa-1'))
  })

  it('tells the client when to come back', async () => {
    answer = (_request, response) => response.writeHead(500).end()
    const strategy = strategyAt()
    await refused(strategy, await rs256('rsa-1'), undefined, 'AUTH_UNAVAILABLE')
    const handshake = handshakeOf({ headers: { authorization: `Bearer ${await rs256('rsa-1')}` } })
    await expect(strategy.authenticate(handshake, null)).rejects.toMatchObject({ retryAfterSeconds: 1 })
  })
})

describe('the URL', () => {
  const withKeys =
    (keys: string | URL, options = {}) =>
    () =>
      jwt({ issuer: ISSUER, audience: AUDIENCE, keys, ...options })

  it.each([
    'http://login.example/jwks.json',
    'http://127.0.0.1.login.example/',
    'http://localhost.login.example/',
    'http://10.0.0.1/',
    'http://0.0.0.0/',
    'file:///etc/jwks.json',
    'data:application/json,{"keys":[]}',
    'ftp://login.example/jwks.json',
    'https://user:password@login.example/',
    '/jwks.json',
    'jwks.json',
    '',
    'secret',
  ])('K08: may not be %j', (url) => {
    expect(withKeys(url)).toThrow(TypeError)
    expect(withKeys(url)).toThrow('"keys"')
  })

  it.each([
    'https://login.example/jwks',
    'http://localhost:1/',
    'http://127.0.0.1:1/',
    'http://127.1/',
    'http://[::1]:1/',
  ])('may be %j', (url) => {
    expect(withKeys(url)).not.toThrow()
    expect(withKeys(new URL(url))).not.toThrow()
  })

  it('J29: goes with algorithms, and none of them HMAC', () => {
    expect(withKeys('https://login.example/', { algorithms: ['HS256'] })).toThrow('"algorithms"')
    expect(withKeys('https://login.example/', { algorithms: [] })).toThrow('"algorithms"')
  })
})
