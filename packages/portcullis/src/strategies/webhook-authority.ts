/** The authority that follows from what a back end answered: whose it is, until when, and by what names it ends. */

import type { Clock } from '../core/clock.ts'
import type { Identity } from '../core/identity.ts'
import type { StandardSchemaV1 } from '../core/standard-schema.ts'
import type { Authentication } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { malformed, type Permit } from './webhook-answer.ts'

/** Whose subjects these are, what their claims must be, and how long an answer holds. */
export interface AuthorityTerms {
  readonly scheme: string
  readonly issuer: string
  readonly claims: StandardSchemaV1 | undefined
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly clock: Pick<Clock, 'now'>
}

/** A login may be dated this much ahead of this server's clock. */
const SKEW_SECONDS = 60

/**
 * The authority that a permit of a back end stands for. `askedAt` is epoch seconds; `digest` names the lease where the back end
 * does not, and its token.
 *
 * @throws AuthError AUTH_EXPIRED when it has ended; AUTH_UNAVAILABLE when it cannot be; AUTH_ERROR when the schema threw
 */
export async function authorityOf<Scheme extends string, Claims>(
  { subject, claims, issuedAt = 0, expiresAt = Number.POSITIVE_INFINITY, session, tokenId }: Permit,
  askedAt: number,
  digest: string,
  terms: AuthorityTerms,
): Promise<Authentication<Identity<Scheme, Claims>>> {
  const { scheme, issuer, leaseSeconds, maxLifetimeSeconds, clock } = terms
  const now = clock.now() / 1000
  if (issuedAt > now + SKEW_SECONDS) malformed('"issuedAt"')
  const lifetimeEnd = (issuedAt === 0 ? askedAt : issuedAt) + maxLifetimeSeconds
  const end = Math.min(expiresAt, lifetimeEnd)
  if (end <= now) throw new AuthError('AUTH_EXPIRED', { reason: 'answer' })
  const id = tokenId ?? digest
  return {
    identity: {
      scheme: scheme as Scheme,
      issuer,
      subject,
      // A copy, because an answer that is remembered is given out several times.
      claims: await parseClaims<Claims>(terms.claims, structuredClone(claims)),
    },
    // Dated ahead, a login would escape a revocation of this moment.
    lease: { id, issuedAt: Math.min(issuedAt, now), expiresAt: Math.min(askedAt + leaseSeconds, end) },
    revocableBy: [{ tokenId: id }, ...(session === undefined ? [] : [{ session }])],
  }
}

async function parseClaims<Claims>(schema: StandardSchemaV1 | undefined, claims: unknown): Promise<Claims> {
  // Without a schema, `Claims` is `WebhookClaims`; with one, it is what the schema gives.
  if (schema === undefined) return claims as Claims
  const result = await validate(schema, claims)
  // The issues may quote claims, so they go nowhere.
  if (result.issues !== undefined) malformed('"claims"')
  return result.value as Claims
}

async function validate(schema: StandardSchemaV1, claims: unknown) {
  try {
    return await schema['~standard'].validate(claims)
  } catch (cause) {
    throw new AuthError('AUTH_ERROR', { reason: 'claims_schema_threw', cause })
  }
}
