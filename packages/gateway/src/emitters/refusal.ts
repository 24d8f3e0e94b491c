/** Why the bridge does not pass a message on, and how that is told without drowning anybody. */

/**
 * `malformed`: not of the wire form, or too deep; `too_large`: over 1 MiB; `reserved`: an event or a room that is not the application's to
 * name; `namespace`: not one that the gateway protects; `unsupported`: a request that is not passed on, or not allowed here;
 * `signature`: not signed with the secret; `stale`: stamped too long ago, or ahead; `replayed`: heard before; `overloaded`: more signed
 * messages within the window than are remembered; `failed`: delivering it threw.
 */
export type EmitterRefusal =
  | 'malformed'
  | 'too_large'
  | 'reserved'
  | 'namespace'
  | 'unsupported'
  | 'signature'
  | 'stale'
  | 'replayed'
  | 'overloaded'
  | 'failed'

/** Thrown within the bridge only. Its message holds nothing of what was received. */
export class RefusedEmission extends Error {
  readonly reason: EmitterRefusal

  constructor(reason: EmitterRefusal, options?: ErrorOptions) {
    super(`an emitter's message was refused: ${reason}`, options)
    this.name = 'RefusedEmission'
    this.reason = reason
  }
}

export interface RefusalReport {
  /** How many, by reason. */
  readonly counts: Readonly<Partial<Record<EmitterRefusal, number>>>
  refuse(refused: RefusedEmission): void
}

const REPORT_EVERY_MS = 1_000

/** Counts everything, and reports at most once a second: the first at once, and with it how many there were since the last report. */
export function createRefusalReport(onError: (error: Error) => void): RefusalReport {
  const counts: Partial<Record<EmitterRefusal, number>> = {}
  let unreported = 0
  let reportedAtMs = Number.NEGATIVE_INFINITY
  return {
    counts,
    refuse(refused) {
      counts[refused.reason] = (counts[refused.reason] ?? 0) + 1
      unreported += 1
      const now = performance.now()
      if (now - reportedAtMs < REPORT_EVERY_MS) return
      const others = unreported - 1
      reportedAtMs = now
      unreported = 0
      const cause = refused.cause === undefined ? {} : { cause: refused.cause }
      try {
        onError(others === 0 ? refused : new Error(`${refused.message}; and ${others} before it`, cause))
      } catch {
        // It would be thrown into the Redis client, which would lose its place among the answers.
      }
    },
  }
}
