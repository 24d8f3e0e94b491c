/** Visitors without any credential, as identities of their own that rules can tell from users. */

import { randomBytes } from 'node:crypto'
import type { Handshake } from '../core/handshake.ts'
import type { Identity } from '../core/identity.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'

/** Who came without a credential. */
export type Anonymous = Identity<'anonymous', Readonly<Record<string, never>>>

/** Options of `anonymous`. */
export interface AnonymousOptions {
  /**
   * Seconds after which a visitor's socket ends with AUTH_EXPIRED; the next connection is a new visitor. Default: none, a
   * visitor stays until it leaves or is revoked.
   */
  readonly leaseSeconds?: number
}

/** How long a revocation is remembered for visitors; none can come back under the same subject. */
const ONE_DAY = 86_400

/**
 * Admits every connection whose HTTP request carries no credential, with issuer `anonymous` and a random subject. Put it
 * last: it takes all that the strategies before it leave, and what follows it is never asked about the request.
 *
 * The subject is new for each connection, and the same for all its namespaces. A fixed one would make all visitors one
 * principal: revoking one would end them all, and one might take over what another left, such as a recovered session. One
 * derived from the address would join strangers behind a proxy.
 *
 * A credential in the CONNECT packet counts before this identity, and a bad one is refused, here as everywhere: nobody
 * becomes a visitor by failing. A visitor has no authority but what the rules give to the scheme `anonymous`: check it.
 *
 * Does not check: anything, and nothing again while the socket stands. A client whose `auth` has a field that no strategy reads is a visitor too.
 *
 * @throws TypeError at once, when an option is malformed
 *
 * @example
 * createAuth({ origins, strategies: [jwt({ issuer, audience, keys }), anonymous()] })
 *
 * @see RFC 4505 (the anonymous mechanism of SASL); subpath `portcullis/strategies/anonymous`
 */
export function anonymous(options: AnonymousOptions = {}): Strategy<Anonymous> {
  const unknown = Object.keys(options).find((name) => name !== 'leaseSeconds')
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not an option of anonymous()`)
  const leaseSeconds = Object.hasOwn(options, 'leaseSeconds') ? options.leaseSeconds : undefined
  if (leaseSeconds !== undefined && !(Number.isFinite(leaseSeconds) && leaseSeconds > 0)) {
    throw new TypeError('"leaseSeconds" must be a number above 0')
  }
  // A server makes one handshake per connection, and may ask again for a namespace that is joined late.
  const visitors = new WeakMap<Handshake, Authentication<Anonymous>>()
  return Object.freeze({
    scheme: 'anonymous',
    from: Object.freeze([]),
    maxLifetimeSeconds: leaseSeconds ?? ONE_DAY,
    async authenticate(handshake, connect) {
      if (connect !== null) return null
      const known = visitors.get(handshake)
      if (known !== undefined) return known
      const visitor = visitorOf(handshake.issued / 1000, leaseSeconds)
      visitors.set(handshake, visitor)
      return visitor
    },
  } satisfies Strategy<Anonymous>)
}

function visitorOf(issuedAt: number, leaseSeconds: number | undefined): Authentication<Anonymous> {
  const subject = randomBytes(16).toString('base64url')
  const expiresAt = leaseSeconds === undefined ? null : issuedAt + leaseSeconds
  return {
    identity: { scheme: 'anonymous', issuer: 'anonymous', subject, claims: {} },
    lease: { id: subject, issuedAt, expiresAt },
  }
}
