/** Where answers to requests with an `Idempotency-Key` are kept: the port, and a store of this process. */

/** An answer that was given. */
export interface StoredAnswer {
  readonly status: number
  /** JSON. May hold a ticket, which is a credential. */
  readonly body: string
}

/** What is known of an idempotency key. `answer` is null while the first request is under way. */
export interface IdempotencyRecord {
  /** Digest of the request. */
  readonly fingerprint: string
  readonly answer: StoredAnswer | null
}

/** The port. `id` is 43 characters of base64url, `claim` 22. */
export interface IdempotencyStore {
  /** By one atomic step: null when nothing was known, and now the id is claimed for `ttlMs`; else what is known. */
  claim(id: string, claim: string, fingerprint: string, ttlMs: number): Promise<IdempotencyRecord | null>
  /** Keeps the answer for `ttlMs`, unless somebody else has claimed the id since. */
  keep(id: string, claim: string, record: IdempotencyRecord, ttlMs: number): Promise<void>
  /** Forgets the id, where it is still claimed by this claim. */
  release(id: string, claim: string): Promise<void>
}

/** A store of this process, for one node: forgets everything at its end, and the oldest beyond `maxEntries` (default 50,000). */
export function memoryIdempotency(maxEntries = 50_000, now: () => number = Date.now): IdempotencyStore {
  if (!(Number.isInteger(maxEntries) && maxEntries > 0)) throw new TypeError('"maxEntries" must be a positive integer')
  interface Kept {
    readonly claim: string
    readonly record: IdempotencyRecord
    readonly endsMs: number
  }
  // In order of insertion; an answer is inserted anew, behind all that was answered before.
  const known = new Map<string, Kept>()

  function insert(id: string, kept: Kept): void {
    known.delete(id)
    known.set(id, kept)
    for (const [oldest, { endsMs }] of known) {
      if (endsMs > now() && known.size <= maxEntries) break
      known.delete(oldest)
    }
  }

  return {
    async claim(id, claim, fingerprint, ttlMs) {
      const found = known.get(id)
      if (found !== undefined && found.endsMs > now()) return found.record
      insert(id, { claim, record: { fingerprint, answer: null }, endsMs: now() + ttlMs })
      return null
    },
    async keep(id, claim, record, ttlMs) {
      const found = known.get(id)
      if (found === undefined || found.claim === claim) insert(id, { claim, record, endsMs: now() + ttlMs })
    },
    async release(id, claim) {
      if (known.get(id)?.claim === claim) known.delete(id)
    },
  }
}
