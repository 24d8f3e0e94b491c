/** The identity that an authenticating proxy writes into request headers, as a credential. */

import { createHash } from 'node:crypto'
import { addressRanges } from '../address-ranges.ts'
import type { Clock } from '../core/clock.ts'
import type { CredentialSource, Handshake } from '../core/handshake.ts'
import type { Identity } from '../core/identity.ts'
import type { Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { knownOptions, positive, systemClock, text } from '../option-checks.ts'
import { MAX_CREDENTIAL_BYTES } from './from.ts'

/** Options of `trustedHeaders`; `proxies` and `subject` are required. */
export interface TrustedHeadersOptions<Name extends string = never, Scheme extends string = 'trusted-headers'> {
  /**
   * The addresses, or ranges in CIDR notation, of the proxies that are believed. Compared with the other end of the TCP
   * connection, never with what a header says. Not every address there is: a range must not have the prefix length 0.
   */
  readonly proxies: readonly string[]
  /** The header that holds the subject, such as `x-forwarded-user`. */
  readonly subject: string
  /** Claims, each by the header that holds it. A header that is not there leaves its claim out. Default none. */
  readonly claims?: Readonly<Record<Name, string>>
  /** The header with the moment of the login in epoch seconds, such as one filled from OpenID Connect's `auth_time`. */
  readonly issuedAt?: string
  /**
   * Whether the proxy itself goes by something that browsers attach unasked, such as a cookie, a client certificate or
   * Kerberos. Then a page's `Origin` must be listed, or any page could connect as its visitor. Default true.
   */
  readonly ambient?: boolean
  /** Whose subjects these are. Default `trusted-headers`. */
  readonly issuer?: string
  /** Default `trusted-headers`. */
  readonly scheme?: Scheme
  /** Seconds after which the proxy must vouch anew, by a new connection. Default 3600. */
  readonly leaseSeconds?: number
  /** Seconds that a login lasts at most; revocations are remembered this long. Default 86,400, which is one day. */
  readonly maxLifetimeSeconds?: number
  /** For tests. Default: the system's. */
  readonly clock?: Pick<Clock, 'now'>
}

/** What the claims' headers held, decoded. */
export type HeaderClaims<Name extends string> = { readonly [N in Name]?: string }

const OPTIONS = new Set(
  'proxies subject claims issuedAt ambient issuer scheme leaseSeconds maxLifetimeSeconds clock'.split(' '),
)
/** RFC 9110 section 5.1: a field name is a token. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u
const MAX_SUBJECT_LENGTH = 256
/** A login dated further ahead is a mistake, such as milliseconds for seconds. */
const SKEW_SECONDS = 60
const UTF8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Believes the headers of a proxy that has authenticated the request (oauth2-proxy, Authelia, an identity-aware load balancer),
 * when the TCP connection comes from one of `proxies`. From any other address the same headers are no credential, and the
 * next strategy is asked.
 *
 * The proxy must overwrite these headers, or drop them from what clients send. A subject with a comma is refused, since
 * that is how Node joins a header that was added to a client's own. Values are read as UTF-8. A login without `issuedAt`
 * counts as issued at 0, so that every revocation of its subject covers it.
 *
 * Does not check: anything about the user, and that clients cannot reach this server around the proxy from the same network. What the
 * proxy said of the handshake it says once: there is nothing to look at again while the socket stands, so keep the lease short.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: AUTH_CREDENTIAL_INVALID (a header that cannot be read as one value), AUTH_EXPIRED
 * (the login is older than `maxLifetimeSeconds`)
 *
 * @example
 * trustedHeaders({ proxies: ['10.0.0.5'], subject: 'x-forwarded-user', claims: { email: 'x-forwarded-email' } })
 *
 * @see RFC 9110 section 5.3 (repeated fields); subpath `portcullis/strategies/trusted-headers`
 */
export function trustedHeaders<const Name extends string = never, const Scheme extends string = 'trusted-headers'>(
  options: TrustedHeadersOptions<Name, Scheme>,
): Strategy<Identity<Scheme, HeaderClaims<Name>>> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  knownOptions(own, OPTIONS, 'trustedHeaders')
  const isProxy = requireProxies(own.proxies)
  const subjectHeader = headerName(own.subject, 'subject')
  const dateHeader = own.issuedAt === undefined ? null : headerName(own.issuedAt, 'issuedAt')
  const claimHeaders = Object.entries<unknown>(own.claims ?? {}).map(
    ([claim, header]) => [claim, headerName(header, `claims.${claim}`)] as const,
  )
  const { ambient = true, clock = systemClock } = own
  if (typeof ambient !== 'boolean') throw new TypeError('"ambient" must be true or false')
  const issuer = text(own.issuer ?? 'trusted-headers', 'issuer')
  const scheme = text(own.scheme ?? 'trusted-headers', 'scheme') as Scheme
  const leaseSeconds = positive(own.leaseSeconds ?? 3600, 'leaseSeconds')
  const maxLifetimeSeconds = positive(own.maxLifetimeSeconds ?? 86_400, 'maxLifetimeSeconds')

  const sources = [subjectHeader, ...claimHeaders.map(([, header]) => header)].map(
    (name): CredentialSource => ({
      in: 'header',
      name,
      ambient,
      read: (handshake) => (isProxy(handshake.peer) ? headerValue(handshake, name) : null),
    }),
  )
  const [subjectSource] = sources

  return Object.freeze({
    scheme,
    from: Object.freeze(sources),
    issuers: Object.freeze([issuer]),
    maxLifetimeSeconds,
    async authenticate(handshake, connect) {
      if (connect !== null) return null
      const subject = subjectSource?.read(handshake, null) ?? null
      // An empty header is how a proxy says that nobody has logged in.
      if (subject === null || subject === '') return null
      if (subject.length > MAX_SUBJECT_LENGTH || subject.includes(',')) throw invalid('subject')
      const now = clock.now() / 1000
      const issuedAt = dateHeader === null ? 0 : issuedAtOf(headerValue(handshake, dateHeader), now)
      const lifetimeEnd = (issuedAt === 0 ? now : issuedAt) + maxLifetimeSeconds
      if (lifetimeEnd <= now) throw new AuthError('AUTH_EXPIRED', { reason: 'max_lifetime' })
      return {
        identity: { scheme, issuer, subject, claims: claimsOf(handshake, claimHeaders) as HeaderClaims<Name> },
        lease: { id: leaseId(issuer, subject), issuedAt, expiresAt: Math.min(now + leaseSeconds, lifetimeEnd) },
      }
    },
  } satisfies Strategy<Identity<Scheme, HeaderClaims<Name>>>)
}

