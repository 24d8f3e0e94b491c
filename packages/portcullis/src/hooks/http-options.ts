/** What `httpHooks()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import { knownOptions, LONGEST_TIMER_MS, positive, systemClock } from '../option-checks.ts'
import type { HttpCallOptions } from '../outbound/http-call.ts'
import { keysOf, type WebhookSecret } from '../strategies/webhook-signature.ts'

/** Questions that go together. */
export interface HookBatch {
  /** Questions in one request at most, from 1 to 1,000. Default 50. */
  readonly size?: number
  /** Milliseconds that the first of them waits for others. Default 5; 0 for those of the same turn of the event loop only. */
  readonly waitMs?: number
}

/** What may be remembered. The back end decides for how long, by `maxAgeSeconds` of an item or `Cache-Control: max-age`. */
export interface HookCache {
  /** Answers of each kind. Default 10,000; 0 for none. */
  readonly maxEntries?: number
  /** Whatever the back end says, no longer than this. Seconds; default 30, at most 300. */
  readonly maxSeconds?: number
}

/** Options of `httpHooks`; `url` and `secret` are required. */
export interface HttpHooksOptions extends Omit<HttpCallOptions, 'maxBodyBytes'> {
  /** Signs the requests: `whsec_` and 32 bytes or more in base64, or bytes. Several while one replaces another: all of them sign. */
  readonly secret: WebhookSecret | readonly WebhookSecret[]
  /** Milliseconds from a request to the last byte of its answer. Default 2000: keep `limits.ruleTimeoutMs` of the server above it. */
  readonly timeoutMs?: number
  /** Requests with questions at the same time; as many again about those who connect, and that have events to act upon. Default 16. */
  readonly maxConcurrent?: number
  readonly batch?: HookBatch
  readonly cache?: HookCache
  /**
   * For how long an outage leaves a connected socket with what was last known of it, while its lease holds. Milliseconds; default
   * 600,000. Afterwards `lease.revalidateGraceMs` of the server counts.
   */
  readonly graceMs?: number
  /** Notices of `disconnect` that may wait; one more drops the oldest. Default 1,000. */
  readonly maxNotices?: number
  /** Told of what nobody else is: an outage that keeps sockets, and notices that were dropped. Holds nothing of a request. */
  readonly onError?: (error: unknown, where: string) => void
  /** For tests. Default: the system's. Does not move `timeoutMs` and `batch.waitMs`. */
  readonly clock?: Clock
}

/** The options with their defaults, checked; those of the call apart. */
export interface HttpHooksSettings {
  readonly call: HttpCallOptions
  readonly keys: readonly Uint8Array[]
  readonly timeoutMs: number
  readonly maxConcurrent: number
  readonly batch: Required<HookBatch>
  readonly cache: Required<HookCache>
  readonly graceMs: number
  readonly maxNotices: number
  readonly onError: (error: unknown, where: string) => void
  readonly clock: Clock
}

const CALL_OPTIONS = ['url', 'maxQueued', 'ca', 'allowPrivateAddresses', 'dangerouslyAllowHttp'] as const
const OPTIONS: ReadonlySet<string> = new Set([
  ...CALL_OPTIONS,
  ...'secret timeoutMs maxConcurrent batch cache graceMs maxNotices onError clock'.split(' '),
])
const MAX_ANSWER_BYTES = 1_048_576

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: HttpHooksOptions): HttpHooksSettings {
  knownOptions(options, OPTIONS, 'httpHooks')
  const { onError = ignore, clock = systemClock } = options
  const { size = 50, waitMs = 5 } = partOf(options.batch, 'batch', ['size', 'waitMs'])
  const { maxEntries = 10_000, maxSeconds = 30 } = partOf(options.cache, 'cache', ['maxEntries', 'maxSeconds'])
  if (typeof onError !== 'function') throw new TypeError('"onError" must be a function')
  if (typeof clock?.now !== 'function' || typeof clock.setTimer !== 'function') {
    throw new TypeError('"clock" must have the functions "now" and "setTimer"')
  }
  const timeoutMs = positive(options.timeoutMs ?? 2000, 'timeoutMs', LONGEST_TIMER_MS)
  const maxConcurrent = whole(options.maxConcurrent ?? 16, 'maxConcurrent', 1, 65_536)
  return Object.freeze({
    call: {
      ...(Object.fromEntries(CALL_OPTIONS.map((name) => [name, options[name]])) as Pick<HttpCallOptions, 'url'>),
      timeoutMs,
      maxConcurrent,
      maxBodyBytes: MAX_ANSWER_BYTES,
    },
    keys: keysOf(options.secret),
    timeoutMs,
    maxConcurrent,
    batch: { size: whole(size, 'batch.size', 1, 1_000), waitMs: whole(waitMs, 'batch.waitMs', 0, 1_000) },
    cache: {
      maxEntries: whole(maxEntries, 'cache.maxEntries', 0, 10_000_000),
      maxSeconds: whole(maxSeconds, 'cache.maxSeconds', 0, 300),
    },
    graceMs: whole(options.graceMs ?? 600_000, 'graceMs', 0, LONGEST_TIMER_MS),
    maxNotices: whole(options.maxNotices ?? 1_000, 'maxNotices', 1, 1_000_000),
    onError: (error: unknown, where: string) => tell(onError, error, where),
    clock,
  })
}

/** Nothing depends on whether it was written down. */
function tell(onError: (error: unknown, where: string) => unknown, error: unknown, where: string): void {
  try {
    // It is often an async function; its rejection would otherwise end the process.
    Promise.resolve(onError(error, where)).catch(ignore)
  } catch {
    // As above.
  }
}

/** Without a prototype, so that a polluted one configures nothing. */
export function partOf<Part extends object>(part: Part | undefined, option: string, known: readonly string[]): Part {
  if (part !== undefined && (typeof part !== 'object' || part === null)) {
    throw new TypeError(`"${option}" must be an object`)
  }
  const own = Object.assign(Object.create(null), part) as Part
  knownOptions(own, new Set(known), `httpHooks.${option}`)
  return own
}

function whole(value: unknown, option: string, least: number, most: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    throw new TypeError(`"${option}" must be a whole number from ${least} to ${most}`)
  }
  return value as number
}

function ignore(): void {}
