/** What others decided about tokens and keys. The vectors lie beside the repository, not in it. */

import { existsSync, readFileSync } from 'node:fs'
import type { JWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { AuthError } from '../../src/errors.ts'
import { staticKeys } from '../../src/strategies/jwt-keys.ts'
import { verifyStrictJws } from '../../src/strategies/strict-jws.ts'

const folder = new URL('../../../../../shared/vectors/', import.meta.url)
const present = existsSync(folder)
if (!present) console.warn('skipped: the JWS vectors are not here (../shared/vectors beside the repository)')

interface Wycheproof {
  readonly testGroups: readonly {
    readonly comment: string
    readonly public?: JWK | { keys: JWK[] }
    readonly private?: JWK | { keys: JWK[] }
    readonly tests: readonly {
      readonly tcId: number
      readonly comment: string
      readonly jws: string
      readonly result: 'valid' | 'invalid'
    }[]
  }[]
}

function read<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, folder), 'utf8')) as T
}

/** A key that construction refuses verifies nothing. Anything but our own two errors is a fault. */
async function verdict(keys: JWK | { keys: JWK[] }, jws: string): Promise<'valid' | 'invalid'> {
  try {
    await verifyStrictJws(jws, staticKeys(keys))
    return 'valid'
  } catch (error) {
    if (error instanceof TypeError && error.message.startsWith('"')) return 'invalid'
    if (AuthError.is(error) && error.code === 'AUTH_CREDENTIAL_INVALID') return 'invalid'
    throw error
  }
}

/** Wycheproof gives HMAC keys, and some public keys together with their private part, as `private`. */
function keysOf({ public: publicKeys, private: others }: Wycheproof['testGroups'][number]): JWK | { keys: JWK[] } {
  const keys = publicKeys ?? others
  if (keys === undefined) throw new Error('a group without keys')
  return keys
}

async function disagreements(vectors: Wycheproof): Promise<{ total: number; differing: Record<string, string> }> {
  const differing: Record<string, string> = {}
  let total = 0
  for (const group of vectors.testGroups) {
    for (const test of group.tests) {
      total += 1
      const got = await verdict(keysOf(group), test.jws)
      if (got !== test.result) differing[test.tcId] = got
    }
  }
  return { total, differing }
}

describe.runIf(present)('vectors', () => {
  it('J02: agrees with Wycheproof json_web_signature in 393 of 393, and knows the 8 errata', async () => {
    const errata = read<{ skip_or_invert: Record<string, string>; must_agree: number }>('wycheproof/ERRATA.json')
    const { total, differing } = await disagreements(read('wycheproof/json_web_signature_test.json'))
    expect(total).toBe(401)
    expect(differing).toEqual(
      Object.fromEntries(
        // 367 and 370 repeat the valid token 357; in the others key or alphabet is wrong.
        Object.keys(errata.skip_or_invert).map((id) => [id, ['367', '370'].includes(id) ? 'valid' : 'invalid']),
      ),
    )
    expect(total - Object.keys(differing).length).toBe(errata.must_agree)
  })

  it('J28: agrees with Wycheproof json_web_key in 26 of 26', async () => {
    expect(await disagreements(read('wycheproof/json_web_key_test.json'))).toEqual({ total: 26, differing: {} })
  })

  it('J28: refuses the ROCA key for being one', () => {
    const { testGroups } = read<Wycheproof>('wycheproof/json_web_key_test.json')
    const group = testGroups.find(({ comment }) => comment === 'jws_rsa_roca_key')
    if (group === undefined) throw new Error('no such group')
    expect(() => staticKeys(keysOf(group))).toThrow('CVE-2017-15361')
  })

  it('agrees with the RFC examples', async () => {
    const { vectors } = read<{ vectors: { source: string; jwk?: JWK; jws: string; expect: string }[] }>(
      'rfc/rfc_jws.json',
    )
    const withKey = vectors.filter((vector) => vector.jwk !== undefined)
    expect(withKey).toHaveLength(3)
    for (const { source, jwk = {}, jws, expect: expected } of withKey) {
      expect(`${source}: ${await verdict(jwk, jws)}`).toBe(`${source}: ${expected === 'valid' ? 'valid' : 'invalid'}`)
    }
  })

  it('J04: refuses the text of a public key as a secret, as in CVE-2022-29217', () => {
    const { vectors } = read<{ vectors: { public_key_text?: string }[] }>('rfc/rfc_jws.json')
    const texts = vectors.flatMap(({ public_key_text: text }) => (text === undefined ? [] : [text]))
    expect(texts).toHaveLength(2)
    for (const text of texts) expect(() => staticKeys(Buffer.from(text))).toThrow(TypeError)
  })

  it.each([
    ['jws_4_1.rsa_v15_signature', 'RS256', 'valid'],
    ['jws_4_2.rsa-pss_signature', 'PS384', 'valid'],
    ['jws_4_3.ecdsa_signature', 'ES512', 'valid'],
    ['jws_4_4.hmac-sha2_integrity_protection', 'HS256', 'valid'],
    ['curve25519_jws', 'EdDSA', 'valid'],
  ] as const)('agrees with the JOSE cookbook %s', async (name, alg, expected) => {
    const { input, output } = read<{ input: { key: JWK }; output: { compact: string } }>(`jose-cookbook/${name}.json`)
    const { d: _, p, q, dp, dq, qi, ...key } = input.key as JWK & Record<string, unknown>
    expect(await verdict({ ...key, alg } as JWK, output.compact)).toBe(expected)
  })
})
