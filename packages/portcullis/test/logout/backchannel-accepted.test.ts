/** What backchannelLogout makes of the logout tokens that it accepts, and of its options. */

import { createHmac } from 'node:crypto'
import { AuthError } from 'portcullis'
import { providerSession } from 'portcullis/logout/backchannel'
import { describe, expect, test } from 'vitest'
import { ec, NOW, rsa, secret } from '../strategies/jwt-fixtures.ts'
import { CLIENT_ID, ISSUER, LOGOUT, logoutClaims, logoutReceiverWith, logoutToken } from './signal-fixtures.ts'

describe('accepted', () => {
  test('a sub ends the principal as of the second of iat; a sid ends the tag of that session as of now', async () => {
    const { post, asked } = logoutReceiverWith()
    expect(await post(await logoutToken({ iat: NOW - 100.5 }))).toMatchObject({ status: 200, body: '' })
    expect((await post(await logoutToken({ sub: undefined, sid: 's-1' }))).status).toBe(200)
    expect((await post(await logoutToken({ sid: 's-1' }))).status).toBe(200)
    const principal = { issuer: ISSUER, subject: 'user-42' }
    const session = { key: providerSession(ISSUER, 's-1'), issuedBefore: undefined }
    expect(asked).toEqual([
      { key: principal, issuedBefore: NOW - 100 },
      session,
      { key: principal, issuedBefore: NOW },
      session,
    ])
    expect(providerSession(ISSUER, 's-1')).toEqual({ tag: `sid:["${ISSUER}","s-1"]` })
  })

  test('the edges of the leeway, an audience in a list, other events beside, and typ JWT or none', async () => {
    const { post, asked } = logoutReceiverWith()
    const good = [
      logoutToken({ exp: NOW - 4 }),
      logoutToken({ iat: NOW + 5 }),
      logoutToken({ iat: NOW - 305 }),
      logoutToken({ aud: ['other', CLIENT_ID] }),
      logoutToken({ events: { [LOGOUT]: { any: 1 }, 'https://example.com/event': {} } }),
      logoutToken({}, { typ: 'JWT' }),
      logoutToken({}, { typ: undefined }),
    ]
    for (const token of good) expect((await post(await token)).status).toBe(200)
    expect(asked).toHaveLength(good.length)
  })

  test('R20: the same token again, in another spelling of its signature or at the same time, ends nothing more', async () => {
    const { post, asked } = logoutReceiverWith({ keys: ec.publicKey })
    const token = await logoutToken({}, { alg: 'ES256' }, ec.privateKey)
    const [header, payload, signature = ''] = token.split('.')
    const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
    const bytes = Buffer.from(signature, 'base64url')
    const other = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const malleated = Buffer.concat([bytes.subarray(0, 32), Buffer.from(other.toString(16).padStart(64, '0'), 'hex')])
    const answers = await Promise.all([post(token), post(`${header}.${payload}.${malleated.toString('base64url')}`)])
    expect([...answers, await post(token)].map(({ status }) => status)).toEqual([200, 200, 200])
    expect(asked).toHaveLength(1)
  })

  test('a jti that an issuer uses twice does not hide the second logout', async () => {
    const { post, asked } = logoutReceiverWith()
    await post(await logoutToken({ jti: 'one', sub: 'user-1' }))
    await post(await logoutToken({ jti: 'one', sub: 'user-2' }))
    expect(asked).toHaveLength(2)
  })

  test('keysOf says what ends, and may wait; keys of the application are dead as of now', async () => {
    const seen: unknown[] = []
    const keysOf = async (logout: unknown, usual: readonly object[]) => {
      seen.push(logout)
      return [...usual, { session: 'local' }, { issuer: 'session', subject: '42' }]
    }
    const { post, asked } = logoutReceiverWith({ keysOf })
    await post(await logoutToken({ sid: 's-1' }))
    expect(seen).toEqual([{ issuer: ISSUER, subject: 'user-42', sid: 's-1' }])
    expect(asked.slice(2)).toEqual([
      { key: { session: 'local' }, issuedBefore: undefined },
      { key: { issuer: 'session', subject: '42' }, issuedBefore: undefined },
    ])
  })
})

