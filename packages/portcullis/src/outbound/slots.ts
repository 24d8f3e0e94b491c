/** How many calls may be under way and how many may wait. */

export interface Slots {
  /** A place, now or later: what it resolves to must be called once to give it back. Null when too many wait. */
  readonly take: (signal: AbortSignal) => Promise<() => void> | null
  readonly inFlight: () => number
  readonly waiting: () => number
}

/** First come, first served. A call that waits and is aborted leaves; its promise rejects with the signal's reason. */
export function createSlots(maxConcurrent: number, maxQueued: number): Slots {
  const queue = new Set<() => void>()
  let used = 0

  function place(): () => void {
    used += 1
    let held = true
    return () => {
      if (!held) return
      held = false
      used -= 1
      for (const next of queue) {
        queue.delete(next)
        next()
        break
      }
    }
  }

  return {
    inFlight: () => used,
    waiting: () => queue.size,
    take(signal) {
      if (used < maxConcurrent) return Promise.resolve(place())
      if (queue.size >= maxQueued) return null
      return new Promise((resolve, reject) => {
        const leave = () => {
          queue.delete(enter)
          reject(signal.reason)
        }
        const enter = () => {
          signal.removeEventListener('abort', leave)
          resolve(place())
        }
        signal.addEventListener('abort', leave, { once: true })
        queue.add(enter)
      })
    },
  }
}
