/** What the cases of `revocationLogContract` share: the store they are given, a reader, and somebody who listens. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Applied, Heartbeat, LogState, RevocationLog, Unsubscribe } from 'portcullis'

/** A store that is empty, and what a case may do to it. What is left out leaves out the cases that need it. */
export interface ContractStore {
  /**
   * A log over this store: another process's, where the log is shared, else always the same. With the secret given, or one of the
   * store's own that is the same at every call.
   */
  readonly log: (secret?: string | readonly string[]) => RevocationLog
  /** Writes an entry behind the log's back, with this id, as somebody could who does not know the secret. */
  readonly forgeEntry?: (id: string, text: string) => Promise<void>
  /** Says something on the bus that no log says. */
  readonly forgeMessage?: (text: string) => Promise<void>
  /** Makes time pass for what stands in the store, until all that has ended may be forgotten. */
  readonly age?: () => Promise<void>
  /** Loses everything, as FLUSHALL does. */
  readonly loseAll?: () => Promise<void>
  /** Runs `work`, and loses all that was written to the store meanwhile, as a failover may. */
  readonly loseLast?: (work: () => Promise<void>) => Promise<void>
  /** The application's copy of the store fails from now on. */
  readonly fail?: () => Promise<void>
}

/** One fact about a log over a store. `run` rejects when it does not hold. */
export interface LogCase {
  readonly name: string
  readonly run: (store: ContractStore) => Promise<void>
}

/** What is heard on a bus is waited for so long. */
const PATIENCE_MS = 5_000
/** More pages than any case fills. */
const MAX_PAGES = 20

export const newId = () => randomBytes(16).toString('base64url')

/** Epoch seconds, as far from now. */
export const inSeconds = (seconds: number) => Date.now() / 1000 + seconds

/** Appends texts in turn, each under an id of its own; by default for an hour. */
export async function appendAll(log: RevocationLog, texts: readonly string[], expiresAt = inSeconds(3600)) {
  for (const text of texts) await log.append({ id: newId(), text, expiresAt })
}

export interface Reader {
  readonly node: string
  /** One `sync` from where it stands. */
  sync(more?: Partial<Heartbeat>): Promise<LogState>
  /** Reads to the end: every text, and whether the log had lost its place at any time. */
  read(): Promise<{ readonly texts: readonly (string | null)[]; readonly rewound: boolean }>
}

/** A node that reads a log from its start. */
export function readerOf(log: RevocationLog, node = newId()): Reader {
  let cursor: string | null = null
  async function sync(more: Partial<Heartbeat> = {}): Promise<LogState> {
    const state = await log.sync({ node, maxStalenessMs: 30_000, cursor, applied: [], awaiting: [], ...more })
    assert.ok(state.entries.length <= 1_000, 'an answer has more than 1,000 entries')
    cursor = state.entries.at(-1)?.cursor ?? cursor
    return state
  }
  return {
    node,
    sync,
    async read() {
      const texts: (string | null)[] = []
      let rewound = false
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const state = await sync()
        rewound ||= state.rewound
        texts.push(...state.entries.map(({ text }) => text))
        if (!state.more) return { texts, rewound }
        assert.ok(state.entries.length > 0, 'an answer says that there is more, and has nothing')
      }
      throw new Error('the log has no end')
    },
  }
}

/** Acknowledges an entry. */
export const appliedOne = (id: string, closed: number): readonly Applied[] => [{ id, closed }]

export interface Ear {
  readonly appended: () => number
  readonly applied: readonly string[]
  readonly messages: readonly (string | null)[]
  /** Resolves once it holds. Rejects after five seconds. */
  until(holds: () => boolean, what: string): Promise<void>
  readonly stop: Unsubscribe
}

export async function listenTo(log: RevocationLog): Promise<Ear> {
  let appended = 0
  const applied: string[] = []
  const messages: (string | null)[] = []
  const waiting = new Set<() => void>()
  const changed = () => {
    for (const check of [...waiting]) check()
  }
  const stop = await log.listen({
    appended() {
      appended += 1
      changed()
    },
    applied(id) {
      applied.push(id)
      changed()
    },
    message(text) {
      messages.push(text)
      changed()
    },
  })
  return {
    appended: () => appended,
    applied,
    messages,
    until: (holds, what) =>
      new Promise((resolve, reject) => {
        const end = (settle: () => void) => {
          clearTimeout(timer)
          waiting.delete(check)
          settle()
        }
        const timer = setTimeout(() => end(() => reject(new Error(`not heard: ${what}`))), PATIENCE_MS)
        const check = () => {
          if (holds()) end(resolve)
        }
        waiting.add(check)
        check()
      }),
    stop,
  }
}
