import { describe, expect, it } from 'vitest'
import { monotonicMs, secondsOf } from '../../src/core/clock.ts'

const setTimer = () => () => {}

describe('a clock', () => {
  it('tells seconds with a fraction', () => {
    expect(secondsOf({ now: () => 1_500, setTimer })).toBe(1.5)
  })

  it('measures durations by its monotonic side, where it has one', () => {
    expect(monotonicMs({ now: () => 1_500, monotonic: () => 7, setTimer })).toBe(7)
    expect(monotonicMs({ now: () => 1_500, monotonic: () => 0, setTimer })).toBe(0)
    expect(monotonicMs({ now: () => 1_500, setTimer })).toBe(1_500)
  })
})
