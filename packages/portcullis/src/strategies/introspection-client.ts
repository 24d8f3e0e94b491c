/** How this server proves to the authorization server who it is (RFC 6749 section 2.3, RFC 7523 section 2.2). */

import { createPrivateKey, type JsonWebKey, type KeyObject, randomUUID } from 'node:crypto'
import { type JWK, SignJWT } from 'jose'
import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'
import { text } from '../option-checks.ts'

/** A private key as a JWK that names its algorithm. */
export interface ClientKey extends JWK {
  readonly alg: string
}

/** The options that say it, before they are checked. */
export interface ClientOptions {
  readonly clientId: string
  readonly issuer: string
  readonly clientAuthentication?: unknown
  readonly clientSecret?: unknown
  readonly clientKey?: unknown
}

/** What a request carries: headers, and parameters of its form. */
export interface Proof {
  readonly headers: Readonly<Record<string, string>>
  readonly form: Readonly<Record<string, string>>
}

/** A proof for one request. */
export type ClientProof = () => Promise<Proof>

/** What `KeyObject` calls the keys of each algorithm; of RSA the size counts as well (RFC 7518 sections 3.3 to 3.5). */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['ES256', 'ec prime256v1'],
  ['ES384', 'ec secp384r1'],
  ['ES512', 'ec secp521r1'],
  ['EdDSA', 'ed25519'],
  ['Ed25519', 'ed25519'],
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((name) => [name, 'rsa'] as const),
])
const MIN_RSA_BITS = 2048
const ASSERTION_SECONDS = 60
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** @throws TypeError that quotes the option, never its value */
export function clientProof(options: ClientOptions, clock: Clock): ClientProof {
  const { clientAuthentication = 'client_secret_basic', clientSecret, clientKey } = options
  const clientId = text(options.clientId, 'clientId')
  if (clientAuthentication === 'private_key_jwt') {
    if (clientSecret !== undefined) throw new TypeError('"clientSecret" has no use with private_key_jwt')
    return signedProof(clientId, options.issuer, signingKey(clientKey), clock)
  }
  if (clientAuthentication !== 'client_secret_basic' && clientAuthentication !== 'client_secret_post') {
    throw new TypeError('"clientAuthentication" must be client_secret_basic, client_secret_post or private_key_jwt')
  }
  if (clientKey !== undefined) throw new TypeError('"clientKey" is for private_key_jwt')
  const proof = secretProof(clientAuthentication, clientId, text(clientSecret, 'clientSecret'))
  return async () => proof
}

function secretProof(method: 'client_secret_basic' | 'client_secret_post', id: string, secret: string): Proof {
  if (method === 'client_secret_post') return { headers: {}, form: { client_id: id, client_secret: secret } }
  // Encoded first, so that neither a colon nor a letter beyond ASCII means anything else (RFC 6749 section 2.3.1).
  const pair = Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')
  return { headers: { authorization: `Basic ${pair}` }, form: {} }
}

function signedProof(clientId: string, issuer: string, { key, header }: SigningKey, clock: Clock): ClientProof {
  return async () => {
    const now = Math.floor(clock.now() / 1000)
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader(header)
      .setIssuer(clientId)
      .setSubject(clientId)
      // The issuer and nothing else: an assertion for an endpoint could be carried to another server's.
      .setAudience(issuer)
      .setIssuedAt(now)
      .setExpirationTime(now + ASSERTION_SECONDS)
      .sign(key)
      .catch(() => Promise.reject(new AuthError('AUTH_ERROR', { reason: 'client_key' })))
    return {
      headers: {},
      form: { client_id: clientId, client_assertion_type: ASSERTION_TYPE, client_assertion: assertion },
    }
  }
}

interface SigningKey {
  readonly key: KeyObject
  readonly header: { readonly alg: string; readonly kid?: string }
}

function signingKey(value: unknown): SigningKey {
  const jwk: Partial<ClientKey> = Object.assign(Object.create(null), value)
  const { alg = '', kid } = jwk
  const key = privateKeyOf(jwk)
  const { modulusLength = MIN_RSA_BITS, namedCurve } = key?.asymmetricKeyDetails ?? {}
  const kind = [key?.asymmetricKeyType, namedCurve].filter((part) => part !== undefined).join(' ')
  if (key === null || KINDS.get(alg) !== kind || modulusLength < MIN_RSA_BITS) {
    throw new TypeError('"clientKey" must be a private JWK that fits its "alg", which is one of RSA, ECDSA or EdDSA')
  }
  if (kid !== undefined && typeof kid !== 'string') throw new TypeError('"clientKey" has a "kid" that is no string')
  return { key, header: { alg, ...(kid === undefined ? {} : { kid }) } }
}

function privateKeyOf(jwk: JWK): KeyObject | null {
  try {
    return createPrivateKey({ format: 'jwk', key: jwk as JsonWebKey })
  } catch {
    // Node's own message is dropped: it may describe the key.
    return null
  }
}

/** As `application/x-www-form-urlencoded` (RFC 6749 appendix B). */
function formEncoded(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1)
}
