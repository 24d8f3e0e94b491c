/** Time as the client helper reads it. The shape is that of the library's `Clock`, which a browser bundle must not need. */

export interface ClientClock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Runs `fn` once after `delayMs`; the returned function cancels it. */
  setTimer(fn: () => void, delayMs: number): () => void
}

export const systemClock: ClientClock = {
  now: () => Date.now(),
  setTimer(fn, delayMs) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

/**
 * Runs `fn` now, or at the next `online` event when the browser says that it is offline; the returned function cancels
 * that. Where nobody says (Node, React Native), it is now.
 */
export function whenOnline(fn: () => void): () => void {
  if (globalThis.navigator?.onLine !== false || typeof addEventListener !== 'function') {
    fn()
    return () => {}
  }
  addEventListener('online', fn, { once: true })
  return () => removeEventListener('online', fn)
}
