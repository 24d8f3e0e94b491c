/** Revocations: "everything under this key issued before that moment is dead". */

/**
 * What can be revoked: everyone who is this principal, one session of a web application, one token by its `jti`, or
 * whatever a strategy tagged.
 */
export type RevocationKey =
  | { readonly issuer: string; readonly subject: string }
  | { readonly session: string }
  | { readonly tokenId: string }
  | { readonly tag: string }

/** Idempotent and independent of order. `issuedBefore` and `expiresAt` are epoch seconds. */
export interface Revocation {
  readonly id: string
  /** Canonical form of the key, see `revocationName`. Session ids stand here only as a digest. */
  readonly name: string
  /** Authority issued before this moment is dead. */
  readonly issuedBefore: number
  /** The revocation may be forgotten from this moment on: no credential that it covers is accepted any more. */
  readonly expiresAt: number
}

/** Where a log stands. Opaque, ordered by the log itself. */
export type LogPosition = string

/** Ends a subscription. */
export type Unsubscribe = () => Promise<void>

/**
 * The port for revocations: a durable log and the bus that announces its entries, in one. One node or many: every node
 * follows the log and keeps what is live in memory, so that a handshake asks no server.
 */
export interface RevocationLog {
  /** Resolves once the entry is durable. Rejects when it is not; the caller is told, and nothing was revoked. */
  append(revocation: Revocation): Promise<LogPosition>
  /**
   * Calls `apply` for every live entry, then for each new one, in order, in this process too. Resolves when all entries
   * that existed at the call have been applied.
   */
  follow(apply: (revocation: Revocation, position: LogPosition) => void): Promise<Unsubscribe>
}

/** Turns a key into the one string that stands for it. `digest` hides session ids, which are credentials. */
export function revocationName(key: RevocationKey, digest: (value: string) => string): string {
  if ('subject' in key) return `subject:${JSON.stringify([key.issuer, key.subject])}`
  if ('session' in key) return `session:${digest(key.session)}`
  if ('tokenId' in key) return `token:${key.tokenId}`
  return `tag:${key.tag}`
}

/** The live revocations of a node, by name. */
export interface RevocationIndex {
  apply(revocation: Revocation): void
  /** The revocation that covers an authority issued at `issuedAt` under any of `names`, or null. */
  find(names: readonly string[], issuedAt: number): Revocation | null
  /** Forgets what has expired. */
  prune(nowSeconds: number): void
  readonly size: number
}

/** Keeps, for each name, the revocation that reaches furthest. */
export function createRevocationIndex(): RevocationIndex {
  const live = new Map<string, Revocation>()
  return {
    apply(revocation) {
      const known = live.get(revocation.name)
      if (known === undefined) {
        live.set(revocation.name, revocation)
        return
      }
      live.set(revocation.name, {
        ...(revocation.issuedBefore >= known.issuedBefore ? revocation : known),
        expiresAt: Math.max(known.expiresAt, revocation.expiresAt),
      })
    },
    find(names, issuedAt) {
      for (const name of names) {
        const revocation = live.get(name)
        if (revocation !== undefined && issuedAt < revocation.issuedBefore) return revocation
      }
      return null
    },
    prune(nowSeconds) {
      for (const [name, revocation] of live) if (revocation.expiresAt <= nowSeconds) live.delete(name)
    },
    get size() {
      return live.size
    },
  }
}
