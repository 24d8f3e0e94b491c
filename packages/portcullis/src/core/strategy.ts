/** The port for credentials: recognise one, check it, and say who it stands for. */

import type { AuthError } from '../errors.ts'
import type { Connect, CredentialSource, Handshake } from './handshake.ts'
import type { Identity } from './identity.ts'
import type { Lease } from './lease.ts'
import type { RevocationKey } from './revocation.ts'

/** An identity and how long it holds. */
export interface Authentication<I extends Identity = Identity> {
  readonly identity: I
  readonly lease: Lease
  /**
   * Further names under which this authority can be revoked, such as `{ session }` or `{ tokenId }`. Issuer and subject
   * always count and need not be repeated.
   */
  readonly revocableBy?: readonly RevocationKey[]
  /**
   * What `revalidate` needs to look at this authority again, such as a session id. Kept in this process for as long as the
   * socket, and neither sent nor logged; what spreads an authentication into another drops it. Left out: this authority is not
   * looked at again.
   */
  readonly handle?: unknown
}

/** What looking again found: the authority as it is now, or why it has ended. */
export type Revalidated<I extends Identity = Identity> = Authentication<I> | AuthError

/**
 * A kind of credential. Resolve null when the request carries no credential of this kind: the next strategy is asked.
 * Throw `AuthError` when it carries one and it is bad: no other strategy is asked. Any other error is answered
 * AUTH_ERROR. A strategy must not write anywhere.
 */
export interface Strategy<I extends Identity = Identity> {
  /** The name of this kind of credential: `identity.scheme` of all that it accepts. */
  readonly scheme: I['scheme']
  /** Every place that `authenticate` may read a credential from. */
  readonly from: readonly CredentialSource[]
  /**
   * Every issuer whose identities it yields. Where a reload has put it into the place of another strategy of its scheme, sockets of
   * other issuers end. Left out: it takes over all of them.
   */
  readonly issuers?: readonly string[]
  /** No credential older than this is accepted; decides how long a revocation must be remembered. */
  readonly maxLifetimeSeconds: number
  /**
   * Called with `connect: null` for the HTTP request, and again for a namespace when the CONNECT packet carries an
   * `auth` payload.
   *
   * @throws AuthError AUTH_CREDENTIAL_INVALID, AUTH_EXPIRED, AUTH_UNAVAILABLE
   */
  authenticate(handshake: Handshake, connect: Connect | null): Promise<Authentication<I> | null>
  /** How often the authority of a connected socket is looked at again. Milliseconds; needs `revalidate`. */
  readonly revalidateEveryMs?: number
  /**
   * Looks at authorities that were accepted before, all in one round trip where the store allows it, and answers in the same order,
   * one for each handle. AUTH_UNAVAILABLE for one that could not be looked at; it may reject with that for all.
   */
  revalidate?(handles: readonly unknown[]): Promise<readonly Revalidated<I>[]>
}

/** The identity that a strategy yields. */
export type IdentityOf<S> = S extends Strategy<infer I> ? I : never
