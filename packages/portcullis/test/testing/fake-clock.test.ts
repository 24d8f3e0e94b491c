import { fakeClock } from 'portcullis/testing'
import { expect, test, vi } from 'vitest'

test('time stands still until it is advanced', async () => {
  const clock = fakeClock(1_000)
  const started = clock.now()
  await clock.advance(250)
  expect([started, clock.now()]).toEqual([1_000, 1_250])
})

test('timers run at their own moment, in order of time and then of setting', async () => {
  const clock = fakeClock(0)
  const ran: [string, number][] = []
  const note = (name: string) => () => ran.push([name, clock.now()])
  clock.setTimer(note('late'), 30)
  clock.setTimer(note('early'), 10)
  clock.setTimer(note('early too'), 10)
  clock.setTimer(note('beyond'), 31)
  await clock.advance(30)
  expect(ran).toEqual([
    ['early', 10],
    ['early too', 10],
    ['late', 30],
  ])
  expect(clock.pending).toBe(1)
})

test('a timer set by a timer, or after an await in one, runs in the same advance', async () => {
  const clock = fakeClock(0)
  const fn = vi.fn()
  clock.setTimer(async () => {
    for (let hop = 0; hop < 20; hop += 1) await Promise.resolve()
    clock.setTimer(() => fn(clock.now()), 5)
  }, 10)
  await clock.advance(15)
  expect(fn.mock.calls).toEqual([[15]])
})

test('what was awaited before the advance can still set its timer', async () => {
  const clock = fakeClock(0)
  const fn = vi.fn()
  void Promise.resolve().then(() => clock.setTimer(fn, 1))
  await clock.advance(1)
  expect(fn).toHaveBeenCalledTimes(1)
})

test('a cancelled timer does not run, even when the one before it cancels it', async () => {
  const clock = fakeClock()
  const fn = vi.fn()
  const cancel = clock.setTimer(fn, 2)
  clock.setTimer(cancel, 1)
  await clock.advance(10)
  expect([fn.mock.calls.length, clock.pending]).toEqual([0, 0])
})

test('a jump of the wall clock runs no timer and brings none closer', async () => {
  const clock = fakeClock(0)
  const fn = vi.fn()
  clock.setTimer(fn, 100)
  clock.set(1_000_000)
  await clock.advance(99)
  expect([clock.now(), fn.mock.calls.length]).toEqual([1_000_099, 0])
  await clock.advance(1)
  expect(fn).toHaveBeenCalledTimes(1)
})

test.for([2 ** 31, Number.POSITIVE_INFINITY, Number.NaN])('a timer of %d ms is a RangeError', (delayMs) => {
  expect(() => fakeClock().setTimer(() => {}, delayMs)).toThrow(RangeError)
})

test('a timer of 2^31-1 ms and one of the past are accepted', async () => {
  const clock = fakeClock()
  const fn = vi.fn()
  clock.setTimer(() => {}, 2 ** 31 - 1)
  clock.setTimer(fn, -1)
  await clock.advance(0)
  expect([fn.mock.calls.length, clock.pending]).toEqual([1, 1])
})

test('an error of a timer rejects the advance', async () => {
  const clock = fakeClock()
  clock.setTimer(() => {
    throw new Error('boom')
  }, 1)
  await expect(clock.advance(1)).rejects.toThrow('boom')
})

test.for([-1, Number.NaN, Number.POSITIVE_INFINITY])('advancing by %d ms is a RangeError', async (ms) => {
  await expect(fakeClock().advance(ms)).rejects.toThrow(RangeError)
})

test('it advances under the fake timers of a test runner', async () => {
  vi.useFakeTimers()
  try {
    const clock = fakeClock(0)
    await clock.advance(5)
    expect(clock.now()).toBe(5)
  } finally {
    vi.useRealTimers()
  }
})
