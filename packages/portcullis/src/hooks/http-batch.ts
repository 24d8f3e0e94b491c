/** Questions that come together go together: one request for many. */

import { type Item, itemOf, MAX_ITEM_BYTES } from './http-item.ts'
import type { ItemAnswer, Post } from './http-post.ts'

/** Asks, with others or alone; rejects with AUTH_UNAVAILABLE. */
export type Ask = (text: string) => Promise<ItemAnswer>

interface Waiting {
  readonly item: Item
  readonly resolve: (answer: ItemAnswer) => void
  readonly reject: (error: unknown) => void
}

/**
 * The first question waits `waitMs` for others; `size` of them, or 256 KiB, do not wait any longer. A request that is under way holds
 * up no other: how many there may be is the call's to say.
 */
export function createBatch(post: Post, { size, waitMs }: { readonly size: number; readonly waitMs: number }): Ask {
  let waiting: Waiting[] = []
  let bytes = 0
  let timer: ReturnType<typeof setTimeout> | null = null

  function flush(): void {
    if (timer !== null) clearTimeout(timer)
    const batch = waiting
    timer = null
    waiting = []
    bytes = 0
    void deliver(post, batch)
  }

  return (text) =>
    new Promise((resolve, reject) => {
      const item = itemOf(text)
      const length = Buffer.byteLength(item.text)
      if (waiting.length > 0 && bytes + length > MAX_ITEM_BYTES) flush()
      waiting.push({ item, resolve, reject })
      bytes += length
      if (waiting.length >= size) flush()
      else timer ??= setTimeout(flush, waitMs)
    })
}

/** One request for one question. */
export function createSingle(post: Post): Ask {
  return async (text) => {
    const item = itemOf(text)
    return (await post([item]))(item.id)
  }
}

/** Each has the answer that is its own: what is wrong with one of them is nothing to the others. */
async function deliver(post: Post, batch: readonly Waiting[]): Promise<void> {
  let answerTo: (id: string) => ItemAnswer
  try {
    answerTo = await post(batch.map(({ item }) => item))
  } catch (error) {
    for (const { reject } of batch) reject(error)
    return
  }
  for (const { item, resolve, reject } of batch) {
    try {
      resolve(answerTo(item.id))
    } catch (error) {
      reject(error)
    }
  }
}
