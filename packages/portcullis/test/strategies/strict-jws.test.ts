import { describe, expect, it } from 'vitest'
import { AuthError } from '../../src/errors.ts'
import { staticKeys } from '../../src/strategies/jwt-keys.ts'
import { parseStrictJws, verifyStrictJws } from '../../src/strategies/strict-jws.ts'
import { claimsWith, fastestMs, secret, sign, signRaw } from './jwt-fixtures.ts'

const base64url = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')

function reasonOf(token: string): string | undefined {
  try {
    parseStrictJws(token)
  } catch (error) {
    if (AuthError.is(error) && error.code === 'AUTH_CREDENTIAL_INVALID') return error.reason
    throw error
  }
  return undefined
}

describe('parseStrictJws', () => {
  it('reads a token that jose signed', async () => {
    const jws = parseStrictJws(await sign({ a: 1 }, { kid: 'k' }))
    expect(jws).toMatchObject({ alg: 'HS256', kid: 'k', header: { alg: 'HS256', kid: 'k' } })
    expect(Buffer.from(jws.payload).toString()).toBe('{"a":1}')
  })

  it('J16: takes 8,192 bytes and refuses 8,193, whatever they are', () => {
    const ofLength = (length: number) => `${base64url('{"alg":"HS256"}')}.${'A'.repeat(length - 26)}.AAAA`
    const fits = ofLength(8192)
    expect(fits).toHaveLength(8192)
    expect(reasonOf(fits)).toBeUndefined()
    expect(reasonOf(`${fits}A`)).toBe('too_long')
    expect(reasonOf('\u{1F600}'.repeat(4096))).toBe('shape')
  })

  it('J16: refuses 1 MB in less than 1 ms, before it decodes anything', () => {
    const token = `${'A'.repeat(700_000)}.${'.'.repeat(100_000)}${'A'.repeat(200_000)}`
    expect(reasonOf(token)).toBe('too_long')
    expect(fastestMs(() => reasonOf(token))).toBeLessThan(1)
  })

  const h = base64url('{"alg":"HS256"}')
  it.each([
    '',
    '.',
    '..',
    '...',
    `${h}.e30`,
    `${h}.e30.`,
    `${h}..`,
    '.e30.AA',
    '..AA',
    `${h}.e30.AA.`,
    `${h}.e30.AA.AA`,
  ])('J11: refuses %j, which is not a header, a payload and a signature', (token) =>
    expect(reasonOf(token)).toBe('shape'),
  )

  it('J11, J15: refuses a JWE and the JSON serializations', () => {
    const jwe = base64url('{"alg":"dir","enc":"A128GCM","zip":"DEF"}')
    expect(reasonOf(`${jwe}..AAAA.AAAA.AAAA`)).toBe('shape')
    expect(reasonOf(JSON.stringify({ protected: h, payload: 'e30', signature: 'AA' }))).toBe('shape')
    expect(reasonOf(`Bearer ${h}.e30.AA`)).toBe('shape')
  })

  it.each([
    ['padding', `${h}.e30=.AA`],
    ['padding of the signature', `${h}.e30.AA==`],
    ['a space', `${h}.e30.A A`],
    ['a line break', `${h}.e30.AA\n`],
    ['a leading line break', `\n${h}.e30.AA`],
    ['a NUL', `${h}.e30.AA\0`],
    ['the alphabet with +', `${h}.e30.A+AA`],
    ['the alphabet with /', `${h}.e30.A/AA`],
    ['unused bits that are set', `${h}.e30.AB`],
    ['one character too many', `${h}.e30.AAAAA`],
    ['a letter beyond ASCII', `${h}.e30.AAÄA`],
    ['a full-width letter', `${h}.e30.AAＡ`],
  ])('J12: refuses base64url with %s', (_what, token) => expect(reasonOf(token)).toBe('shape'))

  it.each(['[]', 'null', '1', '"x"', '', '{"alg":"HS256"', '{"alg":"HS256"}}', '\ufeff{"alg":"HS256"}'])(
    'refuses the header %j',
    (header) => expect(reasonOf(`${base64url(header) || 'AA'}.e30.AA`)).toBe('shape'),
  )

  it('J18: refuses a header with "alg" twice', () => {
    expect(reasonOf(`${base64url('{"alg":"HS256","alg":"none"}')}.e30.AA`)).toBe('shape')
    expect(reasonOf(`${base64url('{"alg":"HS256","al\\u0067":"none"}')}.e30.AA`)).toBe('shape')
  })

  it.each(['null', '[]', '["HS256"]', '{}', '1', 'true'])('J06: refuses alg %s', (alg) =>
    expect(reasonOf(`${base64url(`{"alg":${alg}}`)}.e30.AA`)).toBe('alg'),
  )

  it('J06: takes no alg from Object.prototype', () => {
    expect(reasonOf(`${base64url('{"__proto__":{"alg":"HS256"}}')}.e30.AA`)).toBe('alg')
    expect(reasonOf(`${base64url('{}')}.e30.AA`)).toBe('alg')
  })

  it.each(['["a"]', '[]', '{}', '1', 'null', 'true'])('J09: refuses kid %s', (kid) =>
    expect(reasonOf(`${base64url(`{"alg":"HS256","kid":${kid}}`)}.e30.AA`)).toBe('shape'),
  )

  it.each([
    '"crit":["x"],"x":1',
    '"crit":["x"]',
    '"crit":[]',
    '"crit":"x"',
    '"crit":null',
    '"crit":["exp","exp"]',
    '"crit":["alg"]',
    '"crit":["__proto__"]',
    '"crit":["b64"],"b64":true',
    '"crit":["b64"],"b64":false',
    '"b64":false',
    '"b64":true',
  ])('J10: refuses the header parameters %s', (parameters) =>
    expect(reasonOf(`${base64url(`{"alg":"HS256",${parameters}}`)}.e30.AA`)).toBe('crit'),
  )
})

describe('verifyStrictJws', () => {
  const source = staticKeys(secret)

  it('accepts an empty payload, which a JWS may have and a JWT may not', async () => {
    expect((await verifyStrictJws(signRaw('{"alg":"HS256"}', ''), source)).payload).toHaveLength(0)
  })

  it('accepts a payload that is not JSON: that is for its caller', async () => {
    const jws = await verifyStrictJws(signRaw('{"alg":"HS256"}', 'foo'), source)
    expect(Buffer.from(jws.payload).toString()).toBe('foo')
  })

  it('J12: accepts exactly one of the spellings of a signature', async () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/='
    const token = await sign(claimsWith())
    const results = await Promise.allSettled(
      Array.from(alphabet, (last) => verifyStrictJws(token.slice(0, -1) + last, source)),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})
