/** One connection to the bus for all listeners of a log: opened for the first, closed after the last. */

import type { LogListener, Unsubscribe } from '../core/revocation-log.ts'

/** What a connection to the bus is told to do with what it hears. */
export interface Hearing {
  heard(text: string): void
  /** The connection was lost and is back: in between, anything may have been said. */
  resumed(): void
}

/** Resolves when everything said from now on is heard, with what ends that. */
export type OpenBus = (hearing: Hearing) => Promise<Unsubscribe>

export type Listen = (listener: LogListener) => Promise<Unsubscribe>

export function createListening(open: OpenBus, tell: (listener: LogListener, text: string) => void): Listen {
  const listeners = new Set<LogListener>()
  let opened: Promise<Unsubscribe> | null = null
  let closed: Promise<void> = Promise.resolve()

  const hearing: Hearing = {
    heard(text) {
      for (const listener of [...listeners]) tell(listener, text)
    },
    resumed() {
      for (const listener of [...listeners]) listener.appended()
    },
  }

  function openOnce(): Promise<Unsubscribe> {
    const opening = opened ?? closed.then(() => open(hearing))
    opened = opening
    opening.catch(() => {
      if (opened === opening) opened = null
    })
    return opening
  }

  function leave(listener: LogListener): Promise<void> {
    if (!listeners.delete(listener) || listeners.size > 0 || opened === null) return closed
    const ending = opened
    opened = null
    closed = ending.then((close) => close()).catch(() => {})
    return closed
  }

  return async (listener) => {
    // One that was given before is another subscription all the same.
    const own: LogListener = {
      appended: () => listener.appended(),
      applied: (id) => listener.applied(id),
      message: (text) => listener.message(text),
    }
    listeners.add(own)
    try {
      await openOnce()
    } catch (error) {
      listeners.delete(own)
      throw error
    }
    return () => leave(own)
  }
}