describe('a logout that fails is 400, is told to onError, and can be tried again', () => {
  const failed = { error: 'server_error', error_description: 'The logout failed.' }

  test('R15: the log does not take it', async () => {
    let up = false
    const answer = async () => {
      if (!up) throw new AuthError('AUTH_UNAVAILABLE', { reason: 'log' })
    }
    const { post, asked, errors } = logoutReceiverWith({}, answer)
    const token = await logoutToken()
    const first = await post(token)
    expect([first.status, JSON.parse(first.body)]).toEqual([400, failed])
    expect(errors).toMatchObject([{ code: 'AUTH_UNAVAILABLE' }])
    up = true
    expect((await post(token)).status).toBe(200)
    expect(asked).toHaveLength(2)
  })

  const broken: readonly (readonly [string, () => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('from keysOf')
      },
    ],
    ['answers no list', () => 'everybody'],
    ['answers a list of texts', () => ['everybody']],
    ['answers too many', () => Array.from({ length: 101 }, () => ({ session: 's' }))],
  ]
  test.each(broken)('keysOf %s: AUTH_ERROR', async (_what, keysOf) => {
    const { post, asked, errors } = logoutReceiverWith({ keysOf })
    const { status, body } = await post(await logoutToken())
    expect([status, JSON.parse(body), asked]).toEqual([400, failed, []])
    expect(errors).toMatchObject([{ code: 'AUTH_ERROR' }])
  })

  test('keysOf never answers, or the keys cannot be had: AUTH_UNAVAILABLE', async () => {
    const never = logoutReceiverWith({ keysOf: () => new Promise(() => {}), maxWaitMs: 20 })
    expect((await never.post(await logoutToken())).status).toBe(400)
    expect(never.errors).toMatchObject([{ code: 'AUTH_UNAVAILABLE', reason: 'keys_of_timeout' }])
    const keyless = logoutReceiverWith({ keys: 'http://127.0.0.1:9/jwks' })
    expect((await keyless.post(await logoutToken())).status).toBe(400)
    expect(keyless.errors).toMatchObject([{ code: 'AUTH_UNAVAILABLE', reason: 'key_set_unavailable' }])
  })

  test('an onError that throws changes no answer', async () => {
    const onError = () => {
      throw new Error('from onError')
    }
    const { receiver } = logoutReceiverWith({ onError })
    expect((await receiver.receive('logout_token=x')).status).toBe(400)
  })
})

describe('options', () => {
  test.each([
    ['"issuer"', { issuer: '' }],
    ['"audience"', { audience: undefined }],
    ['"keys"', { keys: 'secret' }],
    ['"keys"', { keys: rsa.privateKey }],
    ['"keys"', { keys: Buffer.from('short') }],
    ['"algorithms"', { algorithms: ['none'] }],
    ['"typ"', { typ: 1 }],
    ['"keysOf"', { keysOf: 1 }],
    ['"onError"', { onError: 'log' }],
    ['"leewaySeconds"', { leewaySeconds: -1 }],
    ['"leewaySeconds"', { leewaySeconds: 301 }],
    ['"maxAgeSeconds"', { maxAgeSeconds: 0 }],
    ['"maxWaitMs"', { maxWaitMs: Number.NaN }],
    ['"profile"', { profile: 'at+jwt' }],
    ['"ignoreExpiration"', { ignoreExpiration: true }],
    ['"profile"', { issuer: undefined, keys: undefined, issuers: { a: { keys: rsa.publicKey, profile: 'at+jwt' } } }],
    ['"issuers"', { issuers: { a: { keys: rsa.publicKey } } }],
  ])('a malformed %s is a TypeError that quotes it', (option, options) => {
    expect(() => logoutReceiverWith(options)).toThrow(TypeError)
    expect(() => logoutReceiverWith(options)).toThrow(option)
  })

  test('a polluted prototype configures nothing', async () => {
    const polluted = Object.prototype as { keysOf?: unknown }
    polluted.keysOf = () => []
    try {
      const { post, asked } = logoutReceiverWith()
      await post(await logoutToken())
      expect(asked).toHaveLength(1)
    } finally {
      delete polluted.keysOf
    }
  })
})

test('what is remembered of tokens is bounded', async () => {
  // HMAC, because ten thousand RSA signatures take a while.
  const { post, asked } = logoutReceiverWith({ keys: secret })
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = (id: number) => {
    const input = `${encode({ alg: 'HS256' })}.${encode(logoutClaims({ jti: `bounded-${id}` }))}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const first = token(0)
  await post(first)
  for (let i = 1; i < 10_000; i += 1) await post(token(i))
  await post(first)
  expect(asked).toHaveLength(10_000)
  await post(token(10_000))
  await post(first)
  expect(asked).toHaveLength(10_002)
})
