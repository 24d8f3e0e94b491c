/** Who an old library has let in: an identity of scheme `legacy`, so that policies and logs can tell it from the others. */

import { createHash } from 'node:crypto'
import type { Authentication, Identity } from 'portcullis'

/** `issuer` is the token's own where it has one, else the name of the old library. */
export type LegacyIdentity<Claims = unknown> = Identity<'legacy', Claims>

/** What a facade has found out about a principal. */
export interface LegacyPrincipal<Claims = unknown> {
  readonly issuer: string
  readonly subject: string
  readonly claims: Claims
  /** Epoch seconds. Default 0, "unknown": every revocation of the subject then covers it. */
  readonly issuedAt?: number
  /** Epoch seconds; null where the old library knew no end. */
  readonly expiresAt: number | null
  /** What the credential was, of which the lease's id is a digest. */
  readonly credential: string
  readonly revocableBy?: Authentication['revocableBy']
  /** What the strategy needs to look at it again. */
  readonly handle?: unknown
}

export function legacyAuthentication<Claims>(
  principal: LegacyPrincipal<Claims>,
): Authentication<LegacyIdentity<Claims>> {
  const { issuer, subject, claims, issuedAt = 0, expiresAt, credential, revocableBy, handle } = principal
  const id = createHash('sha256').update(`legacy:${credential}`).digest('base64url').slice(0, 22)
  return {
    identity: { scheme: 'legacy', issuer, subject, claims },
    lease: { id, issuedAt, expiresAt },
    ...(revocableBy === undefined ? {} : { revocableBy }),
    ...(handle === undefined ? {} : { handle }),
  }
}
