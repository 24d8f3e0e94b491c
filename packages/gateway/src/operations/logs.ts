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
  return {
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error(error, where) {
      const kind = error instanceof Error ? error.name : typeof error
      log.error({ where, kind, reason: reasonOf(error), ...own(error) }, `${where}: ${kind}`)
    },
    decision(event) {
      if (decisions === 'none' || (decisions === 'denied' && event.effect === 'permit')) return
      log.info({ decision: event }, `${event.stage} ${event.effect}`)
    },
    flush: () => log.flush(),
  }
}

/** What our own errors say holds no value of anybody's; a CEL expression is the operator's. */
function own(error: unknown): { readonly message?: string } {
  return error instanceof Error &&
    /^(CEL |the query was refused|an entry of the revocation log|"[^"]*" )/.test(error.message)
    ? { message: error.message }
    : {}
}
