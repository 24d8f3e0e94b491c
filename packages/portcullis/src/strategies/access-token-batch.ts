/** Look-ups of many tokens as few queries: one for a token, however many ask; one for all tokens of a moment. */

import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'

/** A row as the database gave it. */
export type Row = Readonly<Record<string, unknown>>

/** What was found under a key, and the epoch seconds just before the database was asked. */
export interface Found {
  readonly rows: readonly Row[]
  readonly askedAt: number
}

/** How long a look-up may take, by which clock, and how the database is asked. */
export interface BatchOptions {
  readonly ask: (keys: readonly string[]) => Promise<readonly Row[]>
  readonly keyOf: (row: Row) => unknown
  readonly timeoutMs: number
  readonly clock: Clock
}

interface Waiting {
  readonly found: (found: Found) => void
  readonly failed: (error: AuthError) => void
}

/** More would take the connections that the rest of the application needs; the next look-ups gather meanwhile. */
const MAX_ROUND_TRIPS = 4
const MAX_KEYS = 500

/**
 * A function that finds the rows of one key. Nothing is kept once it was answered.
 *
 * Its promise rejects with AUTH_UNAVAILABLE when the database fails, or has not answered after `timeoutMs`.
 */
export function createBatch({ ask, keyOf, timeoutMs, clock }: BatchOptions): (key: string) => Promise<Found> {
  const underWay = new Map<string, Promise<Found>>()
  const gathered = new Map<string, Waiting>()
  let roundTrips = 0
  let scheduled = false

  function schedule(): void {
    if (scheduled || roundTrips >= MAX_ROUND_TRIPS || gathered.size === 0) return
    scheduled = true
    // After the callbacks of this turn: requests that arrived on other sockets meanwhile come along.
    setImmediate(flush)
  }

  function flush(): void {
    scheduled = false
    const batch = new Map([...gathered].slice(0, MAX_KEYS))
    if (batch.size === 0) return
    for (const key of batch.keys()) gathered.delete(key)
    roundTrips += 1
    roundTrip(batch).finally(() => {
      roundTrips -= 1
      schedule()
    })
    schedule()
  }

  async function roundTrip(batch: ReadonlyMap<string, Waiting>): Promise<void> {
    const askedAt = clock.now() / 1000
    try {
      const rows = await withTimeout(ask([...batch.keys()]), timeoutMs, clock)
      const rowsOf = groupedBy(rows, keyOf)
      for (const [key, { found }] of batch) found({ rows: rowsOf.get(key) ?? [], askedAt })
    } catch (cause) {
      const error = AuthError.is(cause) ? cause : unavailable('database_failed', withoutKeys(cause, batch.keys()))
      for (const { failed } of batch.values()) failed(error)
    }
  }

  function gather(key: string): Promise<Found> {
    const promise = new Promise<Found>((found, failed) => gathered.set(key, { found, failed }))
    schedule()
    // Counted from here: waiting for others' round trips is waiting too.
    return withTimeout(promise, timeoutMs, clock).finally(() => {
      underWay.delete(key)
      gathered.delete(key)
    })
  }

  return function lookUp(key) {
    const known = underWay.get(key)
    if (known !== undefined) return known
    const found = gather(key)
    underWay.set(key, found)
    return found
  }
}

function withTimeout<T>(promise: Promise<T>, timeoutMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      reject(unavailable('database_timeout', new Error(`the database did not answer within ${timeoutMs} ms`)))
    }, timeoutMs)
    promise.then(resolve, reject).finally(cancel)
  })
}

function groupedBy(rows: readonly Row[], keyOf: (row: Row) => unknown): ReadonlyMap<unknown, readonly Row[]> {
  const groups = new Map<unknown, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group === undefined) groups.set(keyOf(row), [row])
    else group.push(row)
  }
  return groups
}

/**
 * What the database said, as an error that holds no token: drivers put parameters and rows on theirs, under names of
 * their own, so that only message and code are taken.
 */
function withoutKeys(cause: unknown, keys: Iterable<string>): Error {
  const { message, code } = (cause ?? {}) as { message?: unknown; code?: unknown }
  let text = typeof message === 'string' && message !== '' ? message : 'the database failed'
  for (const key of keys) text = text.replaceAll(key, '[access token]')
  return Object.assign(new Error(text), typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? { code } : {})
}

function unavailable(reason: string, cause: Error): AuthError {
  return new AuthError('AUTH_UNAVAILABLE', { reason, cause })
}
