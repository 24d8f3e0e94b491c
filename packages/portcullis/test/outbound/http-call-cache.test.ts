import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { fakeClock } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { type Answer, type AnswerCacheOptions, createAnswerCache } from '../../src/outbound/cache.ts'
import { freshSeconds } from '../../src/outbound/freshness.ts'

/** A cache of numbers, and how often it had to ask. */
function cached(options: Partial<AnswerCacheOptions> = {}) {
  const clock = fakeClock()
  const cache = createAnswerCache<number>({ now: () => clock.now(), ...options })
  let asked = 0
  const load = (key: string, answer: Partial<Answer<number>> = {}) =>
    cache.load(key, async () => {
      asked += 1
      return { value: asked, keepUntil: clock.now() + 1000, negative: false, bytes: 1, ...answer }
    })
  return { clock, cache, load, asked: () => asked }
}

describe('a cache of answers', () => {
  it('gives what it remembers until that ends, and then asks again', async () => {
    const { load, clock } = cached()
    expect([await load('a'), await load('a'), await load('b')]).toEqual([1, 1, 2])
    await clock.advance(999)
    expect(await load('a')).toBe(1)
    await clock.advance(1)
    expect(await load('a')).toBe(3)
  })

  it('remembers nothing that may not be kept, has ended, or failed', async () => {
    const { load, clock, cache } = cached()
    expect([
      await load('a', { keepUntil: null }),
      await load('a', { keepUntil: clock.now() }),
      await load('a'),
    ]).toEqual([1, 2, 3])
    const failing = () => cache.load('b', () => Promise.reject(new Error('down')))
    await expect(failing()).rejects.toThrow('down')
    expect(cache.size().asking).toBe(0)
    expect(await load('b')).toBe(4)
  })

  it('does not keep an answer whose clock was set back', async () => {
    const { load, clock, cache } = cached()
    await load('a', { keepUntil: clock.now() - 1 })
    expect(cache.size().positive).toBe(0)
  })

  it('asks once for all who ask at the same time, and joins at most maxAsking', async () => {
    const { load, asked, cache } = cached({ maxAsking: 1 })
    const all = [load('a'), load('a'), load('b'), load('b')]
    expect(cache.size().asking).toBe(1)
    expect([await Promise.all(all), asked()]).toEqual([[1, 1, 2, 3], 3])
    expect(cache.size().asking).toBe(0)
  })

  it('K13: counts refusals apart, and drops what was not used for longest', async () => {
    const { load, cache } = cached({ maxPositive: 2, maxNegative: 2 })
    await load('a')
    await load('b')
    for (const key of ['x', 'y', 'z']) await load(key, { negative: true })
    expect(cache.size()).toMatchObject({ positive: 2, negative: 2 })
    expect(await load('a')).toBe(1)
    await load('c')
    expect([await load('a'), await load('b')]).toEqual([1, 7])
    expect(await load('z', { negative: true })).toBe(5)
    expect(await load('x', { negative: true })).toBe(8)
  })

  it('K13: is bounded in bytes as well', async () => {
    const { load, cache } = cached({ maxBytes: 10 })
    for (const key of ['a', 'b', 'c', 'd']) await load(key, { bytes: 4 })
    expect(cache.size().positive).toBe(2)
    await load('huge', { bytes: 11 })
    expect(cache.size().positive).toBe(0)
    await load('e', { bytes: 10 })
    expect(cache.size().positive).toBe(1)
  })

  it('K13: stays exact in its bytes when answers end and are replaced', async () => {
    const { load, cache, clock } = cached({ maxBytes: 10 })
    for (let round = 0; round < 5; round += 1) {
      await load('a', { bytes: 8 })
      await clock.advance(1000)
    }
    await load('b', { bytes: 2 })
    await load('a', { bytes: 8 })
    expect(cache.size().positive).toBe(2)
  })

  it('K13: 1,000,000 distinct bad tokens leave at most 10,000 entries, and less than 20 MiB', async () => {
    setFlagsFromString('--expose_gc')
    const collect: () => void = runInNewContext('gc')
    const { cache, clock } = cached()
    const refusal = { value: 0, keepUntil: clock.now() + 30_000, negative: true, bytes: 30 }
    const ask = async () => refusal
    collect()
    const before = process.memoryUsage()
    for (let batch = 0; batch < 1000; batch += 1) {
      const keys = Array.from({ length: 1000 }, (_, i) =>
        createHash('sha256').update(`${batch}.${i}`).digest('base64url'),
      )
      await Promise.all(keys.map((key) => cache.load(key, ask)))
    }
    collect()
    const { heapUsed, external } = process.memoryUsage()
    const { positive, negative, asking } = cache.size()
    expect([positive, asking]).toEqual([0, 0])
    expect(negative).toBeLessThanOrEqual(10_000)
    expect(negative).toBeGreaterThan(9000)
    expect(heapUsed + external - before.heapUsed - before.external).toBeLessThan(20 * 1_048_576)
  }, 60_000)

  it('K14: forgets everything at purge, and does not keep what was being asked', async () => {
    const { cache, load, clock } = cached()
    await load('a')
    await load('n', { negative: true })
    let answer: (value: Answer<number>) => void = () => {}
    const old = cache.load('b', () => new Promise((resolve) => (answer = resolve)))
    cache.purge()
    expect(cache.size()).toEqual({ positive: 0, negative: 0, asking: 0 })
    // Whoever asks after the purge does not get what was asked before it.
    const fresh = load('b')
    answer({ value: 77, keepUntil: clock.now() + 1000, negative: false, bytes: 1 })
    expect([await old, await fresh, await load('b'), await load('a')]).toEqual([77, 3, 3, 4])
  })
})

