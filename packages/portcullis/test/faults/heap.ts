/** What is in use on the heap, without what waits to be collected. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export async function usedHeap(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // What finished in this turn is garbage in the next.
  for (let i = 0; i < 3; i += 1) {
    await new Promise(setImmediate)
    collect()
  }
  return process.memoryUsage().heapUsed
}
