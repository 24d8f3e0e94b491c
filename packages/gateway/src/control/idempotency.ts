/** One effect for each `Idempotency-Key`: the first request does it, a repetition is given the same answer. */

import { createHash, randomBytes } from 'node:crypto'
import type { Caller } from './caller.ts'
import { within } from './deadline.ts'
import type { IdempotencyStore, StoredAnswer } from './idempotency-store.ts'
import { Problem } from './problem.ts'

/** A request as far as repetitions of it are alike. */
export interface RepeatableRequest {
  readonly caller: Caller
  readonly method: string
  readonly path: string
  readonly body: Buffer
}

/** An answer, and whether it was given before. */
export interface OnceAnswer {
  readonly answer: StoredAnswer
  readonly replayed: boolean
}

/**
 * Runs what a key stands for, or repeats its answer. Keys belong to their caller: another's are others. What throws is not
 * kept, so that it may be tried again under the same key.
 *
 * @throws Problem IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_KEY_REUSED; AuthError AUTH_UNAVAILABLE when the store cannot be asked: then
 * nothing was done
 */
export type Once = (key: string, request: RepeatableRequest, run: () => Promise<StoredAnswer>) => Promise<OnceAnswer>

/** As draft-ietf-httpapi-idempotency-key-header has it, with or without the quotes of a structured field. */
const KEY = /^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255}))$/
const KEPT_MS = 86_400_000
/** A node that died in the middle blocks its key for so long. Longer than any operation may take. */
const CLAIMED_MS = 60_000
const STORE_TIMEOUT_MS = 2_000

/** The key of a request, or null. @throws Problem IDEMPOTENCY_KEY_INVALID */
export function idempotencyKeyOf(values: readonly string[] = []): string | null {
  const [value, ...others] = values
  if (value === undefined) return null
  const [, quoted, bare] = KEY.exec(value) ?? []
  const key = quoted ?? bare
  if (key === undefined || others.length > 0) throw new Problem('IDEMPOTENCY_KEY_INVALID')
  return key
}

export function createOnce(store: IdempotencyStore, onError: (error: unknown, where: string) => void): Once {
  const ask = <T>(work: () => Promise<T>) => within(work, STORE_TIMEOUT_MS, 'idempotency_store')
  const report = (error: unknown) => onError(error, 'control.idempotency')

  return async function once(key, { caller, method, path, body }, run) {
    const id = digestOf([caller.kind, caller.name, key])
    const fingerprint = digestOf([method, path, digestOf(body)])
    const claim = randomBytes(16).toString('base64url')
    const known = await ask(() => store.claim(id, claim, fingerprint, CLAIMED_MS))
    if (known !== null) {
      if (known.fingerprint !== fingerprint) throw new Problem('IDEMPOTENCY_KEY_REUSED')
      if (known.answer === null) throw new Problem('IDEMPOTENCY_IN_PROGRESS')
      return { answer: known.answer, replayed: true }
    }
    let answer: StoredAnswer
    try {
      answer = await run()
    } catch (error) {
      // Where it cannot be released, it is when the claim ends.
      await ask(() => store.release(id, claim)).catch(report)
      throw error
    }
    // It is done: an answer that could not be kept is still the answer.
    await ask(() => store.keep(id, claim, { fingerprint, answer }, KEPT_MS)).catch(report)
    return { answer, replayed: false }
  }
}

function digestOf(value: Buffer | readonly string[]): string {
  const bytes = Buffer.isBuffer(value) ? value : JSON.stringify(value)
  return createHash('sha256').update(bytes).digest('base64url')
}
