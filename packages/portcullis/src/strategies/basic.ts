/** User name and password of HTTP's Basic authentication, as a credential. */

import { createHash } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { Handshake } from '../core/handshake.ts'
import type { Identity } from '../core/identity.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { createAttempts } from './basic-attempts.ts'
import { parseBasic } from './basic-credentials.ts'
import { type BasicOptions, type BasicSettings, type BasicSubject, settingsOf } from './basic-options.ts'
import { createVerify } from './basic-verify.ts'
import { fromAuthorization, readOne } from './from.ts'

export type { BasicOptions, BasicSubject } from './basic-options.ts'

/** Claims of those for whom `verify` gives none. */
export type NoClaims = Readonly<Record<string, never>>

/** A password dated further ahead is a mistake, such as milliseconds for seconds. */
const SKEW_SECONDS = 60

/**
 * Recognises `Authorization: Basic`, and asks `verify` whose name and password they are.
 *
 * Refused unless the request came over TLS, or from this host; behind a proxy on this host, list it in `trustedProxies`, else
 * all its clients look local. Browsers send the header by themselves, so the door demands proof of the page's origin, as for
 * cookies. The lease ends after `leaseSeconds`. `auth.revoke({ issuer, subject })` ends it at once.
 *
 * After five wrong passwords for one name from one address within 15 minutes, no more are checked of that name from there: by
 * the two together, so that nobody can lock out somebody who is elsewhere. So a guess may be made from each of many addresses;
 * whoever fears that counts by name in `verify` too. Up to 10,000 such pairs are remembered, in this process.
 *
 * Does not check: whether `verify` takes as long for unknown names, and whether the password was changed after it was checked: to look
 * again, it would have to be kept for as long as the socket stands.
 * Names and passwords are passed on as they came, without Unicode normalisation.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: AUTH_CREDENTIAL_INVALID (malformed, unknown, wrong), AUTH_FORBIDDEN (unencrypted),
 * AUTH_RATE_LIMITED (too many wrong ones), AUTH_UNAVAILABLE (`verify` failed, was slow, or is asked too often at once), AUTH_ERROR
 * (`verify` answered something malformed)
 *
 * @example
 * basic({
 *   verify: async (username, password) => {
 *     const user = await users.findByName(username)
 *     const right = await verifyHash(user?.passwordHash ?? DUMMY_HASH, password)
 *     return user && right ? { subject: user.id } : null
 *   },
 * })
 *
 * @see RFC 7617 section 2; subpath `portcullis/strategies/basic`
 */
export function basic<Claims = NoClaims, const Scheme extends string = 'basic'>(
  options: BasicOptions<Claims, Scheme>,
): Strategy<Identity<Scheme, Claims>> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  const settings = settingsOf(own)
  const verify = createVerify(settings)
  const limitAttempts = createAttempts(settings)
  const from = Object.freeze([fromAuthorization('Basic')])
  return Object.freeze({
    scheme: settings.scheme as Scheme,
    from,
    issuers: Object.freeze([settings.issuer]),
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    async authenticate(handshake, connect) {
      const presented = readOne(from, handshake, connect)
      if (presented === null) return null
      // Another password would change nothing, so not a 401, upon which browsers ask for one.
      if (!settings.allowInsecure && !isPrivate(handshake)) {
        throw new AuthError('AUTH_FORBIDDEN', { reason: 'insecure_transport' })
      }
      const credentials = parseBasic(presented)
      return limitAttempts(handshake.address.address, credentials.username, async () => {
        const found = await verify(credentials)
        // One reason for unknown names and wrong passwords.
        if (found === null) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'credentials' })
        return authenticationOf<Scheme, Claims>(found as BasicSubject<Claims>, settings)
      })
    },
  } satisfies Strategy<Identity<Scheme, Claims>>)
}

/** Encrypted, or never on a network. */
function isPrivate({ secure, address: { address } }: Handshake): boolean {
  const ipv4 = address.toLowerCase().startsWith('::ffff:') ? address.slice(7) : address
  return secure || address === '::1' || (isIPv4(ipv4) && ipv4.startsWith('127.'))
}

function authenticationOf<Scheme extends string, Claims>(
  found: unknown,
  { scheme, issuer, leaseSeconds, clock }: BasicSettings,
): Authentication<Identity<Scheme, Claims>> {
  const now = clock.now() / 1000
  const {
    subject,
    issuedAt = 0,
    claims = {},
  }: Partial<Record<string, unknown>> = Object.assign(Object.create(null), found)
  const dated = typeof issuedAt === 'number' && issuedAt >= 0 && issuedAt <= now + SKEW_SECONDS
  if (typeof subject !== 'string' || subject === '' || !dated) {
    throw new AuthError('AUTH_ERROR', { reason: 'verify_answer_malformed' })
  }
  return {
    // A copy: the server freezes it, and `verify` may have answered with an object of the application.
    identity: { scheme: scheme as Scheme, issuer, subject, claims: structuredClone(claims) as Claims },
    // Dated ahead, a password would escape a revocation of this moment.
    lease: { id: leaseId(issuer, subject), issuedAt: Math.min(issuedAt, now), expiresAt: now + leaseSeconds },
  }
}

/** Of the principal, not of the password: a digest of one can be guessed. */
function leaseId(issuer: string, subject: string): string {
  return createHash('sha256')
    .update(JSON.stringify(['basic', issuer, subject]))
    .digest('base64url')
    .slice(0, 22)
}
