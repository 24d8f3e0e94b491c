/** Access tokens that only their authorization server can read, as a credential: it is asked about each (RFC 7662). */

import { createHash } from 'node:crypto'
import type { Identity } from '../core/identity.ts'
import type { StandardSchemaV1 } from '../core/standard-schema.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { type Answer, createAnswerCache } from '../outbound/cache.ts'
import { MAX_CREDENTIAL_BYTES, readOne } from './from.ts'
import { type CheckedToken, checkAnswer, expiryOf, refuse } from './introspection-answer.ts'
import {
  type IntrospectionClaims,
  type IntrospectionOptions,
  type IntrospectionSettings,
  settingsOf,
} from './introspection-options.ts'
import { createIntrospection } from './introspection-request.ts'
import { revalidating } from './revalidated.ts'
import type { JsonObject } from './strict-json.ts'

export type { ClientKey } from './introspection-client.ts'
export type { IntrospectionClaims, IntrospectionOptions } from './introspection-options.ts'

/** A strategy that can forget what it was told. */
export interface IntrospectionStrategy<I extends Identity = Identity> extends Strategy<I> {
  /** Forgets every answer, also those under way: the next token is asked about. Needed only with `cacheSeconds`. */
  purge(): void
}

/** RFC 6749 appendix A.12, without the space: in a header it would end the token. */
const ACCESS_TOKEN = /^[\x21-\x7e]+$/
/** A token may be known to one node of the server a moment before another. Seconds. */
const MAX_INACTIVE_SECONDS = 5

/**
 * Recognises a bearer token, opaque or not, of which an authorization server says that it is active. Reads
 * `Authorization: Bearer`, or `auth.token` of the CONNECT packet, unless `from` says otherwise.
 *
 * The answer must name `audience` and a user; `iss`, `exp`, `nbf`, `token_type` and `scope` are checked where they are
 * there. Refused: refresh tokens and ID tokens, as far as the answer shows what they are; tokens of clients without a user;
 * tokens bound to a key or certificate (`cnf`), because no proof is read. The lease ends with `exp`, after `leaseSeconds` or
 * with `maxLifetimeSeconds`, whichever is first. Its id, by which `auth.revoke({ tokenId })` ends it, is `jti`; for a token
 * without one its SHA-256 as 64 hexadecimal digits. A token without `iat` counts as issued at 0, so that every revocation of
 * its subject covers it.
 *
 * Those who present one token at once share a question. Nothing is kept unless `cacheSeconds` says so, and then by this
 * strategy alone, under the token's SHA-256.
 *
 * Every `revalidateEveryMs` the server is asked again, once for all sockets of a token: when it is no longer active they are
 * closed, other claims count from then on, and the lease begins anew.
 *
 * Does not check: a user that the server gives
 * to a client (a service account); signatures of answers (RFC 9701).
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: AUTH_CREDENTIAL_INVALID (not active, or not what is expected), AUTH_EXPIRED (`exp`
 * is over), AUTH_INSUFFICIENT_SCOPE (`scopes`), AUTH_UNAVAILABLE (no answer, a malformed one, another status than 200; this
 * server's own credentials were refused), AUTH_ERROR (the schema threw)
 *
 * @example
 * introspection({
 *   endpoint: 'https://login.example/introspect',
 *   clientId: 'chat',
 *   clientSecret: secret,
 *   issuer: 'https://login.example',
 *   audience: 'https://chat.example',
 * })
 *
 * @see RFC 7662 section 2, RFC 9068 section 5; subpath `portcullis/strategies/introspection`
 */
