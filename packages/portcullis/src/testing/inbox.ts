/** Keeps what arrives until somebody asks for it, and lets those who ask first wait, within a deadline. */

export interface Inbox<Item> {
  put(name: string, item: Item): void
  /** The oldest item of this name that nobody took. @throws Error when none comes within the deadline */
  take(name: string): Promise<Item>
  /** Forgets what nobody took. */
  skip(name: string): void
  /** Forgets everything; promises still waiting never settle. */
  clear(): void
}

interface Slot<Item> {
  readonly items: Item[]
  readonly waiting: ((item: Item) => void)[]
}

export function inbox<Item>(timeoutMs: number): Inbox<Item> {
  const slots = new Map<string, Slot<Item>>()
  const timers = new Set<ReturnType<typeof setTimeout>>()

  function slotOf(name: string): Slot<Item> {
    const slot = slots.get(name) ?? { items: [], waiting: [] }
    slots.set(name, slot)
    return slot
  }

  return {
    put(name, item) {
      const { items, waiting } = slotOf(name)
      const first = waiting.shift()
      if (first) first(item)
      else items.push(item)
    },
    take(name) {
      const { items, waiting } = slotOf(name)
      const [ready] = items.splice(0, 1)
      if (ready !== undefined) return Promise.resolve(ready)
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          timers.delete(timer)
          waiting.splice(waiting.indexOf(settle), 1)
          reject(new Error(`no "${name}" within ${timeoutMs} ms`))
        }, timeoutMs)
        timers.add(timer)
        function settle(item: Item): void {
          clearTimeout(timer)
          timers.delete(timer)
          resolve(item)
        }
        waiting.push(settle)
      })
    },
    skip(name) {
      slotOf(name).items.length = 0
    },
    clear() {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      slots.clear()
    },
  }
}