function requireProxies(proxies: readonly string[]): (address: string) => boolean {
  const isProxy = addressRanges(proxies, 'proxies')
  if (proxies.length === 0) throw new TypeError('"proxies" must name at least one address')
  if (proxies.some((range) => /\/0+$/.test(range))) {
    throw new TypeError('"proxies" must not hold every address there is: any client could then name its user')
  }
  return isProxy
}

function headerName(value: unknown, option: string): string {
  if (typeof value !== 'string' || !HEADER_NAME.test(value)) {
    throw new TypeError(`"${option}" must be the name of a header`)
  }
  return value.toLowerCase()
}

/** Null when the header is not there. Node gives the bytes of a header as Latin-1. */
function headerValue({ headers }: Handshake, name: string): string | null {
  const raw = Object.hasOwn(headers, name) ? headers[name] : undefined
  if (raw === undefined) return null
  if (typeof raw !== 'string') throw invalid('header_repeated')
  if (raw.length > MAX_CREDENTIAL_BYTES) throw invalid('too_long')
  let value: string
  try {
    value = UTF8.decode(Buffer.from(raw, 'latin1'))
  } catch {
    throw invalid('not_utf8')
  }
  if (UNPRINTABLE.test(value)) throw invalid('unprintable')
  return value
}

function claimsOf(handshake: Handshake, claimHeaders: readonly (readonly [string, string])[]): Record<string, string> {
  const claims: [string, string][] = []
  for (const [claim, header] of claimHeaders) {
    const value = headerValue(handshake, header)
    if (value !== null) claims.push([claim, value])
  }
  return Object.fromEntries(claims)
}

/** Whole seconds. Dated ahead, a login would escape a revocation of this moment. */
function issuedAtOf(value: string | null, now: number): number {
  if (value === null || !/^\d{1,12}$/.test(value) || Number(value) > now + SKEW_SECONDS) throw invalid('issued_at')
  return Math.min(Number(value), now)
}

function leaseId(issuer: string, subject: string): string {
  return createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('base64url')
    .slice(0, 22)
}

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}
