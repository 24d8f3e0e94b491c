/** A priority queue: a binary heap. */

export interface Queue<T> {
  push(item: T): void
  first(): T | undefined
  shift(): T | undefined
}

/** `compare` is negative when the first comes before the second. */
export function createQueue<T>(compare: (one: T, other: T) => number): Queue<T> {
  const items: T[] = []
  const before = (i: number, j: number) => compare(items[i] as T, items[j] as T) < 0
  function swap(i: number, j: number): void {
    const kept = items[i] as T
    items[i] = items[j] as T
    items[j] = kept
  }
  return {
    push(item) {
      let i = items.push(item) - 1
      for (let parent = (i - 1) >> 1; i > 0 && before(i, parent); parent = (i - 1) >> 1) {
        swap(i, parent)
        i = parent
      }
    },
    first: () => items[0],
    shift() {
      const first = items[0]
      const last = items.pop()
      if (last === undefined || items.length === 0) return first
      items[0] = last
      for (let i = 0; ; ) {
        let least = i
        for (const child of [2 * i + 1, 2 * i + 2]) if (child < items.length && before(child, least)) least = child
        if (least === i) return first
        swap(i, least)
        i = least
      }
    },
  }
}
