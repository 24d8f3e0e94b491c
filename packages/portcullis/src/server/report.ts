/** What the application's own code threw, reported without the values that its message may hold. */

/** Told of every error that became AUTH_ERROR or AUTH_UNAVAILABLE, with where it happened, such as `events.chat`. */
export type OnError = (error: unknown, where: string) => void

/** One place warns at most this often: an outage must not fill the log. */
const WARN_EVERY_MS = 10_000
const MAX_PLACES = 1_000
const lastWarnedMs = new Map<string, number>()

/**
 * The default `onError`: a process warning, at most one in ten seconds for each place, with the error's name and stack frames. Its message is left out, since it may
 * hold a token, a query or a password; pass `onError` to get the error itself.
 */
export const warnOfError: OnError = (error, where) => {
  const now = Date.now()
  if (now - (lastWarnedMs.get(where) ?? 0) < WARN_EVERY_MS) return
  if (lastWarnedMs.size >= MAX_PLACES) lastWarnedMs.clear()
  lastWarnedMs.set(where, now)
  const name = error instanceof Error ? error.name : typeof error
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : []
  process.emitWarning(`${where} failed with ${name}`, {
    code: 'PORTCULLIS_ERROR',
    detail: frames.slice(0, 8).join('\n'),
  })
}

/** An `onError` that cannot throw: reporting never changes a decision. */
export function safely(onError: OnError): OnError {
  return (error, where) => {
    try {
      onError(error, where)
    } catch {
      // A reporter that fails has nowhere to report to.
    }
  }
}
