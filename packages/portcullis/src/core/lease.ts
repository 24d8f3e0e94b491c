/** How long the server believes an identity. */

/** Every `…At` is epoch seconds (RFC 7519 NumericDate). `expiresAt: null` means "until revoked". */
export interface Lease {
  /** A new one for each authentication. */
  readonly id: string
  /** When the credential was issued: what a revocation compares with its moment. 0 where nobody says. */
  readonly issuedAt: number
  /** When it ends, or null. */
  readonly expiresAt: number | null
}

/** True from the second `expiresAt` on: a lease holds while `now < expiresAt`. */
export function isExpired(lease: Pick<Lease, 'expiresAt'>, nowSeconds: number): boolean {
  return lease.expiresAt !== null && nowSeconds >= lease.expiresAt
}

/** The earlier of two ends, where null is no end. */
export function earlier(a: number | null, b: number | null): number | null {
  if (a === null) return b
  if (b === null) return a
  return Math.min(a, b)
}

/** The same lease, ending no later than `expiresAt`. */
export function shorten(lease: Lease, expiresAt: number | null): Lease {
  const end = earlier(lease.expiresAt, expiresAt)
  return end === lease.expiresAt ? lease : Object.freeze({ ...lease, expiresAt: end })
}
