import { expect, test } from 'vitest'
import { retryPlan } from '../../src/client/retry-plan.ts'
import { bodyOf } from './bare-server.ts'

function delays(random: number, count: number): number[] {
  const plan = retryPlan(() => random)
  return Array.from({ length: count }, () => {
    const next = plan.next(bodyOf('AUTH_UNAVAILABLE'))
    return next.step === 'wait' ? next.delayMs : Number.NaN
  })
}

test('a backoff doubles from 1 s to 15 s when the jitter is least', () => {
  expect(delays(0, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
})

test('a backoff doubles from 2 s to 30 s when the jitter is most', () => {
  expect(delays(1, 7)).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
})

test('a backoff never ends and stays finite', () => {
  expect(delays(0.5, 3_000).every((delayMs) => delayMs >= 1_000 && delayMs <= 30_000)).toBe(true)
})

test('a connection that lasted starts the backoff anew, a shorter one does not', () => {
  const plan = retryPlan(() => 0)
  plan.next(bodyOf('AUTH_UNAVAILABLE'))
  plan.lasted(999)
  expect(plan.next(bodyOf('AUTH_UNAVAILABLE'))).toEqual({ step: 'wait', delayMs: 2_000 })
  plan.lasted(1_000)
  expect(plan.next(bodyOf('AUTH_UNAVAILABLE'))).toEqual({ step: 'wait', delayMs: 1_000 })
})

test('two codes in turn are refreshed once each, then terminal', () => {
  const plan = retryPlan(() => 0)
  const steps = (['AUTH_EXPIRED', 'AUTH_REVOKED', 'AUTH_EXPIRED'] as const).map((code) => plan.next(bodyOf(code)).step)
  expect(steps).toEqual(['refresh', 'refresh', 'stop'])
})

test('a backoff or a failure of the network in between earns another refresh', () => {
  const plan = retryPlan(() => 0)
  expect(plan.next(bodyOf('AUTH_EXPIRED')).step).toBe('refresh')
  plan.next(bodyOf('AUTH_UNAVAILABLE'))
  expect(plan.next(bodyOf('AUTH_EXPIRED')).step).toBe('refresh')
  plan.interrupted()
  expect(plan.next(bodyOf('AUTH_EXPIRED')).step).toBe('refresh')
})
