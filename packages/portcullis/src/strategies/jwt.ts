/** A JSON Web Token, signed by an issuer that the application trusts, as a credential. */

import { createHash } from 'node:crypto'
import type { Identity } from '../core/identity.ts'
import type { StandardSchemaV1 } from '../core/standard-schema.ts'
import type { Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { readOne } from './from.ts'
import { checkClaims, checkType } from './jwt-claims.ts'
import { type JwtClaims, type JwtOptions, settingsOf } from './jwt-options.ts'
import { type JsonObject, parseStrictJson } from './strict-json.ts'
import { refuse, type StrictJws, verifyStrictJws } from './strict-jws.ts'

export type { JwtAlgorithm } from './jwt-key-hygiene.ts'
export type { JwtKey, JwtKeys } from './jwt-keys.ts'
export type { JwtClaims, JwtOptions } from './jwt-options.ts'
export type { JwtReason } from './strict-jws.ts'

/**
 * Recognises a signed JWT of one issuer, made for one audience. Reads `Authorization: Bearer`, or `auth.token` of the
 * CONNECT packet, unless `from` says otherwise.
 *
 * `iss`, `aud`, `exp` and a string `sub` are required. The lease lasts until `exp` plus `leewaySeconds`. Its id, by which
 * `auth.revoke({ tokenId })` ends it, is `jti`; for a token without one, the SHA-256 of header and payload. A token without
 * `iat` counts as issued at 0, so that every revocation of its subject covers it.
 *
 * Does not check: whether the token was revoked (the server does), `nonce`, `azp`, proof of possession (`cnf`), and whether
 * an ID token is used as an access token: set `typ: 'at+jwt'` where the issuer sets it. Revocations are remembered for
 * `maxLifetimeSeconds` plus the leeway, so an issuer whose tokens live longer and carry no `iat` is not for this strategy.
 *
 * @throws TypeError at once, when an option is missing or malformed, or a key private or weak
 * @throws AuthError from `authenticate`: AUTH_EXPIRED (valid but for its age), AUTH_CREDENTIAL_INVALID (anything else;
 * `reason` is a `JwtReason`), AUTH_UNAVAILABLE (the JWKS cannot be had), AUTH_ERROR (a key or the schema failed)
 *
 * @example
 * jwt({
 *   issuer: 'https://login.example',
 *   audience: 'chat',
 *   keys: 'https://login.example/.well-known/jwks.json',
 *   claims: z.object({ org: z.string(), scope: z.string() }),
 * })
 *
 * @see RFC 7519 section 7.2, RFC 8725 section 3; subpath `portcullis/strategies/jwt`
 */
export function jwt<Claims = JwtClaims, const Scheme extends string = 'jwt'>(
  options: JwtOptions<Claims, Scheme>,
): Strategy<Identity<Scheme, Claims>> {
  const { expected, keys, claims, typ, from, scheme, clock } = settingsOf(options)
  const { issuer, leewaySeconds, maxLifetimeSeconds } = expected
  return Object.freeze({
    scheme: scheme as Scheme,
    from,
    // A lease outlives `exp` by the leeway, and a revocation must outlive the lease.
    maxLifetimeSeconds: maxLifetimeSeconds + leewaySeconds,
    async authenticate(handshake, connect) {
      const token = readOne(from, handshake, connect)
      if (token === null) return null
      const jws = await verifyStrictJws(token, keys)
      checkType(jws.header, typ)
      const payload = parseStrictJson(jws.payload) ?? refuse('payload')
      const { subject, tokenId, issuedAt = 0, expiresAt } = checkClaims(payload, expected, clock.now() / 1000)
      const id = tokenId ?? digestOf(jws)
      return {
        identity: { scheme: scheme as Scheme, issuer, subject, claims: await parseClaims(claims, payload) },
        lease: { id, issuedAt, expiresAt: expiresAt + leewaySeconds },
        revocableBy: [{ tokenId: id }],
      }
    },
  } satisfies Strategy<Identity<Scheme, Claims>>)
}

/**
 * Names a token by what was signed, decoded. Not by its signature: who holds an ECDSA signature (r, s) can write the
 * equally valid (r, n - s), and would have the token under a second name.
 */
function digestOf({ headerBytes, payload }: StrictJws): string {
  return createHash('sha256').update(headerBytes).update('.').update(payload).digest('base64url')
}

async function parseClaims<Claims>(
  schema: StandardSchemaV1<unknown, Claims> | undefined,
  payload: JsonObject,
): Promise<Claims> {
  // Without a schema, `Claims` is `JwtClaims`.
  if (schema === undefined) return payload as Claims
  const result = await validate(schema, payload)
  // The issues may quote claims, so they go nowhere.
  if (result.issues !== undefined) refuse('claims')
  return result.value
}

async function validate<Claims>(schema: StandardSchemaV1<unknown, Claims>, payload: JsonObject) {
  try {
    return await schema['~standard'].validate(payload)
  } catch (cause) {
    throw new AuthError('AUTH_ERROR', { reason: 'claims_schema_threw', cause })
  }
}
