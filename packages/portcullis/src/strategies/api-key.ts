/** API keys of programs: a prefix to look up, which may be seen, and a secret of which only a digest is kept. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Identity } from '../core/identity.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { type ApiKeyOptions, type ApiKeyRecord, type ApiKeySettings, settingsOf } from './api-key-options.ts'
import { MAX_CREDENTIAL_BYTES, readOne } from './from.ts'
import { revalidating } from './revalidated.ts'

export type { ApiKeyOptions, ApiKeyRecord } from './api-key-options.ts'
export { fromApiKeyHeader } from './api-key-options.ts'

/** Claims of keys whose records have none. */
export type NoClaims = Readonly<Record<string, never>>

/** A new key, and what is kept of it. */
export interface CreatedApiKey {
  /** Shown to its owner once, and kept nowhere. */
  readonly key: string
  /** Where `find` finds the record. Not secret: it may stand in lists and logs. */
  readonly prefix: string
  /** For the record. */
  readonly hash: string
}

/** 128 bits in base64 are 22 characters; that a secret was drawn at random, nobody can see. */
const SECRET = /^[A-Za-z0-9-]{22,256}$/
const PREFIX_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/
const HASH = /^[0-9a-f]{64}$/
/** Compared with where there is no record, so that an unknown prefix costs what a wrong secret costs. */
const NO_HASH = '0'.repeat(64)

/**
 * Recognises `<prefix>_<secret>`: `find` gives the record of the prefix, and the key's SHA-256 is compared with the
 * record's in constant time. Reads `X-API-Key`, or `auth.apiKey` of the CONNECT packet, unless `from` says otherwise.
 *
 * The secret never reaches `find`. The lease ends after `leaseSeconds`, or with the record's `expiresAt`; its id, by which
 * `auth.revoke({ tokenId })` ends it, is the prefix. Every `revalidateEveryMs` the record is looked up again, once for all sockets of
 * a key: when it is gone, or has another hash, they are closed; what changed in it is in force, and the lease begins anew.
 *
 * Does not check: how long `find` takes for a prefix that exists and one that does not, and how often an address may try
 * (the server's limits do). SHA-256 suffices for secrets drawn at random, as `createApiKey` does; for passwords it is no good.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: AUTH_CREDENTIAL_INVALID (malformed, unknown, wrong), AUTH_EXPIRED (right but for
 * its age), AUTH_UNAVAILABLE (`find` failed or was slow), AUTH_ERROR (`find` answered something malformed)
 *
 * @example
 * apiKey({ find: (prefix) => keys.findOne({ prefix }) })
 *
 * @see OWASP ASVS 5.0 sections 6.5 and 11.2.4; subpath `portcullis/strategies/api-key`
 */
export function apiKey<Claims = NoClaims, const Scheme extends string = 'api-key'>(
  options: ApiKeyOptions<Claims, Scheme>,
): Strategy<Identity<Scheme, Claims>> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  const settings = settingsOf(own)
  const again = revalidating({ everyMs: settings.revalidateEveryMs, look })

  /** By the key's hash and, after it, its prefix: so much is kept of a key whose socket is connected. */
  async function look(handle: string): Promise<Authentication<Identity<Scheme, Claims>>> {
    const [hash, prefix] = [handle.slice(0, NO_HASH.length), handle.slice(NO_HASH.length)]
    const record = recordOf(await lookUp(prefix, settings))
    // Compared in any case, before anything is said about the record.
    const same = timingSafeEqual(Buffer.from(hash, 'hex'), Buffer.from(record?.hash ?? NO_HASH, 'hex'))
    if (record === null || !same) throw invalid('key')
    return authenticationOf<Scheme, Claims>(record as ApiKeyRecord<Claims>, prefix, settings)
  }

  return Object.freeze({
    scheme: settings.scheme as Scheme,
    from: settings.from,
    issuers: Object.freeze([settings.issuer]),
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    ...again.port,
    async authenticate(handshake, connect) {
      const key = readOne(settings.from, handshake, connect)
      if (key === null) return null
      const prefix = prefixOf(key, settings)
      const handle = hashOf(key) + prefix
      return again.accepted(await look(handle), handle)
    },
  } satisfies Strategy<Identity<Scheme, Claims>>)
}

