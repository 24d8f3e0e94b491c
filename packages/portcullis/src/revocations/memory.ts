/** A revocation log for one process. Nothing survives the process: with sessions or long tokens, use a shared log. */

import type { Cursor, LogListener, RevocationLog } from '../core/revocation-log.ts'

/** As many entries as one answer may have. */
const PAGE = 1_000
const NODE_KEPT_MS = 600_000
/** What has ended stays so much longer, for readers whose clock is behind. Seconds. */
const LINGER_SECONDS = 60
/** What has ended is dropped when so many, and as many as were left the last time, have come since. */
const SWEEP_AFTER = 1_000

interface Kept {
  readonly place: number
  readonly id: string
  readonly text: string
  readonly expiresAt: number
}

/**
 * Keeps revocations in this process. Suits one node whose credentials are short-lived; a restart forgets every
 * revocation, and other nodes never hear of one.
 *
 * @example createAuth({ revocations: memory(), … }) // the default
 */
export function memory(): RevocationLog {
  /** In the order of their places. */
  let entries: Kept[] = []
  let ids = new Set<string>()
  let places = 0
  let sweepAt = SWEEP_AFTER
  const listeners = new Set<LogListener>()
  const applied = new Map<string, Map<string, number>>()
  const nodes = new Map<string, { readonly atMs: number; readonly maxStalenessMs: number }>()

  function tell(call: (listener: LogListener) => void): void {
    for (const listener of [...listeners]) call(listener)
  }

  function sweep(): void {
    if (entries.length < sweepAt) return
    const before = Date.now() / 1000 - LINGER_SECONDS
    entries = entries.filter(({ expiresAt }) => expiresAt > before)
    ids = new Set(entries.map(({ id }) => id))
    for (const id of applied.keys()) if (!ids.has(id)) applied.delete(id)
    sweepAt = entries.length * 2 + SWEEP_AFTER
  }

  return {
    shared: false,
    async append({ id, text, expiresAt }) {
      if (ids.has(id)) return
      sweep()
      places += 1
      entries.push({ place: places, id, text, expiresAt })
      ids.add(id)
      tell((listener) => listener.appended())
    },
    async sync({ node, maxStalenessMs, cursor, applied: done, awaiting }) {
      const nowMs = performance.now()
      nodes.set(node, { atMs: nowMs, maxStalenessMs })
      for (const [name, { atMs }] of nodes) if (nowMs - atMs > NODE_KEPT_MS) nodes.delete(name)
      for (const { id, closed } of done) {
        const by = applied.get(id) ?? new Map<string, number>()
        applied.set(id, by.set(node, closed))
      }
      const place = cursor === null ? 0 : placeOf(cursor)
      const rewound = !(place <= places)
      const from = rewound ? 0 : firstAfter(entries, place)
      const found = entries.slice(from, from + PAGE)
      // After the answer is made, because a listener may do anything.
      const state = {
        entries: found.map(({ place: at, text }) => ({ cursor: String(at), text })),
        more: from + found.length < entries.length,
        rewound,
        nodes: [...nodes].map(([name, each]) => ({
          node: name,
          ageMs: nowMs - each.atMs,
          maxStalenessMs: each.maxStalenessMs,
        })),
        ageMs: Number.POSITIVE_INFINITY,
        applied: new Map(awaiting.map((id) => [id, new Map(applied.get(id))])),
      }
      for (const { id } of done) tell((listener) => listener.applied(id))
      return state
    },
    async leave(node) {
      nodes.delete(node)
    },
    async publish(text) {
      tell((listener) => listener.message(text))
    },
    async listen(listener) {
      const own = { ...listener }
      listeners.add(own)
      return async () => {
        listeners.delete(own)
      }
    },
  }
}

/** NaN where it is none of ours. */
function placeOf(cursor: Cursor): number {
  return /^[1-9]\d{0,15}$/.test(cursor) ? Number(cursor) : Number.NaN
}

/** Where the entries after a place begin. */
function firstAfter(entries: readonly Kept[], place: number): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle]?.place ?? Number.POSITIVE_INFINITY) > place) high = middle
    else low = middle + 1
  }
  return low
}
