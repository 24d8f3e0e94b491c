/** Whom a verified token of an old API stands for. */

import { createHash } from 'node:crypto'
import type { LegacyPrincipal } from './legacy-identity.ts'
import type { VerifiedJwt } from './legacy-jwt.ts'

/** Old libraries asked for no `sub`, so applications named their users as they liked. The first that is there counts. */
const SUBJECTS = ['sub', 'id', 'userId', 'user_id', 'uid', '_id', 'username', 'email', 'name']

/** Subjects and token ids travel between nodes and into names: printable, well-formed and of bounded length. */
const MAX_NAME_LENGTH = 256
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u

/**
 * Seconds: ten years. Tokens without `exp` never end, so a revocation of one is remembered for as long as anything is in use
 * that was signed for an old library.
 */
export const LEGACY_LIFETIME_SECONDS = 10 * 365 * 86_400

/** The claims are a copy, because what the old API hands out may be changed by the application. */
export function legacyJwtPrincipal(library: string, token: string, jwt: VerifiedJwt): LegacyPrincipal {
  const { payload, expiresAt } = jwt
  const tokenId = nameOf(payload.jti)
  return {
    issuer: nameOf(payload.iss) ?? library,
    subject: subjectOf(payload) ?? digestOf(payload),
    claims: structuredClone(payload),
    issuedAt: typeof payload.iat === 'number' && Number.isFinite(payload.iat) ? payload.iat : 0,
    expiresAt,
    // Without the signature: of some algorithms many signatures fit one token.
    credential: token.slice(0, token.lastIndexOf('.')),
    ...(tokenId === null ? {} : { revocableBy: [{ tokenId }] }),
  }
}

function subjectOf(payload: Record<string, unknown>): string | null {
  for (const claim of SUBJECTS) {
    const name = Object.hasOwn(payload, claim) ? nameOf(payload[claim]) : null
    if (name !== null) return name
  }
  return null
}

function nameOf(value: unknown): string | null {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : null
  if (typeof value !== 'string' || value === '' || value.length > MAX_NAME_LENGTH) return null
  return UNPRINTABLE.test(value) ? null : value
}

/** A token that names nobody stands for whoever has these claims. */
function digestOf(payload: Record<string, unknown>): string {
  return createHash('sha256').update(JSON.stringify(payload)).digest('base64url').slice(0, 22)
}
