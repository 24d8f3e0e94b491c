import { describe, expect, it } from 'vitest'
import { createLeaseTimer } from '../../src/server/lease-timer.ts'
import { fakeTime } from '../harness.ts'

describe('lease timer', () => {
  it('ends each item at its second, in order, never early', () => {
    const time = fakeTime()
    const timer = createLeaseTimer(time.clock)
    const start = time.seconds()
    const ended: [string, number][] = []
    const item = (name: string, after: number) => ({
      expiresAt: start + after,
      expire: () => ended.push([name, time.seconds() - start]),
    })
    for (const [name, after] of [
      ['c', 30],
      ['a', 10],
      ['b', 20.5],
      ['past', -5],
    ] as const)
      timer.add(item(name, after))
    time.advance(60_000)
    expect(ended).toEqual([
      ['past', 0],
      ['a', 10],
      ['b', 21],
      ['c', 30],
    ])
    expect(timer.size).toBe(0)
  })

  it('forgets an item that was deleted, and one that was never added', () => {
    const time = fakeTime()
    const timer = createLeaseTimer(time.clock)
    const ended: number[] = []
    const items = [1, 2, 3].map((after) => ({ expiresAt: time.seconds() + after, expire: () => ended.push(after) }))
    for (const item of items) timer.add(item)
    for (const item of items.slice(1)) timer.delete(item)
    timer.delete({ expiresAt: 5, expire: () => {} })
    expect(timer.size).toBe(1)
    time.advance(10_000)
    expect(ended).toEqual([1])
  })

  it('takes an item that another adds while it ends', () => {
    const time = fakeTime()
    const timer = createLeaseTimer(time.clock)
    const ended: string[] = []
    timer.add({
      expiresAt: time.seconds() + 1,
      expire: () => timer.add({ expiresAt: time.seconds() + 1, expire: () => ended.push('second') }),
    })
    time.advance(3_000)
    expect(ended).toEqual(['second'])
  })

  it('R04: ends what a clock that was set forward has passed', () => {
    let now = 1_000_000
    const fired: (() => void)[] = []
    const setTimer = (fn: () => void) => {
      fired.push(fn)
      return () => {}
    }
    const timer = createLeaseTimer({ now: () => now, setTimer })
    const ended: number[] = []
    timer.add({ expiresAt: now / 1000 + 3600, expire: () => ended.push(1) })
    now += 3_600_000
    fired.at(-1)?.()
    expect(ended).toEqual([1])
  })
})
