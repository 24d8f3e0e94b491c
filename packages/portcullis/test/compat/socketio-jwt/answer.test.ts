import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ANSWER_LIMIT_MS, answerOf, returnOf, saidIn } from '../../../src/compat/legacy-jwt-answer.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a callback of the application', () => {
  test('that never answers is unavailable after ten seconds', async () => {
    const answers = [answerOf(() => undefined), returnOf(() => new Promise(() => {}))]
    const outcomes = Promise.allSettled(answers)
    await vi.advanceTimersByTimeAsync(ANSWER_LIMIT_MS)
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'AUTH_UNAVAILABLE', reason: 'no_answer' } })
    }
    expect(vi.getTimerCount()).toBe(0)
  })

  test('leaves no timer when it answers, throws or rejects, and its first answer counts', async () => {
    const error = new Error('no')
    const twice = answerOf((answer) => {
      answer(null, 1)
      answer(error)
      throw error
    })
    expect(await twice).toEqual([null, 1])
    await expect(answerOf(() => Promise.reject(error))).rejects.toBe(error)
    const throwing = () => {
      throw error
    }
    await expect(answerOf(throwing)).rejects.toBe(error)
    await expect(returnOf(throwing)).rejects.toBe(error)
    expect(await returnOf(async () => 1)).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('speaks to the client in strings and plain objects only', () => {
    expect(saidIn('why', 'x')).toEqual({ message: 'why' })
    expect(saidIn({ message: 'why', code: 'c' }, 'x')).toEqual({ message: 'why', code: 'c' })
    for (const other of [new Error('secret'), { message: 1, code: {} }, '', null, 42, [], () => 'why']) {
      expect(saidIn(other, 'x')).toEqual({ message: 'x' })
    }
  })
})