export function introspection<Claims = IntrospectionClaims, const Scheme extends string = 'introspection'>(
  options: IntrospectionOptions<Claims, Scheme>,
): IntrospectionStrategy<Identity<Scheme, Claims>> {
  // Without a prototype, so that a polluted one configures nothing.
  const settings = settingsOf(Object.assign(Object.create(null), options))
  const { from, call, proof, expected, clock } = settings
  const introspect = createIntrospection(call, proof, clock)
  const answers = createAnswerCache<Asked>({ now: clock.now })

  async function ask(token: string): Promise<Answer<Asked>> {
    const askedAt = clock.now() / 1000
    const { token: answer, bytes } = await introspect(token)
    const until = keepUntil(answer, askedAt, settings)
    return { value: { answer, askedAt }, keepUntil: until, negative: answer === null, bytes }
  }

  const again = revalidating({ everyMs: settings.revalidateEveryMs, look, atOnce: settings.revalidateAtOnce })

  async function look(token: string): Promise<Authentication<Identity<Scheme, Claims>>> {
    const digest = createHash('sha256').update(token).digest('hex')
    const { answer, askedAt } = await answers.load(digest, () => ask(token))
    if (answer === null) refuse('inactive')
    // For a remembered answer too: time has passed since.
    const checked = checkAnswer(answer, expected, clock.now() / 1000)
    // A server may use the token as its own id.
    const id = checked.tokenId === undefined || checked.tokenId === token ? digest : checked.tokenId
    const claims = (await claimsOf(answer, checked, settings.claims)) as Claims
    return authenticationOf<Scheme, Claims>(checked, claims, id, askedAt, settings)
  }

  return Object.freeze({
    scheme: settings.scheme as Scheme,
    from,
    issuers: Object.freeze([settings.expected.issuer]),
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    ...again.port,
    async authenticate(handshake, connect) {
      const token = readOne(from, handshake, connect)
      if (token === null) return null
      // Of sources, only those of this library bound what they read.
      if (token.length > MAX_CREDENTIAL_BYTES) refuse('too_long')
      if (!ACCESS_TOKEN.test(token)) refuse('not_ascii')
      return again.accepted(await look(token), token)
    },
    purge: answers.purge,
  } satisfies IntrospectionStrategy<Identity<Scheme, Claims>>)
}

/** An answer, null for "not active", and the epoch seconds just before the server was asked. */
interface Asked {
  readonly answer: JsonObject | null
  readonly askedAt: number
}

/** Until when an answer may be used again, epoch milliseconds: never when the lease that it gives would be over already. */
function keepUntil(answer: JsonObject | null, askedAt: number, settings: IntrospectionSettings): number | null {
  const { cacheSeconds, leaseSeconds } = settings
  if (cacheSeconds === 0) return null
  const limits =
    answer === null
      ? [askedAt + MAX_INACTIVE_SECONDS]
      : [askedAt + leaseSeconds, expiryOf(answer) ?? Number.POSITIVE_INFINITY]
  return Math.min(askedAt + cacheSeconds, ...limits) * 1000
}

async function claimsOf(
  answer: JsonObject,
  { scope, clientId }: CheckedToken,
  schema: StandardSchemaV1<unknown, unknown> | undefined,
): Promise<unknown> {
  if (schema === undefined) return { scope, ...(clientId === undefined ? {} : { client_id: clientId }) }
  const result = await validate(schema, answer)
  // The issues may quote members, so they go nowhere.
  if (result.issues !== undefined) refuse('claims')
  return result.value
}

async function validate(schema: StandardSchemaV1<unknown, unknown>, answer: JsonObject) {
  try {
    // A copy: others may share the answer, and a schema may give its input back.
    return await schema['~standard'].validate(structuredClone(answer))
  } catch (cause) {
    throw new AuthError('AUTH_ERROR', { reason: 'claims_schema_threw', cause })
  }
}

function authenticationOf<Scheme extends string, Claims>(
  { subject, issuedAt = 0, expiresAt = Number.POSITIVE_INFINITY }: CheckedToken,
  claims: Claims,
  id: string,
  askedAt: number,
  { scheme, expected, leaseSeconds, maxLifetimeSeconds, clock }: IntrospectionSettings,
): Authentication<Identity<Scheme, Claims>> {
  const now = clock.now() / 1000
  const leaseEnd = askedAt + leaseSeconds
  const lifetimeEnd = (issuedAt === 0 ? askedAt : issuedAt) + maxLifetimeSeconds
  if (lifetimeEnd <= now) throw new AuthError('AUTH_EXPIRED', { reason: 'max_lifetime' })
  return {
    identity: { scheme: scheme as Scheme, issuer: expected.issuer, subject, claims },
    // Dated ahead, a token would escape a revocation of this moment.
    lease: { id, issuedAt: Math.min(issuedAt, now), expiresAt: Math.min(leaseEnd, expiresAt, lifetimeEnd) },
    revocableBy: [{ tokenId: id }],
  }
}
