/** Tokens whose signature was found good: the same token again, on the same node, costs a digest and no public key. */

import { hash } from 'node:crypto'
import type { TrustedIssuer } from './jwt-issuers.ts'
import type { VerificationKey } from './jwt-keys.ts'
import type { JsonObject } from './strict-json.ts'

/** What was found out about a token that does not change with time; all else is asked again. */
export interface VerifiedToken {
  readonly payload: JsonObject
  /** Names it where it has no `jti`; empty where it has. */
  readonly digest: string
  readonly issuer: TrustedIssuer
  readonly alg: string
  readonly kid: string | undefined
  /** The one that verified it. */
  readonly key: VerificationKey
}

interface Remembered extends Omit<VerifiedToken, 'payload'> {
  /** The payload as it was signed. */
  readonly text: string
}

/** Some 500 bytes each: enough for a storm of returning clients. */
export const MAX_VERIFIED_TOKENS = 10_000

export interface VerifiedTokens {
  /**
   * What is known of exactly this token, while the key that verified it is still one of its issuer's. Claims are read anew each
   * time, so that no two callers share an object.
   */
  find(token: string): VerifiedToken | null | Promise<VerifiedToken | null>
  keep(token: string, verified: VerifiedToken, payload: Uint8Array): void
  clear(): void
}

/**
 * Bounded; of more, the oldest is forgotten. Holds no token and no signature: the name of a token is the SHA-256 of all of it, its
 * signature included. An accepted token has one spelling, so that another text is another token.
 */
export function createVerifiedTokens(): VerifiedTokens {
  const tokens = new Map<string, Remembered>()

  function read(name: string, remembered: Remembered, keys: readonly VerificationKey[]): VerifiedToken | null {
    const { text, digest, issuer, alg, kid, key } = remembered
    if (keys.includes(key)) return { payload: JSON.parse(text) as JsonObject, digest, issuer, alg, kid, key }
    tokens.delete(name)
    return null
  }

  return {
    find(token) {
      if (tokens.size === 0) return null
      const name = nameOf(token)
      const remembered = tokens.get(name)
      if (remembered === undefined) return null
      const keys = remembered.issuer.keys.find(remembered.alg, remembered.kid)
      return keys instanceof Promise
        ? keys.then((found) => read(name, remembered, found))
        : read(name, remembered, keys)
    },
    keep(token, { digest, issuer, alg, kid, key }, payload) {
      // To compute an HMAC again takes no longer than to look it up.
      if ('export' in key) return
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()
      // A member of this name is left out by the strict reading, which is not done again.
      if (text.includes('__proto__') || text.includes('\\u')) return
      if (tokens.size >= MAX_VERIFIED_TOKENS) tokens.delete(tokens.keys().next().value as string)
      tokens.set(nameOf(token), { text, digest, issuer, alg, kid, key })
    },
    clear: () => tokens.clear(),
  }
}

function nameOf(token: string): string {
  return hash('sha256', token, 'base64')
}
