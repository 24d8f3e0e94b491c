/** A JSON Web Token, signed by an issuer that the application trusts, as a credential. */

import { createHash } from 'node:crypto'
import type { Identity } from '../core/identity.ts'
import { providerSession } from '../core/revocation.ts'
import type { StandardSchemaV1 } from '../core/standard-schema.ts'
import type { Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { readOne } from './from.ts'
import { checkClaims, checkType } from './jwt-claims.ts'
import { trustedIssuers } from './jwt-issuers.ts'
import { type JwtClaims, type JwtIssuersOptions, type JwtOptions, settingsOf } from './jwt-options.ts'
import { createVerifiedTokens, type VerifiedToken } from './jwt-verified.ts'
import { isName } from './registered-claims.ts'
import { type JsonObject, own, parseStrictJson } from './strict-json.ts'
import { parseStrictJws, refuse, type StrictJws, verifySignature } from './strict-jws.ts'

export type { JwtProfile } from './jwt-claims.ts'
export type { JwtAlgorithm } from './jwt-key-hygiene.ts'
export type { JwtKey, JwtKeys } from './jwt-keys.ts'
export type { JwtClaims, JwtIssuer, JwtIssuersOptions, JwtOptions } from './jwt-options.ts'
export type { JwtReason } from './strict-jws.ts'

/** What `jwt` makes: a strategy whose fetched keys can be forgotten. */
export interface JwtStrategy<I extends Identity = Identity> extends Strategy<I> {
  /**
   * Forgets every key that was fetched from a JWKS URL, so that a key withdrawn by its issuer verifies nothing from now on.
   * The next token fetches again; while the URL does not answer, that is AUTH_UNAVAILABLE. Sockets that are connected stay
   * until their lease ends, or until `auth.revoke`. Does nothing to keys that were given as such.
   */
  purge(): void
}

/**
 * Recognises a signed JWT of a trusted issuer, made for one audience. Reads `Authorization: Bearer`, or `auth.token` of the
 * CONNECT packet, unless `from` says otherwise. With `issuers`, the token's `iss` chooses among them; `identity.issuer` is
 * the one whose keys verified it, and a subject is that issuer's.
 *
 * `iss`, `aud`, `exp` and a string `sub` are required. The lease lasts until `exp` plus `leewaySeconds`. Its id, by which
 * `auth.revoke({ tokenId })` ends it, is `jti`; for a token without one, the SHA-256 of header and payload. A token without
 * `iat` counts as issued at 0, so that every revocation of its subject covers it.
 *
 * A signature that was found good is not computed again for the same token, while the key that verified it is still one of its
 * issuer's: of the last 10,000 tokens a digest and the claims are kept, never the token. All else is checked each time.
 *
 * A token with `sid` is also ended by the logout of that session at its issuer (`portcullis/logout/backchannel`).
 *
 * Keys of a URL are fetched at the first token, and again every 5 to 10 minutes while tokens come; an unknown `kid` makes
 * it look for a new one, at most every 5 s. A key that its issuer withdraws verifies for 10 minutes at most, or until `purge()`.
 * When the URL does not answer, the keys last fetched serve for one more hour, withdrawn ones too.
 *
 * Refuses a token that is bound to a key (`cnf`, by DPoP or mutual TLS), always: as a bearer token it would be worth as much
 * to a thief, and no proof is checked here.
 *
 * Does not check: whether the token was revoked (the server does; a token says the same each time, so it is not looked at again
 * while the socket stands), `nonce`, `azp`, whether a user or a client itself stands
 * behind `sub` (RFC 9068 section 5; `claims` can tell), and whether an ID token is used as an access token: set `profile:
 * 'at+jwt'` where the issuer keeps RFC 9068, or `typ`. Revocations are remembered for `maxLifetimeSeconds` plus the leeway,
 * so an issuer whose tokens live longer and carry no `iat` is not for this strategy.
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
 * @example
 * jwt({
 *   issuers: {
 *     'https://login.example': { keys: 'https://login.example/jwks.json', profile: 'at+jwt' },
 *     'https://partner.example': { keys: partnerPublicKey, audience: 'chat-partners' },
 *   },
 *   audience: 'chat',
 * })
 *
 * @see RFC 7519 section 7.2, RFC 8725 section 3, RFC 9068, RFC 9449 section 7.1; subpath `portcullis/strategies/jwt`
 */
export function jwt<Claims = JwtClaims, const Scheme extends string = 'jwt'>(
  options: JwtOptions<Claims, Scheme> | JwtIssuersOptions<Claims, Scheme>,
): JwtStrategy<Identity<Scheme, Claims>> {
  const settings = settingsOf(options)
  const { claims, from, scheme, leewaySeconds, maxLifetimeSeconds, clock } = settings
  const issuers = trustedIssuers(settings.trust, settings)
  const verified = createVerifiedTokens()

  /** Everything about a token but its time. */
  async function verify(token: string): Promise<VerifiedToken> {
    const jws = parseStrictJws(token)
    const issuer = issuers.of(jws)
    const key = await verifySignature(token, jws, issuer.keys)
    checkType(jws.header, issuer.typ)
    const payload = parseStrictJson(jws.payload) ?? refuse('payload')
    const digest = own(payload, 'jti') === undefined ? digestOf(jws) : ''
    const found = { payload, digest, issuer, alg: jws.alg, kid: jws.kid, key }
    verified.keep(token, found, jws.payload)
    return found
  }

  return Object.freeze({
    scheme: scheme as Scheme,
    from,
    issuers: issuers.names,
    // A lease outlives `exp` by the leeway, and a revocation must outlive the lease.
    maxLifetimeSeconds: maxLifetimeSeconds + leewaySeconds,
    async authenticate(handshake, connect) {
      const token = readOne(from, handshake, connect)
      if (token === null) return null
      const known = verified.find(token)
      const { payload, digest, issuer: of } = (known instanceof Promise ? await known : known) ?? (await verify(token))
      const { expected } = of
      const { subject, tokenId = digest, issuedAt = 0, expiresAt } = checkClaims(payload, expected, clock.now() / 1000)
      const { issuer } = expected
      const sid = own(payload, 'sid')
      return {
        identity: { scheme: scheme as Scheme, issuer, subject, claims: await parseClaims(claims, payload) },
        lease: { id: tokenId, issuedAt, expiresAt: expiresAt + leewaySeconds },
        revocableBy: [{ tokenId }, ...(isName(sid) ? [providerSession(issuer, sid)] : [])],
      }
    },
    purge() {
      verified.clear()
      issuers.purge()
    },
  } satisfies JwtStrategy<Identity<Scheme, Claims>>)
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
