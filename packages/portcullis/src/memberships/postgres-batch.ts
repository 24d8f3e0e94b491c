/** Look-ups of many keys as few queries. What is on its way is never shared: it may have been read before the last change. */

/** A row as the database gave it. */
export type Row = Readonly<Record<string, unknown>>

export interface BatchOptions {
  /** Gives the rows of all keys, each once. */
  readonly ask: (keys: readonly string[]) => Promise<readonly Row[]>
  /** Under which key a row was found. */
  readonly keyOf: (row: Row) => string
  /** True when the fault may lie in one of the keys, so that the others deserve an answer. */
  readonly blamesKey: (error: unknown) => boolean
}

interface Waiting {
  readonly found: (rows: readonly Row[]) => void
  readonly failed: (error: unknown) => void
}

/** More would take the connections that the rest of the application needs; the next look-ups gather meanwhile. */
const MAX_ROUND_TRIPS = 4
const MAX_KEYS = 500

/** A function that finds the rows of one key. Keys of one turn of the event loop share a round trip. */
export function createBatch({ ask, keyOf, blamesKey }: BatchOptions): (key: string) => Promise<readonly Row[]> {
  const gathered = new Map<string, Waiting[]>()
  let roundTrips = 0
  let scheduled = false

  function schedule(): void {
    if (scheduled || roundTrips >= MAX_ROUND_TRIPS || gathered.size === 0) return
    scheduled = true
    setImmediate(flush)
  }

  function flush(): void {
    scheduled = false
    const batch = new Map([...gathered].slice(0, MAX_KEYS))
    for (const key of batch.keys()) gathered.delete(key)
    roundTrips += 1
    void answer([...batch]).finally(() => {
      roundTrips -= 1
      schedule()
    })
    schedule()
  }

  /** Never rejects. A key that the database takes offence at is found by halving. */
  async function answer(batch: readonly (readonly [string, readonly Waiting[]])[]): Promise<void> {
    try {
      const rowsOf = groupedBy(await ask(batch.map(([key]) => key)), keyOf)
      for (const [key, all] of batch) for (const { found } of all) found(rowsOf.get(key) ?? [])
    } catch (error) {
      if (batch.length > 1 && blamesKey(error)) {
        const half = Math.ceil(batch.length / 2)
        await answer(batch.slice(0, half))
        await answer(batch.slice(half))
        return
      }
      for (const [, all] of batch) for (const { failed } of all) failed(error)
    }
  }

  return (key) =>
    new Promise((found, failed) => {
      const all = gathered.get(key) ?? []
      gathered.set(key, all)
      all.push({ found, failed })
      schedule()
    })
}

function groupedBy(rows: readonly Row[], keyOf: (row: Row) => string): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return groups
}
