/** A JWKS server whose answer each test sets, and tokens for its keys, on a clock that only a test moves. */

import type { KeyObject } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, type JWK } from 'jose'
import { type JwtIssuersOptions, type JwtOptions, type JwtStrategy, jwt } from 'portcullis/strategies/jwt'
import { type FakeClock, fakeClock } from 'portcullis/testing'
import { afterEach, beforeEach } from 'vitest'
import { AUDIENCE, claimsWith, ec, ISSUER, NOW, otherRsa, rsa, sign } from './jwt-fixtures.ts'

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export const jwkOf = async (pair: KeyPair, kid: string, more: JWK = {}): Promise<JWK> => ({
  ...(await exportJWK(pair.publicKey)),
  kid,
  ...more,
})
export const rsaJwk: JWK = await jwkOf(rsa, 'rsa-1')
export const otherJwk: JWK = await jwkOf(otherRsa, 'rsa-2')
export const ecJwk: JWK = await jwkOf(ec, 'ec-1')

/** An answer with these keys. */
export const publish =
  (...keys: unknown[]): RequestListener =>
  (_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys }))
  }
export const status =
  (code: number): RequestListener =>
  (_request, response) =>
    void response.writeHead(code).end('{"keys":[]}')
export const hang: RequestListener = () => {}

export interface JwksServer {
  /** `http://127.0.0.1` with its port. */
  readonly base: string
  /** Requests since the test began. */
  readonly requests: number
  /** What it answers from now on. */
  answer: RequestListener
  /** At `NOW` when a test begins. */
  readonly clock: FakeClock
  strategyAt(path?: string, options?: Partial<JwtOptions>): JwtStrategy
  strategyOf(options: JwtIssuersOptions): JwtStrategy
  /** A good token at the present time of the clock. */
  rs256(kid: string | undefined, pair?: KeyPair, claims?: Record<string, unknown>): Promise<string>
  passSeconds(seconds: number): Promise<void>
}

/** A server for each test, so that no late request of one counts for another. It has `rsaJwk` and `ecJwk` at first. */
export function jwksServer(): JwksServer {
  let requests = 0
  let clock = fakeClock(NOW * 1000)
  let base = ''
  let listener: Server
  const jwks: JwksServer = {
    get base() {
      return base
    },
    get requests() {
      return requests
    },
    get clock() {
      return clock
    },
    answer: hang,
    strategyAt: (path = '/jwks.json', options = {}) =>
      jwt({ issuer: ISSUER, audience: AUDIENCE, keys: `${base}${path}`, clock, ...options }),
    strategyOf: (options) => jwt({ clock, ...options }),
    async rs256(kid, pair = rsa, claims = {}) {
      const now = clock.now() / 1000
      return await sign(
        claimsWith({ iat: now - 10, exp: now + 600, ...claims }),
        { alg: 'RS256', ...(kid === undefined ? {} : { kid }) },
        pair.privateKey,
      )
    },
    passSeconds: (seconds) => clock.advance(seconds * 1000),
  }
  beforeEach(async () => {
    requests = 0
    clock = fakeClock(NOW * 1000)
    jwks.answer = publish(rsaJwk, ecJwk)
    listener = createServer((request, response) => {
      requests += 1
      jwks.answer(request, response)
    })
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    listener.closeAllConnections()
    await new Promise((resolve) => listener.close(resolve))
  })
  return jwks
}
