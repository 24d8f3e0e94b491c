/** Two queues taken from in turn, so that neither keeps the other waiting. */

/** `named`: somebody in particular. `all`: everybody. */
export type Lane = 'named' | 'all'

export interface FairLanes<Item> {
  /** An item in both is taken once, from the lane where its turn comes first. */
  add(item: Item, lane: Lane): void
  delete(item: Item): void
  /** From the lane that was not taken from last, unless nobody waits there. */
  take(): Item | undefined
}

export function createFairLanes<Item>(): FairLanes<Item> {
  const lanes: Readonly<Record<Lane, Set<Item>>> = { named: new Set(), all: new Set() }
  let last: Lane = 'all'

  function remove(item: Item): void {
    lanes.named.delete(item)
    lanes.all.delete(item)
  }

  return {
    add: (item, lane) => void lanes[lane].add(item),
    delete: remove,
    take() {
      const next: Lane = last === 'named' ? 'all' : 'named'
      if (lanes[next].size > 0) last = next
      for (const item of lanes[last]) {
        remove(item)
        return item
      }
      return undefined
    },
  }
}
