/** A revocation log that several nodes of one process share, and that a test can cut off, forge and lose. */

import type { RevocationLog } from 'portcullis'
import { memory } from 'portcullis/revocations/memory'

export interface SharedLog {
  /** What one node is given. Cut off, all of it rejects. */
  node(): RevocationLog & { cut: boolean }
  /** Whoever can write to the store writes what they like; null is a text without the right seal. */
  write(text: string | null): Promise<void>
  /** All entries are lost, as by FLUSHALL. */
  lose(): void
  /** How many listen. */
  listening(): number
  /** The texts that the log holds. */
  texts(): Promise<readonly string[]>
}

export function sharedLog(): SharedLog {
  let store = memory()
  let generation = 0
  /** By the monotonic clock. */
  let lostAtMs = Number.NEGATIVE_INFINITY
  let count = 0
  const forged = new Set<string>()
  const listeners = new Set<Parameters<RevocationLog['listen']>[0]>()

  async function append(entry: Parameters<RevocationLog['append']>[0]): Promise<void> {
    await store.append(entry)
    for (const listener of listeners) listener.appended()
  }

  return {
    node() {
      const orFail = <T>(answer: () => Promise<T>): Promise<T> =>
        facade.cut ? Promise.reject(new Error('cut off')) : answer()
      const facade: RevocationLog & { cut: boolean } = {
        cut: false,
        shared: true,
        append: (entry) => orFail(() => append(entry)),
        sync: (heartbeat) =>
          orFail(async () => {
            const [known, at] = heartbeat.cursor?.split('/') ?? [String(generation), null]
            const rewound = known !== String(generation)
            const state = await store.sync({ ...heartbeat, cursor: rewound ? null : (at ?? null) })
            if (heartbeat.applied.length > 0) {
              for (const { id } of heartbeat.applied) for (const listener of listeners) listener.applied(id)
            }
            return {
              ...state,
              rewound,
              ageMs: performance.now() - lostAtMs,
              entries: state.entries.map(({ cursor, text }) => ({
                cursor: `${generation}/${cursor}`,
                text: text !== null && forged.has(text) ? null : text,
              })),
            }
          }),
        leave: (node) => orFail(() => store.leave(node)),
        publish: (text) =>
          orFail(async () => {
            for (const listener of listeners) listener.message(text)
          }),
        listen: (listener) =>
          orFail(async () => {
            const own = {
              appended: () => void (facade.cut || listener.appended()),
              applied: (id: string) => void (facade.cut || listener.applied(id)),
              message: (text: string | null) => void (facade.cut || listener.message(text)),
            }
            listeners.add(own)
            return async () => {
              listeners.delete(own)
            }
          }),
      }
      return facade
    },
    async write(text) {
      count += 1
      const written = text ?? `forged ${count}`
      if (text === null) forged.add(written)
      await append({ id: `written-${count}`, text: written, expiresAt: Date.now() / 1000 + 60 })
    },
    listening: () => listeners.size,
    lose() {
      generation += 1
      lostAtMs = performance.now()
      store = memory()
    },
    async texts() {
      const state = await store.sync({ node: 'test', maxStalenessMs: 1, cursor: null, applied: [], awaiting: [] })
      await store.leave('test')
      return state.entries.flatMap(({ text }) => (text === null ? [] : [text]))
    },
  }
}