/**
 * A new key `<prefixName>_<16 hex digits>_<64 hex digits>`: the digits are 64 bits that name it and 256 bits of secret.
 * `prefixName` says whose and what kind, such as `acme_live`, so that scanners find a key that was published by mistake.
 *
 * @throws TypeError when `prefixName` is not 1 to 40 letters, digits, `_` and `-`, beginning with a letter or digit
 *
 * @example
 * const { key, prefix, hash } = createApiKey('acme_live')
 * await keys.insert({ prefix, hash, subject: 'service-7' })
 */
export function createApiKey(prefixName: string): CreatedApiKey {
  if (typeof prefixName !== 'string' || !PREFIX_NAME.test(prefixName)) {
    throw new TypeError('"prefixName" must be 1 to 40 letters, digits, "_" and "-", beginning with a letter or digit')
  }
  const prefix = `${prefixName}_${randomBytes(8).toString('hex')}`
  const key = `${prefix}_${randomBytes(32).toString('hex')}`
  return { key, prefix, hash: hashOf(key) }
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** What stands before the last underscore: a prefix may contain some, a secret does not. */
function prefixOf(key: string, { isPrefix }: ApiKeySettings): string {
  // Of sources, only those of this library bound what they read.
  if (key.length > MAX_CREDENTIAL_BYTES) throw invalid('too_long')
  const at = key.lastIndexOf('_')
  const prefix = key.slice(0, Math.max(0, at))
  if (at === -1 || !isPrefix(prefix) || !SECRET.test(key.slice(at + 1))) throw invalid('malformed')
  return prefix
}

function lookUp(prefix: string, { find, clock, findTimeoutMs }: ApiKeySettings): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      const cause = new Error(`find did not answer within ${findTimeoutMs} ms`)
      reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'find_timeout', cause }))
    }, findTimeoutMs)
    const fail = (cause: unknown) => {
      reject(AuthError.is(cause) ? cause : new AuthError('AUTH_UNAVAILABLE', { reason: 'find_failed', cause }))
    }
    Promise.resolve(prefix).then(find).then(resolve, fail).finally(cancel)
  })
}

function recordOf(found: unknown): ApiKeyRecord | null {
  if (found === null || found === undefined) return null
  const record: ApiKeyRecord = Object.assign(Object.create(null), found)
  const { hash, subject, issuedAt = 0, expiresAt = null } = record
  const sound =
    typeof hash === 'string' &&
    HASH.test(hash) &&
    typeof subject === 'string' &&
    subject !== '' &&
    Number.isFinite(issuedAt) &&
    issuedAt >= 0 &&
    (expiresAt === null || Number.isFinite(expiresAt))
  if (!sound) throw new AuthError('AUTH_ERROR', { reason: 'find_answer_malformed' })
  return record
}

function authenticationOf<Scheme extends string, Claims>(
  { subject, claims, issuedAt = 0, expiresAt = null }: ApiKeyRecord<Claims>,
  prefix: string,
  { scheme, issuer, leaseSeconds, clock }: ApiKeySettings,
): Authentication<Identity<Scheme, Claims>> {
  const now = clock.now() / 1000
  if (expiresAt !== null && expiresAt <= now) throw new AuthError('AUTH_EXPIRED', { reason: 'key' })
  return {
    // A copy: the server freezes it, and the record is the application's.
    identity: { scheme: scheme as Scheme, issuer, subject, claims: structuredClone(claims ?? ({} as Claims)) },
    // Dated ahead, a key would escape a revocation of this moment.
    lease: {
      id: prefix,
      issuedAt: Math.min(issuedAt, now),
      expiresAt: Math.min(now + leaseSeconds, expiresAt ?? Number.POSITIVE_INFINITY),
    },
    revocableBy: [{ tokenId: prefix }],
  }
}

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}
