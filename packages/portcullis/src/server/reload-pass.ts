/** Judging every socket again: a few at a time, with turns for everybody else, and once more where a rule could not decide. */

import { setImmediate } from 'node:timers/promises'
import type { Guard } from './guard.ts'
import type { Entry } from './registry.ts'
import { type Judged, judgeAgain, stands } from './reload-judge.ts'
import type { OnError } from './report.ts'

export interface ReloadPass {
  /** Resolves when each has been judged once. Who is undecided is judged again, less and less often, for as long as it takes. */
  judge(entries: readonly Entry[]): Promise<readonly Judged[]>
  /** Sockets whose rules have not decided yet. */
  undecided(): Iterable<Entry>
  close(): void
}

/** Sockets whose rules are under way at once. */
const CONCURRENT = 16
/** After so long, everybody else has a turn. */
const SLICE_MS = 2
const UNDECIDED: Judged = { closed: false, left: 0, gained: 0, undecided: true }
const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 30_000

export function createReloadPass(guard: () => Guard): ReloadPass {
  const open = new Set<Entry>()
  let failures = 0
  let cancel = () => {}
  let closed = false

  async function judge(entries: readonly Entry[]): Promise<readonly Judged[]> {
    const judged: Judged[] = []
    // An outage fails for each of them alike.
    const told = new Set<string>()
    const onError: OnError = (error, where) => {
      if (!told.has(where)) guard().onError(error, where)
      told.add(where)
    }
    await inSlices(entries, async (entry) => {
      if (closed) return
      const found = await judgeAgain(guard(), entry, onError).catch((error): Judged => {
        // A listener of the application on its adapter has thrown, and stopped half-way.
        onError(error, 'reload')
        return UNDECIDED
      })
      judged.push(found)
      if (found.undecided && !closed) open.add(entry)
      else open.delete(entry)
    })
    schedule()
    return judged
  }

  function schedule(): void {
    cancel()
    for (const entry of open) if (!stands(entry)) open.delete(entry)
    if (open.size === 0 || closed) {
      failures = 0
      cancel = () => {}
      return
    }
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures) * (0.5 + 0.5 * Math.random())
    failures += 1
    cancel = guard().clock.setTimer(() => void judge([...open]), Math.ceil(delayMs))
  }

  return {
    judge,
    undecided: () => [...open],
    close() {
      closed = true
      open.clear()
      cancel()
    },
  }
}

/** `work` on each item, some at once; the event loop is not held for longer than a slice and one piece of work. */
export async function inSlices<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void> | void,
): Promise<void> {
  let at = 0
  let sinceMs = performance.now()
  let turn: Promise<void> | null = null
  const nextTurn = () => {
    turn ??= setImmediate().then(() => {
      turn = null
      sinceMs = performance.now()
    })
    return turn
  }
  const worker = async () => {
    while (at < items.length) {
      if (performance.now() - sinceMs > SLICE_MS) {
        await nextTurn()
        continue
      }
      const item = items[at] as Item
      at += 1
      await work(item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENT, items.length) }, worker))
}
