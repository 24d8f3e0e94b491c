import { CODES } from 'portcullis'
import {
  createInspector,
  hashPassword,
  type InspectorOptions,
  type InspectorSource,
  shadowLog,
  sourceOf,
} from 'portcullis-inspector'
import { describe, expect, it } from 'vitest'
import { CODES as LISTED } from '../src/page/codes.ts'
import { createSeries, SERIES_SECONDS } from '../src/series.ts'
import { SECRET, users } from './newsroom.ts'

const source = {
  overview() {},
  decisions: { read: () => ({ events: [], next: '', missed: 0 }), subscribe: () => () => {} },
}
const good = { source: source as unknown as InspectorSource, users: users(), secret: SECRET }
const [ada] = users()

describe('createInspector', () => {
  it.each([
    [{ source: undefined }, '"source"'],
    [{ users: undefined }, '"users"'],
    [{ users: [] }, '"users"'],
    [{ users: [{ name: '', passwordHash: ada?.passwordHash }] }, '"users[0].name"'],
    [{ users: [ada, ada] }, '"users[1].name"'],
    [{ users: [{ name: 'a', passwordHash: 'secret' }] }, '"users[0].passwordHash"'],
    [{ users: [{ name: 'a', passwordHash: ada?.passwordHash.replace('ln=10', 'ln=30') }] }, '"users[0].passwordHash"'],
    [{ users: [{ ...ada, mayRevoke: 'yes' }] }, '"users[0].mayRevoke"'],
    [{ secret: undefined }, '"secret"'],
    [{ secret: 'x'.repeat(31) }, '"secret"'],
    [{ authenticate: () => null }, '"users" and "authenticate"'],
    [{ users: undefined, authenticate: true }, '"authenticate"'],
    [{ sessionSeconds: 1 }, '"sessionSeconds"'],
    [{ onError: 'log' }, '"onError"'],
    [{ path: '/inspector' }, '"path"'],
  ])('refuses %j', (changed, quoted) => {
    const make = () => createInspector({ ...good, ...changed } as unknown as InspectorOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(quoted)
  })

  it('quotes no secret in its errors', () => {
    const wrong = { ...good, users: [{ name: 'a', passwordHash: 'a password in clear' }] }
    expect(() => createInspector(wrong)).toThrow(/^(?!.*in clear)/)
  })
})

it('hashes no empty and no endless password', async () => {
  await expect(hashPassword('')).rejects.toThrow(TypeError)
  await expect(hashPassword('x'.repeat(1_025))).rejects.toThrow(TypeError)
})

it('sourceOf wants a guard, a decision log and a title', () => {
  const make = (options: object) => () => sourceOf(options as Parameters<typeof sourceOf>[0])
  expect(make({ title: '' })).toThrow('"title"')
  expect(make({ title: 't' })).toThrow('"auth"')
  expect(make({ title: 't', auth: { connections() {} } })).toThrow('"decisions"')
})

it('offers the codes of the library to choose from', () => {
  expect(LISTED).toEqual(Object.keys(CODES))
})

describe('shadowLog', () => {
  const difference = (at: number) => ({ at }) as Parameters<ReturnType<typeof shadowLog>['onDifference']>[0]

  it('keeps the last, reads on from a cursor and counts what was overwritten', () => {
    const log = shadowLog({ capacity: 3 })
    for (const at of [1, 2]) log.onDifference(difference(at))
    const first = log.read({ limit: 10 })
    expect(first.differences.map(({ at }) => at)).toEqual([1, 2])
    for (const at of [3, 4, 5, 6]) log.onDifference(difference(at))
    const second = log.read({ after: first.next, limit: 2 })
    expect([second.differences.map(({ at }) => at), second.missed]).toEqual([[4, 5], 1])
    expect(log.read({ after: second.next, limit: 2 }).differences.map(({ at }) => at)).toEqual([6])
  })

  it('reads from the oldest with a cursor of another log', () => {
    const log = shadowLog()
    log.onDifference(difference(1))
    expect(log.read({ after: shadowLog().read({ limit: 1 }).next, limit: 1 }).differences.length).toBe(1)
    expect(() => shadowLog({ capacity: 0 })).toThrow('"capacity"')
  })
})

describe('series', () => {
  const event = {
    id: '',
    namespace: null,
    identity: null,
    rule: '',
    stage: 'event',
    effect: 'permit',
    code: null,
  } as const

  it('forgets what is older than fifteen minutes, in the memory of fifteen minutes', () => {
    let now = 10_000
    const series = createSeries(() => now)
    for (let second = 0; second < 3 * SERIES_SECONDS; second += 1) {
      now = 10_000 + second
      series.count({ ...event, at: now, tookUs: 5 })
    }
    const { buckets, stages } = series.read(SERIES_SECONDS, 60)
    expect(stages.event?.count).toBeLessThanOrEqual(SERIES_SECONDS)
    expect(buckets.slice(1, -1).map(({ permits }) => permits)).toEqual(Array(13).fill(60))
    now += SERIES_SECONDS
    expect(series.read(SERIES_SECONDS, 60).stages).toEqual({})
  })

  it('says percentiles within a tenth', () => {
    const series = createSeries(() => 10_000)
    for (let us = 1; us <= 1_000; us += 1) series.count({ ...event, at: 10_000, tookUs: us })
    const { p50 = 0, p95 = 0, p99 = 0 } = series.read(10, 1).stages.event ?? {}
    for (const [found, exact] of [
      [p50, 500],
      [p95, 950],
      [p99, 990],
    ] as const) {
      expect(Math.abs(found / exact - 1)).toBeLessThan(0.1)
    }
  })

  it('counts what is of no second, and whatever codes there are, in bounded memory', () => {
    const series = createSeries(() => 10_000)
    for (const at of [Number.NaN, 0, 20_000]) series.count({ ...event, at, tookUs: 1 })
    for (let i = 0; i < 100; i += 1)
      series.count({ ...event, at: 10_000, effect: 'deny', code: `CODE_${i}`, tookUs: Number.NaN })
    const last = series.read(10, 10).buckets.at(-1)
    expect([last?.permits, Object.keys(last?.denials ?? {}).length, last?.denials.other]).toEqual([0, 17, 84])
  })
})
