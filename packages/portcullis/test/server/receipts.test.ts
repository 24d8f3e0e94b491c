import type { LogState } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { createReceipts } from '../../src/server/receipts.ts'
import { fakeTime } from '../harness.ts'

const STALE_MS = 1_000

function setUp() {
  const time = fakeTime()
  const receipts = createReceipts(time.clock)
  const learn = (ages: Record<string, number>, rest: Partial<LogState> = {}) =>
    receipts.learn(
      {
        entries: [],
        more: false,
        rewound: false,
        ageMs: 3_600_000,
        applied: new Map(),
        nodes: Object.entries(ages).map(([node, ageMs]) => ({ node, ageMs, maxStalenessMs: STALE_MS })),
        ...rest,
      },
      time.clock.now(),
      time.clock.now(),
    )
  const by = (nodes: Record<string, number>) => new Map([['r', new Map(Object.entries(nodes))]])
  const states = async (timeoutMs: number, sinceMs = time.clock.now()) => {
    const receipt = receipts.of('r', sinceMs, timeoutMs)
    time.advance(timeoutMs)
    const { complete, nodes } = await receipt
    return [complete, Object.fromEntries(nodes.map(({ node, state }) => [node, state]))]
  }
  return { time, receipts, learn, by, states }
}

describe('receipts', () => {
  it('count a node as fenced when maxStalenessMs and a tenth have passed since the entry was durable, not before', async () => {
    const { learn, by, states } = setUp()
    learn({ a: 0, b: 0 }, { applied: by({ a: 2 }) })
    expect(await states(1_099)).toEqual([false, { a: 'applied', b: 'pending' }])
    learn({ a: 0, b: 0 }, { applied: by({ a: 2 }) })
    expect(await states(1_101)).toEqual([true, { a: 'applied', b: 'fenced' }])
  })

  it('count anew from when an entry was written again: others have read the log without it meanwhile', async () => {
    const { time, receipts, learn, by } = setUp()
    learn({ a: 0, b: 0 }, { applied: by({ a: 2 }) })
    const receipt = receipts.of('r', time.clock.now(), 5_000)
    const others = receipts.of('another', time.clock.now(), 1_101)
    time.advance(500)
    receipts.kept('r')
    learn({ a: 0, b: 0 }, { applied: by({ a: 2 }) })
    time.advance(601)
    expect((await others).complete).toBe(true)
    let resolved = false
    receipt.then(() => {
      resolved = true
    })
    await Promise.resolve()
    expect(resolved).toBe(false)
    time.advance(500)
    expect(await receipt).toMatchObject({ complete: true, nodes: [{ state: 'applied' }, { state: 'fenced' }] })
  })

  it('count a node as fenced at once when the log has not heard of it for twice as long', async () => {
    const { learn, by, states } = setUp()
    learn({ a: 0, b: 2_201 }, { applied: by({ a: 2 }) })
    expect(await states(1)).toEqual([true, { a: 'applied', b: 'fenced' }])
  })

  it('count the time since a node was heard of, whatever the clock of the log says now', async () => {
    const { time, learn, by, states } = setUp()
    learn({ a: 0, b: 0 })
    time.advance(100)
    learn({ a: 0, b: 3_600_000 }, { applied: by({ a: 0 }) })
    expect(await states(1_099)).toEqual([false, { a: 'applied', b: 'pending' }])
  })

  it('wait in a log that is new, or was emptied, until every node that may be serving has read it again', async () => {
    const { learn, by, states } = setUp()
    learn({ a: 0 }, { applied: by({ a: 1 }), ageMs: 100 })
    expect(await states(999)).toEqual([false, { a: 'applied' }])
    learn({ a: 0 }, { applied: by({ a: 1 }), ageMs: 1_100 })
    expect(await states(2)).toEqual([true, { a: 'applied' }])
  })

  it('are of no use before the nodes were asked for after the entry was durable', async () => {
    const { time, learn, by, states } = setUp()
    learn({ a: 0 }, { applied: by({ a: 0 }) })
    time.advance(10)
    expect(await states(50)).toEqual([false, { a: 'applied' }])
  })

  it('X07: wait for nodes that a log may have forgotten with all else, until each would be fenced', async () => {
    const { time, learn, by, states } = setUp()
    learn({ a: 0, b: 0 })
    time.advance(100)
    learn({ a: 0 }, { rewound: true, applied: by({ a: 0 }) })
    expect(await states(10)).toEqual([false, { a: 'applied' }])
    time.advance(STALE_MS * 1.1)
    learn({ a: 0 }, { applied: by({ a: 0 }) })
    expect(await states(10)).toEqual([true, { a: 'applied' }])
  })

  it('wait no longer for a node that has left', async () => {
    const { learn, by, states } = setUp()
    learn({ a: 0, b: 0 })
    learn({ a: 0 }, { applied: by({ a: 0 }) })
    expect(await states(10)).toEqual([true, { a: 'applied' }])
  })

  it('leave no timer', async () => {
    const { time, receipts, learn, by } = setUp()
    const receipt = receipts.of('r', time.clock.now(), 60_000)
    learn({ a: 0, b: 0 }, { applied: by({ a: 0 }) })
    learn({ a: 0, b: 0 }, { applied: by({ a: 0, b: 3 }) })
    expect((await receipt).closed).toBe(3)
    expect(time.pending()).toBe(0)
  })
})
