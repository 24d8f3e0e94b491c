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
  /** When it was written, by the clock of whoever wrote it; epoch seconds. */
  readonly at: number
  /** Canonical form of the key, see `revocationName`. Session ids stand here only as a digest. */
  readonly name: string
  /** Authority issued before this moment is dead. */
  readonly issuedBefore: number
  /** The revocation may be forgotten from this moment on: no credential that it covers is accepted any more. */
  readonly expiresAt: number
  /** `disconnect` ends sockets, and leaves their credentials as they are: the same may connect again. */
  readonly effect: 'revoke' | 'disconnect'
  /** The one socket that stays; null for none. */
  readonly exceptSocket: string | null
  /** How long connected sockets may go on, counted from when it was written. Later handshakes are refused at once. */
  readonly graceMs: number
}

/** Turns a key into the one string that stands for it. `digest` hides session ids, which are credentials. */
export function revocationName(key: RevocationKey, digest: (value: string) => string): string {
  if ('subject' in key) return `subject:${JSON.stringify([key.issuer, key.subject])}`
  if ('session' in key) return `session:${digest(key.session)}`
  if ('tokenId' in key) return `token:${key.tokenId}`
  return `tag:${key.tag}`
}

/**
 * A session at an identity provider, by the `sid` that its tokens carry (OpenID Connect Front-Channel Logout 1.0 section 3): unique
 * within its issuer. `jwt` names this for a token with `sid`.
 */
export function providerSession(issuer: string, sid: string): { readonly tag: string } {
  return { tag: `sid:${JSON.stringify([issuer, sid])}` }
}

/** The live revocations of a node, by name. */
export interface RevocationIndex {
  /** False when it says nothing that was not known. */
  apply(revocation: Revocation): boolean
  /** The revocation that covers an authority issued at `issuedAt` under any of `names`, or null. */
  find(names: readonly string[], issuedAt: number): Revocation | null
  /** Forgets what has expired. */
  prune(nowSeconds: number): void
  /** True when this very one is in force already. */
  knows(revocation: Revocation): boolean
  /** One for each name, which reaches furthest. */
  live(): Iterable<Revocation>
  readonly size: number
}

/**
 * Keeps, for each name, the revocation that reaches furthest. Applying, finding and forgetting one cost the same however many
 * there are; some 360 bytes each.
 */
export function createRevocationIndex(): RevocationIndex {
  const live = new Map<string, Revocation>()
  /** Names by the second at which they may be forgotten. One that was prolonged stands in the earlier place too. */
  const ends = new Map<number, string[]>()
  let nextEnd = Number.POSITIVE_INFINITY

  function keep(revocation: Revocation): void {
    live.set(revocation.name, revocation)
    const second = Math.ceil(revocation.expiresAt)
    const names = ends.get(second)
    if (names === undefined) ends.set(second, [revocation.name])
    else names.push(revocation.name)
    nextEnd = Math.min(nextEnd, second)
  }

  return {
    apply(revocation) {
      const known = live.get(revocation.name)
      if (known === undefined) {
        keep(revocation)
        return true
      }
      if (known.issuedBefore >= revocation.issuedBefore && known.expiresAt >= revocation.expiresAt) return false
      keep({
        ...(revocation.issuedBefore >= known.issuedBefore ? revocation : known),
        expiresAt: Math.max(known.expiresAt, revocation.expiresAt),
      })
      return true
    },
    find(names, issuedAt) {
      for (const name of names) {
        const revocation = live.get(name)
        if (revocation !== undefined && issuedAt < revocation.issuedBefore) return revocation
      }
      return null
    },
    prune(nowSeconds) {
      if (nowSeconds < nextEnd) return
      nextEnd = Number.POSITIVE_INFINITY
      for (const [second, names] of ends) {
        if (second > nowSeconds) {
          nextEnd = Math.min(nextEnd, second)
          continue
        }
        ends.delete(second)
        for (const name of names) if ((live.get(name)?.expiresAt ?? 0) <= nowSeconds) live.delete(name)
      }
    },
    knows: ({ name, id }) => live.get(name)?.id === id,
    live: () => live.values(),
    get size() {
      return live.size
    },
  }
}
