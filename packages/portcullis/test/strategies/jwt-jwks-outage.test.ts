import type { RequestListener } from 'node:http'
import { AuthError } from 'portcullis'
import { handshakeOf } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { noteFigures } from '../faults/figures.ts'
import { accepted, otherRsa, refused, rsa } from './jwt-fixtures.ts'
import { hang, jwksServer, otherJwk, publish, rsaJwk, status } from './jwt-jwks-fixtures.ts'

const jwks = jwksServer()
const { strategyAt, rs256, passSeconds } = jwks
const UNAVAILABLE = ['key_set_unavailable', 'AUTH_UNAVAILABLE'] as const

const outages: [string, RequestListener][] = [
  ['500', status(500)],
  ['a reset', (request) => request.socket.destroy()],
  ['HTML', (_request, response) => response.end('<!doctype html><p>Hello')],
  ['no key set', (_request, response) => response.end('{"keys":{}}')],
  ['5 MB', (_request, response) => response.end(`{"keys":["${'x'.repeat(5_000_000)}"]}`)],
  [
    'a redirect to http://169.254.169.254',
    (_request, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
  ],
  ['nothing', hang],
]

describe('while the URL answers wrong', () => {
  it.each(outages)(
    'K04, F5: with %s, known kids go on and an unknown kid is AUTH_UNAVAILABLE',
    async (_what, answer) => {
      const strategy = strategyAt()
      await accepted(strategy, await rs256('rsa-1'))
      jwks.answer = answer
      await passSeconds(3600)
      const start = performance.now()
      await accepted(strategy, await rs256('rsa-1'))
      expect(performance.now() - start).toBeLessThan(1500)
      const requests = jwks.requests
      await refused(strategy, await rs256('rsa-2', otherRsa), ...UNAVAILABLE)
      await accepted(strategy, await rs256('rsa-1'))
      expect(jwks.requests).toBe(requests)
    },
  )

  it('F5, X11: for 30 minutes, every good token is admitted, no unknown one is, and it is asked once in 5 s at most', async ({
    task,
  }) => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    const askedAt: number[] = []
    jwks.answer = (request) => {
      askedAt.push(jwks.clock.now())
      request.socket.destroy()
    }
    const ask = async (token: string) =>
      strategy.authenticate(handshakeOf({ headers: { authorization: `Bearer ${token}` } }), null).then(
        () => 'admitted',
        (error: unknown) => (AuthError.is(error) ? error.code : 'thrown'),
      )
    const outcomes = { known: new Map<string, number>(), unknown: new Map<string, number>() }
    // The outage begins when the set is as old as it may get without traffic.
    await passSeconds(600)
    let tokens = ['', ''] as [string, string]
    for (let second = 0; second < 1800; second++) {
      if (second % 300 === 0) tokens = [await rs256('rsa-1'), await rs256('rsa-2', otherRsa)]
      const [known, unknown] = [await ask(tokens[0]), await ask(tokens[1])]
      outcomes.known.set(known, (outcomes.known.get(known) ?? 0) + 1)
      outcomes.unknown.set(unknown, (outcomes.unknown.get(unknown) ?? 0) + 1)
      await passSeconds(1)
    }
    const gaps = askedAt.slice(1).map((at, index) => at - (askedAt[index] ?? 0))
    noteFigures(task, {
      knownAdmitted: outcomes.known.get('admitted') ?? 0,
      unknownAdmitted: outcomes.unknown.get('admitted') ?? 0,
      fetches: askedAt.length,
      leastGapMs: Math.min(...gaps),
    })
    expect(Object.fromEntries(outcomes.known)).toEqual({ admitted: 1800 })
    expect(Object.fromEntries(outcomes.unknown)).toEqual({ AUTH_UNAVAILABLE: 1800 })
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5000)
    // It is still asked: an outage ends by itself.
    expect(askedAt.length).toBeGreaterThan(200)
  })

  it('K04: the last keys serve until one hour after the ten minutes, and not longer', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = status(500)
    await passSeconds(4199.999)
    await accepted(strategy, await rs256('rsa-1'))
    await passSeconds(0.001)
    await refused(strategy, await rs256('rsa-1'), ...UNAVAILABLE)
    jwks.answer = publish(rsaJwk)
    await passSeconds(5)
    await accepted(strategy, await rs256('rsa-1'))
  })

  it('K04: known kids wait for one answer of a hanging server, not for each that follows', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = hang
    await passSeconds(600)
    await accepted(strategy, await rs256('rsa-1'))
    await passSeconds(5)
    const token = await rs256('rsa-1')
    const start = performance.now()
    await accepted(strategy, token)
    expect(performance.now() - start).toBeLessThan(900)
    // It was asked all the same.
    await refused(strategy, await rs256('rsa-2', otherRsa), ...UNAVAILABLE)
    expect(jwks.requests).toBe(3)
  })

  it('K03: a failure of long ago does not let a removed kid in', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = status(500)
    await passSeconds(600)
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = publish(otherJwk)
    await passSeconds(60)
    await refused(strategy, await rs256('rsa-1'), 'key')
  })

  it('K03: a removed kid is refused as soon as the server answers again', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = status(500)
    await passSeconds(1800)
    await accepted(strategy, await rs256('rsa-1'))
    await passSeconds(5)
    jwks.answer = publish(otherJwk)
    await accepted(strategy, await rs256('rsa-2', otherRsa))
    await refused(strategy, await rs256('rsa-1'), 'key')
  })

  it('F6: an unknown kid is refused as such again once the server answers', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = status(500)
    await refused(strategy, await rs256('rsa-2', otherRsa), ...UNAVAILABLE)
    jwks.answer = publish(rsaJwk)
    await refused(strategy, await rs256('rsa-2', otherRsa), ...UNAVAILABLE)
    await passSeconds(5)
    await refused(strategy, await rs256('rsa-2', otherRsa), 'key')
    expect(jwks.requests).toBe(3)
  })

  it('says in how many seconds it will be asked again', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = status(500)
    const handshake = handshakeOf({ headers: { authorization: `Bearer ${await rs256('rsa-2')}` } })
    await expect(strategy.authenticate(handshake, null)).rejects.toMatchObject({ retryAfterSeconds: 5 })
  })
})

describe('a clock that is set', () => {
  it('back makes no set younger', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = publish(otherJwk)
    jwks.clock.set(jwks.clock.now() - 1)
    await refused(strategy, await rs256('rsa-1'), 'key')
  })

  it('back lets a set serve for one hour of an outage', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = status(500)
    jwks.clock.set(jwks.clock.now() - 7_200_000)
    await accepted(strategy, await rs256('rsa-1'))
    await passSeconds(3599)
    await accepted(strategy, await rs256('rsa-1'))
    await passSeconds(1)
    await refused(strategy, await rs256('rsa-1'), ...UNAVAILABLE)
  })

  it('back makes no cooldown longer', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    await refused(strategy, await rs256('rsa-2', otherRsa), 'key')
    jwks.clock.set(jwks.clock.now() - 3_600_000)
    await accepted(strategy, await rs256('rsa-1'))
    jwks.answer = publish(rsaJwk, otherJwk)
    await accepted(strategy, await rs256('rsa-2', otherRsa))
  })

  it('forward by a day keeps nobody out while the server answers', async () => {
    const strategy = strategyAt()
    await accepted(strategy, await rs256('rsa-1'))
    await passSeconds(86_400)
    await accepted(strategy, await rs256('rsa-1', rsa))
  })
})
