import type { RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import { exportJWK } from 'jose'
import { jwt } from 'portcullis/strategies/jwt'
import { handshakeOf } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { noteFigures } from '../faults/figures.ts'
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
import { ecJwk, hang, jwksServer, otherJwk, publish, rsaJwk, status } from './jwt-jwks-fixtures.ts'

const jwks = jwksServer()
const { strategyAt, rs256, passSeconds } = jwks

describe('keys from a URL', () => {
  it('are fetched at the first token and kept', async () => {
    const strategy = strategyAt()
    expect(jwks.requests).toBe(0)
    await accepted(strategy, await rs256('rsa-1'))
    await accepted(strategy, await sign(claimsWith(), { alg: 'ES256', kid: 'ec-1' }, ec.privateKey))
    await accepted(strategy, await rs256(undefined))
    expect(jwks.requests).toBe(1)
  })

  it('may be at a URL object', async () => {
    const keys = new URL(`${jwks.base}/jwks.json`)
    await accepted(jwt({ issuer: ISSUER, audience: AUDIENCE, keys, clock }), await rs256('rsa-1'))
  })

  it('K05: are fetched once for 1,000 first handshakes at once', async () => {
    const strategy = strategyAt()
    const token = await rs256('rsa-1')
    await Promise.all(Array.from({ length: 500 }, () => accepted(strategy, token)))
    expect(jwks.requests).toBe(1)
  })

  it('K01: 10,000 tokens with random kids cause one fetch in 5 s, and a good token does not wait for it', async () => {
    const strategy = strategyAt()
    const good = await rs256('rsa-1')
    await accepted(strategy, good)
    const attack = () =>
      Promise.allSettled(
        Array.from({ length: 10_000 }, (_, i) => {
          const authorization = `Bearer ${signRaw(`{"alg":"RS256","kid":"random-${i}"}`, '{}')}`
          return strategy.authenticate(handshakeOf({ headers: { authorization } }), null)
        }),
      )
    const attacked = attack()
    await accepted(strategy, good)
    for (const outcome of await attacked) {
      expect(outcome).toMatchObject({ reason: { code: 'AUTH_CREDENTIAL_INVALID', reason: 'key' } })
    }
    expect(jwks.requests).toBe(2)
    await passSeconds(4.999)
    await attack()
    expect(jwks.requests).toBe(2)
    await passSeconds(0.001)
    await attack()
    expect(jwks.requests).toBe(3)
    await accepted(strategy, good)
    expect(jwks.requests).toBe(3)
  })

  it('K01: within the cooldown an unknown kid is refused at once, though the server hangs', async () => {
    const strategy = strategyAt()
    await refused(strategy, await rs256('random-1'), 'key')
    await refused(strategy, await rs256('random-2'), 'key')
    expect(jwks.requests).toBe(2)
    jwks.answer = hang
    await refused(strategy, await rs256('random-3'), 'key')
    expect(jwks.requests).toBe(2)
  })

  it('K02, F6: a new kid is found by one fetch, with the first token that names it, right after a regular fetch', async ({
    task,
  }) => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = publish(rsaJwk, otherJwk)
    const start = performance.now()
    await accepted(strategy, await rs256('rsa-2', otherRsa))
    const newKidMs = performance.now() - start
    noteFigures(task, { newKidMs, fetches: jwks.requests - 1 })
    expect(newKidMs).toBeLessThan(1000)
    expect(jwks.requests).toBe(2)
  })

  it('K02: a new kid is found by one fetch for 1,000 tokens at once', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = publish(otherJwk)
    const token = await rs256('rsa-2', otherRsa)
    await Promise.all(Array.from({ length: 500 }, () => accepted(strategy, token)))
    expect(jwks.requests).toBe(2)
  })

  it('K02: a new kid is found though a fetch is on its way that was answered before it was published', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    let release = () => {}
    const asked = new Promise<void>((resolve) => {
      jwks.answer = (request, response) => {
        resolve()
        release = () => publish(rsaJwk)(request, response)
      }
    })
    await passSeconds(301)
    await accepted(strategy, await rs256('rsa-1'))
    await asked
    jwks.answer = publish(rsaJwk, otherJwk)
    const admitted = accepted(strategy, await rs256('rsa-2', otherRsa))
    release()
    await admitted
    expect(jwks.requests).toBe(3)
  })

  it('K03, F6: a removed kid is refused once the set is ten minutes old', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = publish(otherJwk)
    await passSeconds(600)
    await refused(strategy, await rs256('rsa-1'), 'key')
  })

  it('K03: the age of a set counts from when it was asked for', async () => {
    const strategy = strategyAt()
    let release = () => {}
    const asked = new Promise<void>((resolve) => {
      jwks.answer = (request, response) => {
        resolve()
        release = () => publish(rsaJwk)(request, response)
      }
    })
    const first = rs256('rsa-1').then((token) => accepted(strategy, token))
    await asked
    await passSeconds(300)
    release()
    await first
    jwks.answer = publish(otherJwk)
    await passSeconds(300)
    await refused(strategy, await rs256('rsa-1'), 'key')
  })

  it('K03: from five minutes on a set is fetched again without keeping anybody waiting', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    let release = () => {}
    const asked = new Promise<void>((resolve) => {
      jwks.answer = (request, response) => {
        resolve()
        release = () => publish(otherJwk)(request, response)
      }
    })
    await passSeconds(299.999)
    await accepted(strategy, await rs256('rsa-1'))
    expect(jwks.requests).toBe(1)
    await passSeconds(0.001)
    await accepted(strategy, await rs256('rsa-1'))
    await accepted(strategy, await rs256('rsa-1'))
    await asked
    expect(jwks.requests).toBe(2)
    jwks.answer = publish(otherJwk)
    const token = await rs256('rsa-1')
    const joined = accepted(strategy, await rs256('rsa-2', otherRsa))
    release()
    await joined
    await refused(strategy, token, 'key')
  })

  it('K03: purge() refuses a removed kid at once', async () => {
    const strategy = strategyAt()
    const token = await rs256('rsa-1')
    await accepted(strategy, token)
    jwks.answer = publish(otherJwk)
    await accepted(strategy, token)
    strategy.purge()
    await refused(strategy, token, 'key')
    expect(jwks.requests).toBe(3)
  })

  it('K03: purge() does not believe a fetch that began before it', async () => {
    const strategy = strategyAt()
    let release = () => {}
    const asked = new Promise<void>((resolve) => {
      jwks.answer = (request, response) => {
        resolve()
        release = () => publish(rsaJwk)(request, response)
      }
    })
    const token = await rs256('rsa-1')
    const waiting = refused(strategy, token, 'key')
    await asked
    strategy.purge()
    jwks.answer = publish(otherJwk)
    await refused(strategy, token, 'key')
    release()
    await waiting
    await refused(strategy, token, 'key')
  })

  it('K03: purge() leaves one fetch on its way, and does not mind how one before it ends', async () => {
    const strategy = strategyAt()
    const held: (() => void)[] = []
    const arrivals: (() => void)[] = []
    const arrival = () => new Promise<void>((resolve) => arrivals.push(resolve))
    const hold =
      (then: RequestListener): RequestListener =>
      (request, response) => {
        held.push(() => then(request, response))
        arrivals.shift()?.()
      }
    const token = await rs256('rsa-1')
    const [first, second] = [arrival(), arrival()]
    jwks.answer = hold(status(500))
    const before = accepted(strategy, token)
    await first
    strategy.purge()
    const start = performance.now()
    jwks.answer = hold(publish(rsaJwk))
    const after = accepted(strategy, token)
    await second
    // It did not wait for the other to be given up.
    expect(performance.now() - start).toBeLessThan(900)
    held[0]?.()
    jwks.answer = publish()
    // Round trips, after which the answer before them has arrived.
    for (let i = 0; i < 3; i++) await (await fetch(jwks.base)).text()
    const meanwhile = accepted(strategy, token)
    held[1]?.()
    await Promise.all([before, after, meanwhile])
    expect(jwks.requests).toBe(2 + 3)
    jwks.answer = publish(rsaJwk)
    await refused(strategy, await rs256('rsa-2', otherRsa), 'key')
  })

  it('K03: purge() with a URL that does not answer is AUTH_UNAVAILABLE', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = status(500)
    strategy.purge()
    await refused(strategy, await rs256('rsa-1'), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
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
    expect(jwks.requests).toBe(0)
  })

  it('K09: secrets and private keys among them are never used, the others are', async () => {
    const oct = { kty: 'oct', k: secret.toString('base64url'), kid: 'oct-1' }
    const privateJwk = { ...(await exportJWK(otherRsa.privateKey)), kid: 'rsa-2' }
    jwks.answer = publish(oct, { ...oct, alg: 'RS256', kid: 'oct-2' }, privateJwk, rsaJwk)
    const strategy = strategyAt()
    await refused(strategy, await sign(claimsWith(), { kid: 'oct-1' }), 'alg')
    await refused(strategy, signRaw('{"alg":"RS256","kid":"oct-2"}', JSON.stringify(claimsWith())), 'key')
    await refused(strategy, await rs256('rsa-2', otherRsa), 'key')
    await accepted(strategy, await rs256('rsa-1'))
  })

  it('J07, J28: weak keys and keys not for verifying are never used', async () => {
    jwks.answer = publish(
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
    jwks.answer = publish(rsaJwk, { ...otherJwk, kid: 'rsa-1' })
    await refused(strategyAt(), await rs256('rsa-1'), 'key')
    jwks.answer = publish(rsaJwk, otherJwk)
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
    ['10,000 keys', publish(...Array.from({ length: 10_000 }, () => 0))],
    ['101 keys', publish(...Array.from({ length: 101 }, (_, i) => ({ kty: 'EC', kid: `k${i}` })))],
  ]

  it.each(failing)('K04, K09: that answers %s is AUTH_UNAVAILABLE', async (_what, listener) => {
    jwks.answer = listener
    await refused(strategyAt(), await rs256('rsa-1'), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
  })

  it('K04: that redirects is AUTH_UNAVAILABLE, and the target is not asked', async () => {
    const asked: (string | undefined)[] = []
    let target = ''
    jwks.answer = (request, response) => {
      asked.push(request.url)
      if (request.url === '/moved') publish(rsaJwk)(request, response)
      else response.writeHead(302, { location: target }).end()
    }
    for (target of [`${jwks.base}/moved`, 'http://169.254.169.254/latest/meta-data/']) {
      const start = performance.now()
      await refused(strategyAt(), await rs256('rsa-1'), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
      // Following the second would hang until the deadline.
      expect(performance.now() - start).toBeLessThan(900)
    }
    expect(asked).toEqual(['/jwks.json', '/jwks.json'])
  })

  it('K04: that hangs, before or within its body, is AUTH_UNAVAILABLE after one second', async () => {
    const token = await rs256('rsa-1')
    const hanging: RequestListener[] = [hang, (_request, response) => void response.write('{"keys":[')]
    for (const listener of hanging) {
      jwks.answer = listener
      const start = performance.now()
      await refused(strategyAt(), token, 'key_set_unavailable', 'AUTH_UNAVAILABLE')
      const tookMs = performance.now() - start
      expect(tookMs).toBeGreaterThan(900)
      expect(tookMs).toBeLessThan(1950)
    }
  })

  it('that nobody serves is AUTH_UNAVAILABLE, with the true reason as cause', async () => {
    const strategy = jwt({ issuer: ISSUER, audience: AUDIENCE, keys: 'http://127.0.0.1:1/', clock })
    await refused(strategy, await rs256('rsa-1'), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
  })

  it('is asked once a second at most, and believed again when it answers', async () => {
    const strategy = strategyAt()
    const token = await rs256('rsa-1')
    jwks.answer = status(500)
    for (let i = 0; i < 20; i++) await refused(strategy, token, 'key_set_unavailable', 'AUTH_UNAVAILABLE')
    expect(jwks.requests).toBe(1)
    jwks.answer = publish(rsaJwk)
    await passSeconds(1)
    await accepted(strategy, token)
    expect(jwks.requests).toBe(2)
  })

  it('is not paused for longer when the clock is set back', async () => {
    const strategy = strategyAt()
    jwks.answer = status(500)
    await refused(strategy, await rs256('rsa-1'), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
    jwks.answer = publish(rsaJwk)
    jwks.clock.set(jwks.clock.now() - 3_600_000)
    await accepted(strategy, await rs256('rsa-1'))
  })

  it('tells the client when to come back', async () => {
    jwks.answer = status(500)
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
