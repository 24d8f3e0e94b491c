/** Opaque OAuth access tokens that an authorization server keeps in Postgres, as a credential. */

import { createHash } from 'node:crypto'
import type { Identity } from '../core/identity.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { createBatch, type Found, type Row } from './access-token-batch.ts'
import {
  type AccessTokenOptions,
  type AccessTokenSettings,
  type AccessTokenSubject,
  settingsOf,
} from './access-token-options.ts'
import { MAX_CREDENTIAL_BYTES, readOne } from './from.ts'
import { checkedSubject } from './identified.ts'
import { revalidating } from './revalidated.ts'

export type {
  AccessTokenDatabase,
  AccessTokenOptions,
  AccessTokenRow,
  AccessTokenStatement,
  AccessTokenSubject,
} from './access-token-options.ts'

/** Claims of a token whose `identify` gives none. */
export type NoClaims = Readonly<Record<string, never>>

/** RFC 6749 appendix A.12: printable ASCII. Anything else, a NUL foremost, would fail in Postgres or mean something else. */
const ACCESS_TOKEN = /^[\x20-\x7e]+$/

/**
 * Recognises a bearer token that stands in a table of Postgres, `oauth_access_tokens` unless `table` or `query` says
 * otherwise. Reads `Authorization: Bearer`, or `auth.token` of the CONNECT packet, unless `from` says otherwise.
 *
 * One prepared statement, which only selects; a role that may select these columns suffices. Those who ask for one token at
 * once share a query, and all tokens of one turn of the event loop share a round trip. Nothing is cached. A token has expired
 * when the database's clock says so. The lease ends with the token, after `leaseSeconds` or with `maxLifetimeSeconds`,
 * whichever is first; its id, by which `auth.revoke({ tokenId })` ends it, is `accessTokenId(token)`. Every `revalidateEveryMs` the
 * token is looked up again, once for all of its sockets: when its row is gone they are closed, what changed in it is in force,
 * and the lease begins anew.
 *
 * Does not check: scopes, audience and client, which are the rules' to read from `claims`; and proof of possession. A column `expires` without time zone is read in the time zone of
 * the database session.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: AUTH_CREDENTIAL_INVALID (unknown, expired, found twice, of nobody), AUTH_EXPIRED
 * (`query` gave a row whose time is over), AUTH_UNAVAILABLE (the database failed or was slow), AUTH_ERROR (`query` or
 * `identify` answered something malformed)
 *
 * @example
 * accessToken({
 *   pool,
 *   columns: ['scope'],
 *   identify: (row) => ({ subject: String(row.user_id), claims: { scope: String(row.scope) } }),
 * })
 *
 * @see RFC 6750 section 2.1; subpath `portcullis/strategies/access-token`
 */
export function accessToken<Claims = NoClaims, const Scheme extends string = 'access-token'>(
  options: AccessTokenOptions<Claims, Scheme>,
): Strategy<Identity<Scheme, Claims>> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  const settings = settingsOf(own)
  const identify = own.identify ?? identifyByUserId
  const { hash, clock } = settings
  const lookUp = createBatch({
    ask: asking(settings),
    keyOf: (row) => row.access_token,
    timeoutMs: settings.queryTimeoutMs,
    clock,
  })
  const again = revalidating({ everyMs: settings.revalidateEveryMs, look })

  /** By what the table has: the token, or its hash. */
  async function look(key: string): Promise<Authentication<Identity<Scheme, Claims>>> {
    const found = liveRow(await lookUp(key))
    const { access_token: _, ...row } = found.row
    const subject = (await identify(Object.freeze(row))) as AccessTokenSubject<Claims> | null
    if (subject === null) throw invalid('nobody')
    return authenticationOf<Scheme, Claims>(subject, hash === 'sha256' ? key : accessTokenId(key), found, settings)
  }

  return Object.freeze({
    scheme: settings.scheme as Scheme,
    from: settings.from,
    issuers: Object.freeze([settings.issuer]),
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    ...again.port,
    async authenticate(handshake, connect) {
      const token = readOne(settings.from, handshake, connect)
      if (token === null) return null
      // Of sources, only those of this library bound what they read.
      if (token.length > MAX_CREDENTIAL_BYTES) throw invalid('too_long')
      if (!ACCESS_TOKEN.test(token)) throw invalid('not_ascii')
      const key = hash === 'sha256' ? accessTokenId(token) : token
      return again.accepted(await look(key), key)
    },
  } satisfies Strategy<Identity<Scheme, Claims>>)
}

/**
 * The id of a token's lease: its SHA-256 as 64 hexadecimal digits, which is also what `hash: 'sha256'` expects in the table.
 *
 * @example await auth.revoke({ tokenId: accessTokenId(token) })
 */
export function accessTokenId(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function asking({ pool, query, queryTimeoutMs }: AccessTokenSettings) {
  // One name for one text: pools refuse to prepare another text under it.
  const name = `portcullis_${createHash('sha256').update(query).digest('hex').slice(0, 16)}`
  return async (keys: readonly string[]): Promise<readonly Row[]> => {
    const { rows } = await pool.query({ name, text: query, values: [keys], query_timeout: queryTimeoutMs })
    return rows.filter((row): row is Row => typeof row === 'object' && row !== null)
  }
}

interface LiveRow {
  readonly row: Row
  readonly askedAt: number
  readonly endsAt: number
}

/** The one row of a token that still lives. Only rows under exactly this key arrive here, whatever the column's collation. */
function liveRow({ rows, askedAt }: Found): LiveRow {
  const [row, second] = rows
  if (row === undefined) throw invalid('token_unknown')
  if (second !== undefined) throw invalid('token_ambiguous')
  if (!Object.hasOwn(row, 'user_id') || !Object.hasOwn(row, 'expires_in')) {
    throw new AuthError('AUTH_ERROR', { reason: 'query_columns' })
  }
  if (row.user_id === null || row.user_id === '') throw invalid('no_user')
  if (row.expires_in === null || row.expires_in === '') throw invalid('no_expiry')
  const expiresIn = Number(row.expires_in)
  if (Number.isNaN(expiresIn)) throw new AuthError('AUTH_ERROR', { reason: 'query_columns' })
  if (expiresIn <= 0) throw new AuthError('AUTH_EXPIRED', { reason: 'token' })
  return { row, askedAt, endsAt: askedAt + expiresIn }
}

function identifyByUserId({ user_id }: Row): AccessTokenSubject<never> | null {
  const sound = typeof user_id === 'string' || typeof user_id === 'bigint' || Number.isSafeInteger(user_id)
  return sound ? { subject: String(user_id) } : null
}

function authenticationOf<Scheme extends string, Claims>(
  found: AccessTokenSubject<Claims>,
  id: string,
  { askedAt, endsAt }: LiveRow,
  { scheme, issuer, leaseSeconds, maxLifetimeSeconds, clock }: AccessTokenSettings,
): Authentication<Identity<Scheme, Claims>> {
  const { subject, claims, issuedAt } = checkedSubject(found, clock.now() / 1000)
  const lifetimeEnd = (issuedAt === 0 ? askedAt : issuedAt) + maxLifetimeSeconds
  if (lifetimeEnd <= askedAt) throw new AuthError('AUTH_EXPIRED', { reason: 'max_lifetime' })
  return {
    identity: { scheme: scheme as Scheme, issuer, subject, claims: claims as Claims },
    lease: { id, issuedAt, expiresAt: Math.min(askedAt + leaseSeconds, endsAt, lifetimeEnd) },
    revocableBy: [{ tokenId: id }],
  }
}

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}
