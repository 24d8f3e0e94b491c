/** The credentials of a simulation: opaque tokens, of which the issuer knows everything. */

import { createHash } from 'node:crypto'
import { AuthError, type Identity, type Strategy } from 'portcullis'
import { fromAuth, fromAuthorization, readOne } from 'portcullis/strategies/from'

export const ISSUER = 'https://issuer.example'

/** Times are epoch seconds. */
export interface Token {
  readonly value: string
  readonly subject: string
  readonly session: string
  readonly issuedAt: number
  readonly expiresAt: number | null
  /** The names under which a revocation reaches it, worked out here once more. */
  readonly names: readonly string[]
}

export type Holder = Identity<'token', { readonly token: string }>

export function subjectName(subject: string): string {
  return `subject:${JSON.stringify([ISSUER, subject])}`
}

export function sessionName(session: string): string {
  return `session:${createHash('sha256').update(session).digest('base64url')}`
}

export interface Tokens {
  issue(subject: string, session: string, issuedAt: number, expiresAt: number | null): Token
  get(value: string): Token | undefined
}

export function createTokens(): Tokens {
  const tokens = new Map<string, Token>()
  return {
    issue(subject, session, issuedAt, expiresAt) {
      const value = `token-${tokens.size}`
      const names = [subjectName(subject), sessionName(session), `token:${value}`]
      const token = { value, subject, session, issuedAt, expiresAt, names }
      tokens.set(value, token)
      return token
    },
    get: (value) => tokens.get(value),
  }
}

/** A strategy that takes its time. */
export function tokenStrategy(tokens: Tokens, delay: () => Promise<void>): Strategy<Holder> {
  const from = [fromAuthorization(), fromAuth('token')]
  return {
    scheme: 'token',
    from,
    maxLifetimeSeconds: 3_600,
    async authenticate(handshake, connect) {
      const value = readOne(from, handshake, connect)
      if (value === null) return null
      await delay()
      const token = tokens.get(value)
      if (token === undefined) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'unknown' })
      const { subject, session, issuedAt, expiresAt } = token
      return {
        identity: { scheme: 'token', issuer: ISSUER, subject, claims: { token: value } },
        lease: { id: value, issuedAt, expiresAt },
        revocableBy: [{ session }, { tokenId: value }],
      }
    },
  }
}
