/** The store behind the log: one place, one step at a time, and what can happen to such a place. */

import type { Heartbeat, LogState } from '../packages/portcullis/src/core/revocation-log.ts'

/** As many entries as one answer may have; small, so that `more` is met. */
const PAGE = 4
const NODE_KEPT_MS = 600_000

export interface LogEntry {
  readonly id: string
  readonly text: string
}

/** What listeners are told. */
export type BusMessage =
  | { readonly kind: 'appended' }
  | { readonly kind: 'applied'; readonly id: string }
  | { readonly kind: 'message'; readonly text: string }

export interface StoreWatch {
  /** An entry stands in the log now. */
  kept(entry: LogEntry): void
  /** It no longer does. */
  lost(id: string): void
}

export interface Store {
  append(entry: LogEntry): void
  sync(heartbeat: Heartbeat): LogState
  leave(node: string): void
  publish(message: BusMessage): void
  listen(listener: (message: BusMessage) => void): () => void
  /** The last entries are gone, and so are the heartbeats since: a replica takes over that was behind, with a clock that differs. */
  failOver(lostEntries: number, aheadMs: number): void
  /** Everything is gone. */
  flush(): void
}

interface Kept extends LogEntry {
  /** Never given twice, though `number` may be after a loss. */
  readonly place: string
  readonly number: number
}

interface Beat {
  readonly atMs: number
  readonly maxStalenessMs: number
}

/** `clockMs` is the store's own clock. */
export function createStore(clockMs: () => number, watch: StoreWatch): Store {
  let entries: Kept[] = []
  let places = 0
  let aheadMs = 0
  /** Of the nodes, by the store's own clock; long before the world began. */
  let bornAtMs = Number.NEGATIVE_INFINITY
  let beats = new Map<string, Beat>()
  /** What a replica has that is behind. */
  let replica = new Map<string, Beat>()
  const applied = new Map<string, Map<string, number>>()
  const listeners = new Set<(message: BusMessage) => void>()

  function publish(message: BusMessage): void {
    for (const listener of [...listeners]) listener(message)
  }

  return {
    append({ id, text }) {
      if (entries.some((entry) => entry.id === id)) return
      places += 1
      const number = (entries.at(-1)?.number ?? 0) + 1
      entries.push({ id, text, number, place: `${number}-${places}` })
      watch.kept({ id, text })
      publish({ kind: 'appended' })
    },
    sync({ node, maxStalenessMs, cursor, applied: done, awaiting }) {
      const nowMs = clockMs() + aheadMs
      replica = new Map(beats)
      beats.set(node, { atMs: nowMs, maxStalenessMs })
      for (const { id, closed } of done) {
        const by = applied.get(id) ?? new Map<string, number>()
        applied.set(id, by.set(node, closed))
        publish({ kind: 'applied', id })
      }
      const at = entries.findIndex(({ place }) => place === cursor)
      const found = entries.slice(at + 1, at + 1 + PAGE)
      return {
        entries: found.map(({ place, text }) => ({ cursor: place, text })),
        more: at + 1 + found.length < entries.length,
        rewound: cursor !== null && at === -1,
        nodes: [...beats]
          .filter(([, beat]) => nowMs - beat.atMs <= NODE_KEPT_MS)
          .map(([name, beat]) => ({
            node: name,
            ageMs: Math.max(0, nowMs - beat.atMs),
            maxStalenessMs: beat.maxStalenessMs,
          })),
        ageMs: Math.max(0, nowMs - bornAtMs),
        applied: new Map(awaiting.map((id) => [id, new Map(applied.get(id))])),
      }
    },
    leave(node) {
      beats.delete(node)
    },
    publish,
    listen(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    failOver(lostEntries, driftMs) {
      // Not simulated: a node whose very first heartbeat is lost, and which then is cut off. The port has no way to tell.
      beats = new Map([...beats, ...replica])
      aheadMs = driftMs
      for (const { id } of lostEntries === 0 ? [] : entries.slice(-lostEntries)) {
        applied.delete(id)
        watch.lost(id)
      }
      entries = entries.slice(0, Math.max(0, entries.length - lostEntries))
    },
    flush() {
      for (const { id } of entries) watch.lost(id)
      bornAtMs = clockMs() + aheadMs
      entries = []
      beats = new Map()
      replica = new Map()
      applied.clear()
    },
  }
}
