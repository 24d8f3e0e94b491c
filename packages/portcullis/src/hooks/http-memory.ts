/** Answers of one kind: asked for once however many ask, and remembered for as long as the back end permits. */

import type { Clock } from '../core/clock.ts'
import { createAnswerCache } from '../outbound/cache.ts'
import type { JsonObject } from '../strategies/strict-json.ts'
import type { AskFor } from './http-apart.ts'
import { type Forgotten, nameOf, type Principal } from './http-forgotten.ts'
import { digestOf } from './http-item.ts'
import type { HttpHooksSettings } from './http-options.ts'

/** What was made of an answer. */
export interface Read<Value> {
  readonly value: Value
  readonly negative: boolean
  /** Epoch seconds; null for no end of its own. */
  readonly endsAt: number | null
}

/** An answer, and when it was asked for. */
export interface Known<Value> {
  readonly value: Value
  /** Epoch seconds. */
  readonly askedAt: number
}

interface Kept<Value> extends Known<Value> {
  /** How often somebody had been forgotten by then. */
  readonly sequence: number
}

export interface Memory<Value> {
  /**
   * What is remembered, or what is being asked for, or a new answer. `about`: whom it is about, where the question says that, or else
   * by what name whoever asks is known.
   */
  readonly ask: (text: string, about: Principal | string) => Promise<Known<Value>>
  /** The same without what is remembered: an answer from now on, shared only by those who want one as well. */
  readonly askAnew: (text: string) => Promise<Known<Value>>
  readonly purge: () => void
  readonly size: () => number
}

export interface MemoryOptions<Value> {
  readonly ask: AskFor
  /** Of those who are connected already. Default: `ask`. */
  readonly askAnew?: AskFor
  readonly cache: HttpHooksSettings['cache']
  readonly clock: Pick<Clock, 'now'>
  readonly forgotten: Pick<Forgotten, 'now' | 'at'>
  /** @throws AuthError AUTH_UNAVAILABLE */
  readonly read: (answer: JsonObject) => Read<Value>
  /** Whom an answer is about, where the answer says that; null for nobody. */
  readonly aboutOf?: (value: Value) => Principal | null
}

/** Questions that others can join while they are under way. */
const MAX_ASKING = 65_536

/** A digest, and what a map needs for it. */
const ENTRY_BYTES = 200

export function createMemory<Value>(options: MemoryOptions<Value>): Memory<Value> {
  const { cache, clock, forgotten, read, aboutOf } = options
  const answers = createAnswerCache<Kept<Value>>({
    now: () => clock.now(),
    maxPositive: cache.maxEntries,
    maxNegative: cache.maxEntries,
    maxAsking: MAX_ASKING,
  })

  function load(key: string, text: string, who: string, keep: boolean, ask = options.ask): Promise<Kept<Value>> {
    return answers.load(key, async () => {
      const [sequence, askedAtMs] = [forgotten.now(), clock.now()]
      const { answer, maxAgeSeconds } = await ask(text, who)
      const { value, negative, endsAt } = read(answer)
      const fresh = keep && cache.maxEntries > 0 ? Math.min(maxAgeSeconds, cache.maxSeconds) : 0
      return {
        value: { value, askedAt: askedAtMs / 1000, sequence },
        keepUntil: Math.min(askedAtMs + fresh * 1000, (endsAt ?? Number.POSITIVE_INFINITY) * 1000),
        negative,
        bytes: fresh > 0 ? ENTRY_BYTES + JSON.stringify(answer).length : 0,
      }
    })
  }

  return {
    async ask(text, about) {
      const key = digestOf(text)
      const who = typeof about === 'string' ? about : nameOf(about)
      const known = await load(key, text, who, true)
      const principal = typeof about === 'string' ? (aboutOf?.(known.value) ?? null) : about
      const sequence = principal === null ? 0 : forgotten.at(principal)
      // Asked for before it was forgotten, if only just: whoever wants to know now is told what holds now.
      return known.sequence >= sequence ? known : load(`${key}:${sequence}`, text, who, true)
    },
    askAnew(text) {
      const key = `anew:${digestOf(text)}`
      return load(key, text, key, false, options.askAnew)
    },
    purge: answers.purge,
    size: () => answers.size().positive + answers.size().negative,
  }
}
