/** Answers that may be remembered for a while, and questions that are asked once however many ask them at the same time. */

/** What was found out, and for how long that holds. */
export interface Answer<Value> {
  /** Shared by all who ask: copy what you hand out. */
  readonly value: Value
  /** Until when it may be remembered, epoch milliseconds. Null: not at all. */
  readonly keepUntil: number | null
  /** A refusal. These are counted apart, so that guesses push out nobody's good answer. */
  readonly negative: boolean
  /** Roughly how large `value` is. Bytes. */
  readonly bytes: number
}

export interface AnswerCache<Value> {
  /**
   * The remembered answer to `key`, or that of `ask`. Whoever asks for the same key meanwhile gets the same promise. What
   * `ask` throws is not remembered. A key is a digest, never a credential.
   */
  readonly load: (key: string, ask: () => Promise<Answer<Value>>) => Promise<Value>
  /** Forgets everything, also what is being asked: an answer from before is given to those who wait, and not kept. */
  readonly purge: () => void
  readonly size: () => { readonly positive: number; readonly negative: number; readonly asking: number }
}

export interface AnswerCacheOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Default 10,000. */
  readonly maxPositive?: number
  /** Default 10,000. */
  readonly maxNegative?: number
  /** All remembered positive answers together. Default 16 MiB. */
  readonly maxBytes?: number
  /** Questions under way that others can join. Default 1024; one more is asked by itself. */
  readonly maxAsking?: number
}

interface Shelf<Value> {
  readonly get: (key: string) => Answer<Value> | undefined
  readonly set: (key: string, answer: Answer<Value>) => void
  readonly clear: () => void
  readonly size: () => number
}

/** A cache of answers, bounded in entries and in bytes. */
export function createAnswerCache<Value>(options: AnswerCacheOptions): AnswerCache<Value> {
  const { now, maxPositive = 10_000, maxNegative = 10_000, maxBytes = 16_777_216, maxAsking = 1024 } = options
  const positive = createShelf<Value>(now, maxPositive, maxBytes)
  const negative = createShelf<Value>(now, maxNegative, maxBytes)
  let asking = new Map<string, Promise<Value>>()

  async function askAndKeep(key: string, ask: () => Promise<Answer<Value>>): Promise<Value> {
    // After a purge this is another map, and what was asked before it is stale.
    const [epoch, started] = [asking, now()]
    const answer = await ask()
    if (epoch === asking && answer.keepUntil !== null && answer.keepUntil > Math.max(started, now())) {
      const shelf = answer.negative ? negative : positive
      shelf.set(key, answer)
    }
    return answer.value
  }

  return {
    load(key, ask) {
      const known = positive.get(key) ?? negative.get(key)
      if (known !== undefined) return Promise.resolve(known.value)
      const underWay = asking.get(key)
      if (underWay !== undefined) return underWay
      const epoch = asking
      const answer = askAndKeep(key, ask)
      if (epoch.size >= maxAsking) return answer
      epoch.set(key, answer)
      const forget = () => epoch.delete(key)
      answer.then(forget, forget)
      return answer
    },
    purge() {
      asking = new Map()
      positive.clear()
      negative.clear()
    },
    size: () => ({ positive: positive.size(), negative: negative.size(), asking: asking.size }),
  }
}

/** Drops what was not used for longest. */
function createShelf<Value>(now: () => number, maxEntries: number, maxBytes: number): Shelf<Value> {
  const entries = new Map<string, Answer<Value>>()
  let bytes = 0

  function drop(key: string): void {
    bytes -= entries.get(key)?.bytes ?? 0
    entries.delete(key)
  }

  /** Some at a time: finding the oldest of a Map costs what was deleted before it. */
  function shrink(): void {
    const fewer = maxEntries - Math.floor(maxEntries / 16)
    for (const oldest of entries.keys()) {
      if (entries.size <= fewer && bytes <= maxBytes) break
      drop(oldest)
    }
  }

  return {
    size: () => entries.size,
    get(key) {
      const answer = entries.get(key)
      if (answer === undefined) return undefined
      entries.delete(key)
      if (answer.keepUntil !== null && answer.keepUntil > now()) {
        // Last in the order of the map is last to be dropped.
        entries.set(key, answer)
        return answer
      }
      bytes -= answer.bytes
      return undefined
    },
    set(key, answer) {
      drop(key)
      entries.set(key, answer)
      bytes += answer.bytes
      if (entries.size > maxEntries || bytes > maxBytes) shrink()
    },
    clear() {
      entries.clear()
      bytes = 0
    },
  }
}
