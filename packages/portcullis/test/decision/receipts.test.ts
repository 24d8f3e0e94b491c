import { describe, expect, it } from 'vitest'
import type { LogState, NodeState } from '../../src/core/revocation-log.ts'
import { createReceipts, type Receipt } from '../../src/server/receipts.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'

const STALENESS_MS = 1_000
/** A tenth more, for clocks that differ in speed. */
const FENCE_MS = 1_100

const node = (name: string, ageMs = 0, maxStalenessMs = STALENESS_MS): NodeState => ({
  node: name,
  ageMs,
  maxStalenessMs,
})
const applied = (id: string, by: Record<string, number>) => new Map([[id, new Map(Object.entries(by))]])
const state = (nodes: readonly NodeState[], more: Partial<LogState> = {}): LogState => ({
  entries: [],
  more: false,
  rewound: false,
  nodes,
  ageMs: Number.POSITIVE_INFINITY,
  applied: new Map(),
  ...more,
})

function started() {
  const clock = fakeClock()
  const receipts = createReceipts(clock)
  const nowMs = () => clock.monotonic?.() ?? 0
  return {
    clock,
    receipts,
    nowMs,
    learn: (given: LogState) => receipts.learn(given, nowMs(), nowMs()),
    /** The receipt once there is one. */
    ask(id: string, timeoutMs = 10_000) {
      const asked: { receipt: Receipt | null } = { receipt: null }
      void receipts.of(id, nowMs(), timeoutMs).then((receipt) => {
        asked.receipt = receipt
      })
      return asked
    },
  }
}

