/** Logs: one JSON object a line, without credentials, cookies, claims, or the messages of errors that may quote them. */

import { type DestinationStream, pino } from 'pino'
import type { AuditEvent } from 'portcullis'
import type { Config } from '../config/schema.ts'
import { reasonOf } from '../start-error.ts'

/** What the gateway writes of itself. */
export interface Logs {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  /** The kind of the error and its code: a message may quote a query, an address or a credential. */
  error(error: unknown, where: string): void
  /** One decision, when the file asks for those. */
  decision(event: AuditEvent): void
  /** Writes what is still on its way. */
  flush(): void
}

/** @param stream where to; default: standard output */
export function createLogs({ level, decisions }: Config['logs'], stream?: DestinationStream): Logs {
  const log = pino(
    { level, base: { name: 'portcullis-gateway', pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    stream ?? pino.destination(1),
  )
  const repeats = createRepeats()
  return {
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error(error, where) {
      const kind = error instanceof Error ? error.name : typeof error
      const fields = { where, kind, reason: reasonOf(error), ...own(error) }
      const repeated = repeats(JSON.stringify(fields))
      if (repeated === null) return
      log.error(repeated === 0 ? fields : { ...fields, repeated }, `${where}: ${kind}`)
    },
    decision(event) {
      if (decisions === 'none' || (decisions === 'denied' && event.effect === 'permit')) return
      log.info({ decision: event }, `${event.stage} ${event.effect}`)
    },
    flush: () => log.flush(),
  }
}

const ONCE_PER_MS = 1_000
const MAX_KINDS = 200

/**
 * An outage fails for each client alike, and a client may fail as often as it likes: the same error is written once a second, with how
 * often it came since. Null for one that is only counted.
 */
function createRepeats(nowMs: () => number = () => performance.now()): (kind: string) => number | null {
  const kinds = new Map<string, { readonly writtenAtMs: number; count: number }>()
  return function repeats(kind) {
    const known = kinds.get(kind)
    const now = nowMs()
    if (known !== undefined && now - known.writtenAtMs < ONCE_PER_MS) {
      known.count += 1
      return null
    }
    kinds.delete(kind)
    kinds.set(kind, { writtenAtMs: now, count: 0 })
    const [oldest] = kinds.keys()
    if (kinds.size > MAX_KINDS && oldest !== undefined) kinds.delete(oldest)
    return known?.count ?? 0
  }
}

/** What our own errors say holds no value of anybody's; a CEL expression is the operator's. */
function own(error: unknown): { readonly message?: string } {
  return error instanceof Error &&
    /^(CEL |the query was refused|the back end |the answer of the back end |the call to |https?:\/\/\S+ failed too often|an entry of the revocation log|"[^"]*" )/.test(
      error.message,
    )
    ? { message: error.message }
    : {}
}
