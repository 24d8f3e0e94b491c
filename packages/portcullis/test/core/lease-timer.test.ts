import { describe, expect, it, vi } from 'vitest'
import { createLeaseTimer } from '../../src/server/lease-timer.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'

describe('lease timer', () => {
  it('ends each item at its second, in order, never early', async () => {
    const clock = fakeClock()
    const timer = createLeaseTimer(clock)
    const start = clock.now() / 1000
    const ended: [string, number][] = []
    const item = (name: string, after: number) => ({
      expiresAt: start + after,
      expire: () => ended.push([name, clock.now() / 1000 - start]),
    })
    for (const [name, after] of [
      ['c', 30],
      ['a', 10],
      ['b', 20.5],
      ['past', -5],
    ] as const)
      timer.add(item(name, after))
    await clock.advance(60_000)
    expect(ended).toEqual([
      ['past', 0],
      ['a', 10],
      ['b', 21],
      ['c', 30],
    ])
    expect(timer.size).toBe(0)
  })

  it('forgets an item that was deleted, and one that was never added', async () => {
    const clock = fakeClock()
    const timer = createLeaseTimer(clock)
    const ended: number[] = []
    const items = [1, 2, 3].map((after) => ({ expiresAt: clock.now() / 1000 + after, expire: () => ended.push(after) }))
    for (const item of items) timer.add(item)
    for (const item of items.slice(1)) timer.delete(item)
    timer.delete({ expiresAt: 5, expire: () => {} })
    expect(timer.size).toBe(1)
    await clock.advance(10_000)
    expect(ended).toEqual([1])
  })

  it('takes an item that another adds while it ends', async () => {
    const clock = fakeClock()
    const timer = createLeaseTimer(clock)
    const ended: string[] = []
    timer.add({
      expiresAt: clock.now() / 1000 + 1,
      expire: () => timer.add({ expiresAt: clock.now() / 1000 + 1, expire: () => ended.push('second') }),
    })
    await clock.advance(3_000)
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

  it('R04, F18: a clock that is set forward or back ends nothing early, and what it has passed within a second', async () => {
    const clock = fakeClock()
    const timer = createLeaseTimer(clock)
    const start = clock.now() / 1000
    const ended: string[] = []
    const add = (name: string, after: number) => timer.add({ expiresAt: start + after, expire: () => ended.push(name) })
    for (const [name, after] of [
      ['minute', 60],
      ['hour', 3_600],
      ['year', 365 * 86_400],
    ] as const)
      add(name, after)
    clock.set((start - 3_600) * 1000)
    await clock.advance(120_000)
    expect(ended).toEqual([])
    clock.set((start + 61) * 1000)
    await clock.advance(1_000)
    expect(ended).toEqual(['minute'])
    clock.set((start + 100_000_000) * 1000)
    await clock.advance(1_000)
    expect(ended).toEqual(['minute', 'hour', 'year'])
    expect([clock.pending, timer.size]).toEqual([0, 0])
    add('past', 0)
    await clock.advance(0)
    expect(ended.at(-1)).toBe('past')
  })

  it.each([30 * 86_400, 10 * 365 * 86_400, 1e300, Number.MAX_VALUE])(
    'R03: an end that is %d s away sets no timer that a machine would get wrong, and is not early',
    async (seconds) => {
      // This clock throws for a delay that fires at once.
      const clock = fakeClock()
      const timer = createLeaseTimer(clock)
      const ended: number[] = []
      timer.add({ expiresAt: clock.now() / 1000 + seconds, expire: () => ended.push(seconds) })
      await clock.advance(60_000)
      clock.set(clock.now() + Math.min(seconds - 120, 1e10) * 1000)
      await clock.advance(30_000)
      expect([ended, timer.size, clock.pending]).toEqual([[], 1, 1])
      clock.set(clock.now() + 120_000)
      await clock.advance(1_000)
      expect(ended).toEqual(seconds < 1e10 ? [seconds] : [])
    },
  )

  it('R05: ends many of one second in slices, in the order in which they came, and others have their turn between', async () => {
    const clock = fakeClock()
    const timer = createLeaseTimer(clock)
    const expiresAt = clock.now() / 1000 + 1
    const slices: number[][] = []
    for (let i = 0; i < 950; i += 1) timer.add({ expiresAt, expire: () => slices.at(-1)?.push(i) })
    const setTimer = vi.spyOn(clock, 'setTimer').mockImplementation(() => () => {})
    slices.push([])
    await clock.advance(1_000)
    // The next slice is asked for, by a timer of its own.
    expect(setTimer).toHaveBeenLastCalledWith(expect.any(Function), 0)
    for (let turn = 0; turn < 9; turn += 1) {
      slices.push([])
      setTimer.mock.lastCall?.[0]()
    }
    expect(slices.map(({ length }) => length)).toEqual([...Array(9).fill(100), 50])
    expect(slices.flat()).toEqual(Array.from({ length: 950 }, (_, i) => i))
  })

  it('sets one timer whatever is on it, and none when nothing is', async () => {
    const clock = fakeClock()
    const timer = createLeaseTimer(clock)
    const items = Array.from({ length: 1_000 }, (_, i) => ({
      expiresAt: clock.now() / 1000 + (i % 77),
      expire: () => {},
    }))
    for (const item of items) timer.add(item)
    expect(clock.pending).toBe(1)
    for (const item of items.slice(1)) timer.delete(item)
    expect([clock.pending, timer.size]).toEqual([1, 1])
    timer.delete(items[0] as (typeof items)[0])
    timer.delete(items[0] as (typeof items)[0])
    expect([clock.pending, timer.size]).toEqual([0, 0])
    timer.add(items[5] as (typeof items)[0])
    timer.close()
    expect([clock.pending, timer.size]).toEqual([0, 0])
    await clock.advance(100_000)
    timer.add(items[5] as (typeof items)[0])
    await clock.advance(0)
    expect(timer.size).toBe(0)
  })

  it('goes on when one of them throws', async () => {
    const clock = fakeClock()
    const timer = createLeaseTimer(clock)
    const expiresAt = clock.now() / 1000 + 1
    const ended: number[] = []
    for (const i of [1, 2, 3, 4]) {
      const fail = () => {
        throw new Error('thrown')
      }
      timer.add({ expiresAt: expiresAt + (i > 2 ? 1 : 0), expire: i % 2 === 1 ? fail : () => ended.push(i) })
    }
    for (let i = 0; i < 2; i += 1) await expect(clock.advance(2_000)).rejects.toThrow('thrown')
    await clock.advance(2_000)
    expect(ended).toEqual([2, 4])
  })

  it('may be emptied, filled and closed by what it ends', async () => {
    const clock = fakeClock()
    const timer = createLeaseTimer(clock)
    const expiresAt = clock.now() / 1000 + 1
    const ended: string[] = []
    const other = { expiresAt, expire: () => ended.push('other') }
    const again = { expiresAt: expiresAt - 0.5, expire: () => ended.push('again') }
    timer.add({
      expiresAt,
      expire: () => {
        timer.delete(other)
        timer.add(again)
        timer.add({ expiresAt: expiresAt - 100, expire: timer.close })
        timer.add({ expiresAt: expiresAt + 1, expire: () => ended.push('never') })
      },
    })
    timer.add(other)
    await clock.advance(1_000)
    expect(ended).toEqual(['again'])
    timer.add({ expiresAt: clock.now() / 1000 + 1, expire: () => ended.push('later') })
    await clock.advance(1_000)
    expect(ended).toEqual(['again', 'later'])
    expect(clock.pending).toBe(0)
  })
})
