import { createHmac, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { AuthError } from '../../src/errors.ts'
import type { KeySource, VerificationKey } from '../../src/strategies/jwt-keys.ts'
import { parseStrictJws, verifyStrictJws } from '../../src/strategies/strict-jws.ts'
import { settled, verdict } from './refusal.ts'

const base64url = (text: string) => Buffer.from(text).toString('base64url')
const HEADER = base64url('{"alg":"HS256"}')
const reasonOf = (token: string) =>
  verdict(() => {
    parseStrictJws(token)
    return 'accepted'
  })
const headed = (header: string) => reasonOf(`${base64url(header)}.e30.AA`)
const refused = (reason: string) => `AUTH_CREDENTIAL_INVALID ${reason}`

describe('parseStrictJws', () => {
  it('takes a token apart', () => {
    const jws = parseStrictJws(`${base64url('{"alg":"HS256","kid":"k"}')}.${base64url('any')}.AA`)
    expect(jws).toMatchObject({ alg: 'HS256', kid: 'k', header: { alg: 'HS256', kid: 'k' } })
    expect([String(jws.payload), String(jws.headerBytes)]).toEqual(['any', '{"alg":"HS256","kid":"k"}'])
    expect(parseStrictJws(`${HEADER}..AA`).payload).toHaveLength(0)
    expect(parseStrictJws(`${HEADER}..AA`).kid).toBe(undefined)
  })

  it('takes 8,192 characters and refuses one more', () => {
    const fits = `${HEADER}.${'A'.repeat(8192 - HEADER.length - 6)}.AAAA`
    expect([fits.length, reasonOf(fits), reasonOf(`${fits}A`)]).toEqual([8192, 'accepted', refused('too_long')])
  })

  it.each([
    '',
    '.',
    '..',
    '...',
    `${HEADER}.e30`,
    `${HEADER}.e30.`,
    '.e30.AA',
    `${HEADER}.e30.AA.`,
    `${HEADER}.e30.AA.AA`,
  ])('refuses %j, which is not a header, a payload and a signature', (token) =>
    expect(reasonOf(token)).toBe(refused('shape')),
  )

  it.each([`${HEADER}.e30=.AA`, `${HEADER}.e30.AA==`, `${HEADER}.e30.A+AA`, `${HEADER}.e30.AB`, `${HEADER}.e3 0.AA`])(
    'refuses %j, which is no canonical base64url',
    (token) => expect(reasonOf(token)).toBe(refused('shape')),
  )

  it.each<[string, string]>([
    ['[]', 'shape'],
    ['{"alg":"HS256","alg":"none"}', 'shape'],
    ['{"alg":"HS256","crit":[]}', 'crit'],
    ['{"alg":"HS256","b64":true}', 'crit'],
    ['{"crit":null}', 'crit'],
    ['{}', 'alg'],
    ['{"alg":null}', 'alg'],
    ['{"alg":["HS256"]}', 'alg'],
    ['{"alg":"HS256","kid":5}', 'shape'],
    ['{"alg":"HS256","kid":null}', 'shape'],
  ])('refuses the header %s with the reason %s', (header, reason) => expect(headed(header)).toBe(refused(reason)))

  it('does not look at jku, jwk, x5u and x5c', () => {
    expect(headed('{"alg":"HS256","jku":"http://x","jwk":{},"x5u":"http://x","x5c":[]}')).toBe('accepted')
  })
})

describe('verifyStrictJws', () => {
  const secret = (letter: string) => createSecretKey(Buffer.from(letter.repeat(64)))
  const [good, other] = [secret('a'), secret('b')]
  const signed = (alg: string, hash: string) => {
    const text = `${base64url(`{"alg":"${alg}","kid":"k"}`)}.${base64url('payload')}`
    return `${text}.${createHmac(hash, good).update(text).digest('base64url')}`
  }
  const token = signed('HS256', 'sha256')
  const asked: unknown[] = []
  const source = (keys: readonly VerificationKey[], algorithms = ['HS256', 'HS384', 'HS512', 'ES256']): KeySource => ({
    algorithms: new Set(algorithms),
    find(...given) {
      asked.push(given)
      return keys
    },
    purge: () => {},
  })
  const later = (keys: readonly VerificationKey[]): KeySource => ({ ...source([]), find: async () => keys })

  it.each([
    ['HS256', 'sha256'],
    ['HS384', 'sha384'],
    ['HS512', 'sha512'],
  ])('accepts %s of one of the keys, and of no other hash', async (alg, hash) => {
    for (const keys of [source([good]), source([other, good]), later([good])])
      expect(String((await verifyStrictJws(signed(alg, hash), keys)).payload)).toBe('payload')
    expect(await settled(verifyStrictJws(signed(alg, 'sha1'), source([good])))).toBe(refused('signature'))
    expect(asked.at(-1)).toEqual([alg, 'k'])
  })

  it('refuses an algorithm that no key has, before it asks for keys', async () => {
    asked.length = 0
    expect(await settled(verifyStrictJws(token, source([good], ['HS384'])))).toBe(refused('alg'))
    expect(asked).toEqual([])
  })

  it('refuses where there is no key, or none that signed', async () => {
    expect(await settled(verifyStrictJws(token, source([])))).toBe(refused('key'))
    expect(await settled(verifyStrictJws(token, later([])))).toBe(refused('key'))
    expect(await settled(verifyStrictJws(token, source([other])))).toBe(refused('signature'))
    expect(await settled(verifyStrictJws(`${token.slice(0, -4)}AAAA`, source([other, good])))).toBe(
      refused('signature'),
    )
    expect(await settled(verifyStrictJws(token.slice(0, -3), source([good])))).toBe(refused('signature'))
  })

  describe('with a public key', () => {
    const pair = () => crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
    const text = `${base64url('{"alg":"ES256"}')}.${base64url('payload')}`
    const signature = async (key: CryptoKey) =>
      Buffer.from(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, Buffer.from(text))).toString(
        'base64url',
      )

    it('accepts what its other half has signed, and nothing else', async () => {
      const [mine, theirs] = [await pair(), await pair()]
      const whole = `${text}.${await signature(mine.privateKey)}`
      expect(String((await verifyStrictJws(whole, source([theirs.publicKey, mine.publicKey]))).payload)).toBe('payload')
      expect(await settled(verifyStrictJws(whole, source([theirs.publicKey])))).toBe(refused('signature'))
    })

    it('answers AUTH_ERROR when the key is of no use for the algorithm', async () => {
      const key = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, false, ['sign', 'verify']))
        .publicKey
      const error = await verifyStrictJws(`${text}.AAAA`, source([key])).catch((thrown: unknown) => thrown)
      expect(AuthError.is(error)).toBe(true)
      expect(error).toMatchObject({ code: 'AUTH_ERROR', reason: 'key_unusable', cause: expect.any(TypeError) })
    })
  })
})