describe('freshness by Cache-Control', () => {
  const cases: readonly [headers: Record<string, string>, seconds: number][] = [
    [{}, 0],
    [{ 'cache-control': 'max-age=10' }, 10],
    [{ 'cache-control': 'private, MAX-AGE="10"' }, 10],
    [{ 'cache-control': ', max-age=10 ,' }, 0],
    [{ 'cache-control': 'max-age=10, no-store' }, 0],
    [{ 'cache-control': 'max-age=10, No-Cache' }, 0],
    [{ 'cache-control': 'max-age=10, no-cache="set-cookie"' }, 0],
    [{ 'cache-control': 's-maxage=10' }, 0],
    [{ 'cache-control': 's-maxage=60, max-age=10, must-revalidate' }, 10],
    [{ 'cache-control': 'x="max-age=10"' }, 0],
    [{ 'cache-control': 'x="a, max-age=20", max-age=10' }, 10],
    [{ 'cache-control': 'max-age=10, max-age=20' }, 0],
    [{ 'cache-control': 'max-age=10, max-age=10' }, 10],
    [{ 'cache-control': 'max-age' }, 0],
    [{ 'cache-control': 'max-age=-1' }, 0],
    [{ 'cache-control': 'max-age=1.5' }, 0],
    [{ 'cache-control': 'max-age=1e3' }, 0],
    [{ 'cache-control': 'max-age=99999999999' }, 0],
    [{ 'cache-control': 'max-age=10; no-store' }, 0],
    [{ 'cache-control': 'max-age=10', age: '4' }, 6],
    [{ 'cache-control': 'max-age=10', age: '11' }, 0],
    [{ 'cache-control': 'max-age=10', age: 'old' }, 0],
    [{ 'cache-control': 'max-age=10', vary: 'accept' }, 10],
    [{ 'cache-control': 'max-age=10', vary: '*' }, 0],
    [{ expires: 'Thu, 01 Jan 2099 00:00:00 GMT' }, 0],
  ]
  for (const [headers, seconds] of cases) {
    it(`${JSON.stringify(headers)} is ${seconds} s`, () => {
      expect(freshSeconds(headers)).toBe(seconds)
    })
  }
})
