import { describe, expect, it } from 'vitest'
import { authenticate, readsConnect, wellFormed } from '../../src/core/authenticate.ts'
import type { Authentication, Strategy } from '../../src/core/strategy.ts'
import { AuthError } from '../../src/errors.ts'
import { fromAuth, fromAuthorization, fromCookie } from '../../src/strategies/from.ts'
import { handshakeOf } from '../../src/testing/handshake.ts'

const handshake = handshakeOf()
const sound: Authentication = {
  identity: { scheme: 'key', issuer: 'https://a.example', subject: 'alice', claims: {} },
  lease: { id: 'l', issuedAt: 0, expiresAt: null },
}

/** A strategy that answers so, and writes down that it was asked. */
function answering(answer: unknown, asked: string[] = [], name = 'key'): Strategy {
  return {
    scheme: 'key',
    from: [fromAuthorization()],
    maxLifetimeSeconds: 3600,
    async authenticate() {
      asked.push(name)
      if (answer instanceof Error) throw answer
      return answer as Authentication
    },
  }
}

async function errorOf(answer: unknown): Promise<AuthError> {
  const error = await authenticate([answering(answer)], handshake, null).catch((thrown: unknown) => thrown)
  if (!AuthError.is(error)) throw new TypeError(`no AuthError: ${String(error)}`)
  return error
}

describe('authenticate', () => {
  it('asks in order, and nobody after the first that recognises a credential', async () => {
    const asked: string[] = []
    const second = answering(sound, asked, 'second')
    const found = await authenticate(
      [answering(null, asked, 'first'), second, answering(sound, asked, 'third')],
      handshake,
      null,
    )
    expect(found?.strategy).toBe(second)
    expect(asked).toEqual(['first', 'second'])
  })

  it('asks nobody after one that refuses', async () => {
    const asked: string[] = []
    const refusal = new AuthError('AUTH_EXPIRED')
    await expect(authenticate([answering(refusal, asked), answering(sound, asked)], handshake, null)).rejects.toBe(
      refusal,
    )
    expect(asked).toHaveLength(1)
  })

  it('is null when nobody recognises a credential', async () => {
    expect(await authenticate([], handshake, null)).toBe(null)
    expect(await authenticate([answering(null), answering(null)], handshake, null)).toBe(null)
  })

  it('hands on the handshake and the CONNECT packet as they are', async () => {
    const connect = { namespace: '/chat', auth: { token: 't' } }
    const given: unknown[] = []
    const strategy: Strategy = {
      ...answering(null),
      async authenticate(...all) {
        given.push(...all)
        return null
      },
    }
    await authenticate([strategy], handshake, connect)
    expect(given).toEqual([handshake, connect])
    expect(given[1]).toBe(connect)
  })

  it('answers AUTH_ERROR, strategy_threw, for anything else that was thrown', async () => {
    const cause = new Error('database: secret')
    expect(await errorOf(cause)).toMatchObject({ code: 'AUTH_ERROR', reason: 'strategy_threw', cause })
  })

  it('keeps what is well-formed: the identity and the lease as frozen copies', async () => {
    const given = {
      identity: { ...sound.identity, extra: 1 },
      lease: { ...sound.lease, expiresAt: 12.5, extra: 1 },
      revocableBy: [{ session: 's' }],
      handle: 'h',
    }
    const { authentication } = (await authenticate([answering(given)], handshake, null)) ?? {}
    expect(authentication).toEqual({
      identity: sound.identity,
      lease: { id: 'l', issuedAt: 0, expiresAt: 12.5 },
      revocableBy: [{ session: 's' }],
      handle: 'h',
    })
    expect([Object.isFrozen(authentication?.identity), Object.isFrozen(authentication?.lease)]).toEqual([true, true])
  })

  it('leaves out what was left out', async () => {
    const { authentication = {} } = (await authenticate([answering(sound)], handshake, null)) ?? {}
    expect(authentication).toEqual({ ...sound, revocableBy: [] })
    expect(Object.keys(authentication)).not.toContain('handle')
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a boolean', true],
    ['no identity', { lease: sound.lease }],
    ['an identity that is null', { ...sound, identity: null }],
    ['no scheme', { ...sound, identity: { ...sound.identity, scheme: undefined } }],
    ['an empty scheme', { ...sound, identity: { ...sound.identity, scheme: '' } }],
    ['the scheme of another strategy', { ...sound, identity: { ...sound.identity, scheme: 'jwt' } }],
    ['an empty issuer', { ...sound, identity: { ...sound.identity, issuer: '' } }],
    ['an issuer that is no text', { ...sound, identity: { ...sound.identity, issuer: 1 } }],
    ['an empty subject', { ...sound, identity: { ...sound.identity, subject: '' } }],
    ['a subject that is no text', { ...sound, identity: { ...sound.identity, subject: { id: 1 } } }],
    ['no lease', { identity: sound.identity }],
    ['a lease that is null', { ...sound, lease: null }],
    ['a lease without an id', { ...sound, lease: { ...sound.lease, id: '' } }],
    ['a lease without a beginning', { ...sound, lease: { ...sound.lease, issuedAt: undefined } }],
    ['a beginning that is no number', { ...sound, lease: { ...sound.lease, issuedAt: '0' } }],
    ['a beginning that is not finite', { ...sound, lease: { ...sound.lease, issuedAt: Number.NaN } }],
    ['no word on the end', { ...sound, lease: { ...sound.lease, expiresAt: undefined } }],
    ['an end that is not finite', { ...sound, lease: { ...sound.lease, expiresAt: Number.POSITIVE_INFINITY } }],
    ['names that are no list', { ...sound, revocableBy: 'session' }],
  ])('answers AUTH_ERROR, strategy_answer_malformed, for %s', async (_what, answer) => {
    expect(await errorOf(answer)).toMatchObject({ code: 'AUTH_ERROR', reason: 'strategy_answer_malformed' })
  })

  it('does not take a strategy without a scheme for one of an identity without', () => {
    const strategy = { ...answering(null), scheme: '' }
    expect(() => wellFormed(strategy, { ...sound, identity: { ...sound.identity, scheme: '' } })).toThrow(AuthError)
  })
})

describe('readsConnect', () => {
  it('is true as soon as one source of one strategy is the CONNECT packet', () => {
    const request = { ...answering(null), from: [fromAuthorization(), fromCookie('key')] }
    const both = { ...answering(null), from: [fromAuthorization(), fromAuth()] }
    expect(readsConnect([])).toBe(false)
    expect(readsConnect([request])).toBe(false)
    expect(readsConnect([request, both])).toBe(true)
  })
})