describe('a receipt', () => {
  it('is complete when every node has applied it, with what each of them closed', async () => {
    const { clock, learn, ask } = started()
    learn(state([node('a'), node('b')]))
    const asked = ask('e')
    await clock.advance(10)
    expect(asked.receipt).toBe(null)
    learn(state([node('a'), node('b')], { applied: applied('e', { a: 2 }) }))
    await clock.advance(10)
    expect(asked.receipt).toBe(null)
    learn(state([node('a'), node('b')], { applied: applied('e', { a: 2, b: 3 }) }))
    await clock.advance(0)
    expect(asked.receipt).toEqual({
      id: 'e',
      complete: true,
      closed: 5,
      nodes: [
        { node: 'a', state: 'applied', closed: 2 },
        { node: 'b', state: 'applied', closed: 3 },
      ],
    })
    expect(clock.pending).toBe(0)
  })

  it('waits for an answer of the log that was asked for after the entry was durable', async () => {
    const { clock, learn, receipts, nowMs, ask } = started()
    learn(state([]))
    await clock.advance(100)
    const asked = ask('e')
    await clock.advance(0)
    expect(asked.receipt).toBe(null)
    receipts.learn(state([]), nowMs() - 1, nowMs())
    await clock.advance(0)
    expect(asked.receipt).toBe(null)
    receipts.learn(state([]), nowMs(), nowMs())
    await clock.advance(0)
    expect(asked.receipt).toMatchObject({ complete: true, nodes: [], closed: 0 })
  })

  it('counts a silent node as fenced after its staleness and a tenth', async () => {
    const { clock, learn, ask } = started()
    const asked = ask('e')
    learn(state([node('a')]))
    await clock.advance(FENCE_MS - 1)
    expect(asked.receipt).toBe(null)
    await clock.advance(1)
    expect(asked.receipt).toEqual({
      id: 'e',
      complete: true,
      closed: 0,
      nodes: [{ node: 'a', state: 'fenced', closed: 0 }],
    })
  })

  it('believes the log of a node that has long been silent after twice that time', async () => {
    const { clock, learn, ask } = started()
    learn(state([node('a', 2 * FENCE_MS - 50)]))
    const asked = ask('e')
    learn(state([node('a', 2 * FENCE_MS - 50)]))
    await clock.advance(49)
    expect(asked.receipt).toBe(null)
    await clock.advance(1)
    expect(asked.receipt?.nodes).toEqual([{ node: 'a', state: 'fenced', closed: 0 }])
  })

  it('ends incomplete at its time, and says which are pending', async () => {
    const { clock, learn, ask } = started()
    const asked = ask('e', 500)
    learn(state([node('a'), node('b')], { applied: applied('e', { a: 1 }) }))
    await clock.advance(499)
    expect(asked.receipt).toBe(null)
    await clock.advance(1)
    expect(asked.receipt).toEqual({
      id: 'e',
      complete: false,
      closed: 1,
      nodes: [
        { node: 'a', state: 'applied', closed: 1 },
        { node: 'b', state: 'pending', closed: 0 },
      ],
    })
    expect(clock.pending).toBe(0)
  })

  it('is not complete before the log is so old that every node has said its name', async () => {
    const { clock, learn, ask } = started()
    const asked = ask('e')
    learn(state([node('a')], { ageMs: 300, applied: applied('e', { a: 0 }) }))
    await clock.advance(FENCE_MS - 300 - 1)
    expect(asked.receipt).toBe(null)
    await clock.advance(1)
    expect(asked.receipt).toMatchObject({ complete: true, nodes: [{ state: 'applied' }] })
  })

  it('takes a log that has lost data for a new one, whatever its age', async () => {
    const { clock, learn, ask } = started()
    const asked = ask('e')
    learn(state([node('a')], { rewound: true, applied: applied('e', { a: 0 }) }))
    await clock.advance(FENCE_MS - 1)
    expect(asked.receipt).toBe(null)
    await clock.advance(1)
    expect(asked.receipt?.complete).toBe(true)
  })

  it('takes an age below zero, by a clock that was set, for zero', async () => {
    const { clock, learn, ask } = started()
    const asked = ask('e')
    learn(state([node('a')], { ageMs: -5_000, applied: applied('e', { a: 0 }) }))
    await clock.advance(FENCE_MS - 1)
    expect(asked.receipt).toBe(null)
    await clock.advance(1)
    expect(asked.receipt?.complete).toBe(true)
  })

  it('waits for the slowest that was ever named, the former ones too', async () => {
    const { clock, learn, ask } = started()
    learn(state([node('slow', 0, 5_000)]))
    const asked = ask('e')
    learn(state([node('a')], { ageMs: 0, applied: applied('e', { a: 0 }) }))
    await clock.advance(5_499)
    expect(asked.receipt).toBe(null)
    await clock.advance(1)
    expect(asked.receipt?.complete).toBe(true)
  })

  it('counts from when an entry was written again that the log had lost', async () => {
    const { clock, learn, receipts, ask } = started()
    const asked = ask('e')
    learn(state([node('a')]))
    await clock.advance(1_000)
    receipts.kept('other')
    receipts.kept('e')
    learn(state([node('a')]))
    await clock.advance(FENCE_MS - 1)
    receipts.kept('other')
    expect(asked.receipt).toBe(null)
    await clock.advance(1)
    expect(asked.receipt).toMatchObject({ complete: true, nodes: [{ state: 'fenced' }] })
  })

  it('of several is each its own', async () => {
    const { clock, learn, ask } = started()
    const [first, second] = [ask('e'), ask('f')]
    learn(state([node('a')], { applied: applied('e', { a: 1 }) }))
    await clock.advance(0)
    expect([first.receipt?.closed, second.receipt]).toEqual([1, null])
    learn(state([node('a')], { applied: applied('f', { a: 2 }) }))
    await clock.advance(0)
    expect(second.receipt?.closed).toBe(2)
  })

  it('forgets who applied an entry once it was told', async () => {
    const { clock, learn, ask } = started()
    learn(state([node('a')]))
    const first = ask('e')
    learn(state([node('a')], { applied: applied('e', { a: 1 }) }))
    await clock.advance(0)
    expect(first.receipt?.closed).toBe(1)
    const second = ask('e', 5)
    await clock.advance(5)
    expect(second.receipt).toMatchObject({ complete: false, closed: 0 })
  })
})

describe('the nodes that are known', () => {
  it('may be serving until their staleness and a tenth is over', async () => {
    const { clock, receipts, learn } = started()
    expect([receipts.nodes(), receipts.known()]).toEqual([[], []])
    learn(state([node('a'), node('b', 600)]))
    await clock.advance(499)
    expect(receipts.nodes()).toEqual(['a', 'b'])
    await clock.advance(1)
    expect(receipts.nodes()).toEqual(['a'])
    expect(receipts.known()).toEqual([
      { node: 'a', state: 'live', seenMsAgo: 500 },
      { node: 'b', state: 'silent', seenMsAgo: 1_100 },
    ])
  })

  it('were heard of no longer ago than by the answer before, and the time since', async () => {
    const { clock, receipts, learn } = started()
    learn(state([node('a', 100)]))
    await clock.advance(50)
    learn(state([node('a', 9_000), node('b', 9_000)]))
    expect(receipts.known()).toEqual([
      { node: 'a', state: 'live', seenMsAgo: 150 },
      { node: 'b', state: 'silent', seenMsAgo: 9_000 },
    ])
    learn(state([node('a', 5)]))
    expect(receipts.known()).toEqual([{ node: 'a', state: 'live', seenMsAgo: 5 }])
  })
})
