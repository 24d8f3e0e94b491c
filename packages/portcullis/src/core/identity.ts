/** Who the server believes is on the other end. */

/**
 * Plain JSON: it may be persisted and may travel between nodes, so it never holds a credential. `issuer` and `subject`
 * together name the principal (RFC 7519 sections 4.1.1 and 4.1.2): two issuers may use the same subject.
 */
export interface Identity<Scheme extends string = string, Claims = unknown> {
  /** Of the strategy that accepted the credential, such as `jwt`. */
  readonly scheme: Scheme
  /** Who vouches for the subject: `iss` of a token, or what the strategy's option says. */
  readonly issuer: string
  /** Whom it is about, unique within the issuer. */
  readonly subject: string
  /** What else is known, as the strategy's `claims` or `identify` put it out. Frozen. */
  readonly claims: Claims
}

/** True when both name the same principal. The scheme does not matter: one person may hold several credentials. */
export function isSamePrincipal(a: Identity, b: Identity): boolean {
  return a.issuer === b.issuer && a.subject === b.subject
}

/** A shallowly frozen copy of the four fields, and of nothing else that a strategy may have left on the object. */
export function freezeIdentity<I extends Identity>(identity: I): I {
  const { scheme, issuer, subject, claims } = identity
  if (typeof claims === 'object' && claims !== null) Object.freeze(claims)
  return Object.freeze({ scheme, issuer, subject, claims }) as I
}
