/** Brings what has changed on this node into the store: the newest state of each member, and one batch at a time. */

import type { LocalMember } from './local-members.ts'
import type { PresenceRecord, PresenceStore } from './store.ts'

export interface PutQueue {
  add(member: LocalMember): void
  /** Goes on after a failure; also where members were held back. */
  resume(): void
  /** No leave before then, in milliseconds of `performance.now()`. */
  holdLeaves(untilMs: number): void
  /** Resolves when nothing is left, or nothing can be done about it. */
  drained(): Promise<void>
}

const BATCH = 1_000

/** `settled` is told of each member that the store has taken. */
export function createPutQueue(store: PresenceStore, settled: (member: LocalMember) => void): PutQueue {
  const dirty = new Set<LocalMember>()
  let running: Promise<void> | null = null
  let blocked = false
  let holdUntilMs = 0

  function next(): LocalMember[] {
    const isHeld = performance.now() < holdUntilMs
    const batch: LocalMember[] = []
    for (const member of dirty) {
      if (isHeld && member.sockets.size === 0) continue
      batch.push(member)
      if (batch.length === BATCH) break
    }
    return batch
  }

  async function run(): Promise<void> {
    // What happens within one turn is one change, or none.
    await new Promise((resolve) => setImmediate(resolve))
    for (let batch = next(); batch.length > 0 && !blocked; batch = next()) {
      for (const member of batch) dirty.delete(member)
      const records = batch.map(recordOf)
      const outcomes = await store.put(records)
      for (const [index, member] of batch.entries()) {
        const outcome = outcomes[index] ?? 'failed'
        if (outcome === 'failed' || outcome === 'unknown') {
          dirty.add(member)
          blocked = true
          continue
        }
        member.lost = false
        member.announced = (records[index]?.connections ?? 0) > 0
        if (!dirty.has(member)) settled(member)
      }
    }
  }

  function start(): void {
    if (running !== null || dirty.size === 0 || blocked) return
    running = run().finally(() => {
      running = null
      // Something may have come after the last look.
      if (next().length > 0) start()
    })
  }

  return {
    add(member) {
      dirty.add(member)
      start()
    },
    resume() {
      blocked = false
      start()
    },
    holdLeaves(untilMs) {
      holdUntilMs = untilMs
    },
    async drained() {
      while (running !== null) await running
    },
  }
}

function recordOf({ sockets, announced, lost, ...slot }: LocalMember): PresenceRecord {
  return { ...slot, connections: sockets.size, announced: announced && lost }
}
