/** Whose question was in a request that failed asks alone for a while: one who breaks the back end breaks it for himself. */

import { AuthError } from '../errors.ts'
import type { Ask } from './http-batch.ts'
import type { ItemAnswer } from './http-post.ts'

/** Asks; `who` is whoever is behind the question, by any name. */
export type AskFor = (text: string, who: string) => Promise<ItemAnswer>

export interface ApartOptions {
  readonly together: Ask
  /** By a call of its own, whose breaker is nobody else's. */
  readonly alone: Ask
  /** Milliseconds. */
  readonly now: () => number
}

/** From the last failure on; one answer ends it. */
const APART_MS = 30_000
/** More are not told apart: when the back end fails for everybody, it is nobody's fault. */
const MAX_APART = 256
/** Failures that a question may have brought about. Of the others, none reached the back end. */
const REASONS: ReadonlySet<unknown> = new Set([
  'status',
  'answer_malformed',
  'timeout',
  'reset',
  'truncated',
  'too_large',
  'encoding',
])

export function createApart({ together, alone, now }: ApartOptions): AskFor {
  const apart = new Map<string, number>()

  function isApart(who: string): boolean {
    const until = apart.get(who)
    if (until === undefined || until > now()) return until !== undefined
    apart.delete(who)
    return false
  }

  function setApart(who: string): void {
    apart.delete(who)
    apart.set(who, now() + APART_MS)
    for (const [oldest, until] of apart) {
      if (apart.size <= MAX_APART && until > now()) break
      apart.delete(oldest)
    }
  }

  return async function askFor(text, who) {
    try {
      const answer = await (isApart(who) ? alone : together)(text)
      apart.delete(who)
      return answer
    } catch (error) {
      if (AuthError.is(error) && REASONS.has(error.reason)) setApart(who)
      throw error
    }
  }
}
