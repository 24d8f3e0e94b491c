import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRevocationIndex, type Revocation, revocationName } from '../../src/core/revocation.ts'
import { createLeaseTimer, type Expiring } from '../../src/server/lease-timer.ts'
import { fakeTime } from '../harness.ts'
import { runs } from './runs.ts'

describe('R05: the timer of leases', () => {
  type Step =
    | { readonly kind: 'add'; readonly inMs: number }
    | { readonly kind: 'delete'; readonly which: number }
    | { readonly kind: 'pass'; readonly ms: number }
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -3_000, max: 90_000 }).map((inMs): Step => ({ kind: 'add', inMs })) },
    fc.nat().map((which): Step => ({ kind: 'delete', which })),
    fc.nat(20_000).map((ms): Step => ({ kind: 'pass', ms })),
  )

  it('ends each once, not early and at most a second late, and never what was taken off', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const time = fakeTime()
        const timer = createLeaseTimer(time.clock)
        const pending = new Set<Expiring>()
        const added = new Map<Expiring, number>()
        const add = (expiresAt: number) => {
          const item: Expiring = {
            expiresAt,
            expire() {
              const now = time.seconds()
              expect(pending.delete(item)).toBe(true)
              expect(now).toBeGreaterThanOrEqual(expiresAt)
              expect(now).toBeLessThanOrEqual(Math.max(expiresAt, added.get(item) ?? 0) + 1)
            },
          }
          added.set(item, time.seconds())
          pending.add(item)
          timer.add(item)
        }
        for (const one of steps) {
          if (one.kind === 'add') add(time.seconds() + one.inMs / 1000)
          else if (one.kind === 'pass') time.advance(one.ms)
          else {
            const all = [...added.keys()]
            const item = all[one.which % Math.max(1, all.length)]
            // What has ended, or was taken off before, may be taken off again.
            if (item !== undefined) timer.delete(item)
            if (item !== undefined) pending.delete(item)
          }
          expect(timer.size).toBe(pending.size)
          expect(time.pending()).toBe(pending.size === 0 ? 0 : 1)
        }
        time.advance(92_000)
        expect([pending.size, timer.size, time.pending()]).toEqual([0, 0, 0])
      }),
      runs(150),
    )
  })
})

describe('revocations', () => {
  const revocation = fc.record({
    id: fc.uuid(),
    at: fc.constant(0),
    name: fc.constantFrom('subject:a', 'subject:b', 'token:a', 'session:a'),
    issuedBefore: fc.nat(20),
    expiresAt: fc.integer({ min: 30, max: 50 }),
    effect: fc.constant('revoke' as const),
    exceptSocket: fc.constant(null),
    graceMs: fc.constant(0),
  })
  const some = fc.array(revocation, { maxLength: 12 })

  it('cover the same authorities in whatever order, and however often, they are applied', () => {
    fc.assert(
      fc.property(
        some.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
        ),
        fc.integer({ min: 25, max: 55 }),
        ([all, again], now) => {
          for (const order of [all, again]) {
            const index = createRevocationIndex()
            for (const one of order) index.apply(one)
            for (const one of order) expect(index.apply(one)).toBe(false)
            index.prune(now)
            for (const name of new Set(all.map((one) => one.name))) {
              const { before, until } = reach(all, name)
              for (const issuedAt of [before - 1, before, before + 1]) {
                // All that is known under a name is kept until the last of it may be forgotten.
                const covered = issuedAt < before && now < until
                expect(index.find(['other', name], issuedAt) !== null).toBe(covered)
              }
            }
          }
        },
      ),
      runs(200),
    )
  })

  it('have one name for one key, and no name for two', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ':', '"', ',', '[', ']', '\\', ' '), maxLength: 6 })
    const key = fc.oneof(
      fc.record({ issuer: text, subject: text }),
      text.map((session) => ({ session })),
      text.map((tokenId) => ({ tokenId })),
      text.map((tag) => ({ tag })),
    )
    const digest = (value: string) => `#${value}`
    fc.assert(
      fc.property(key, key, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b)
        expect(revocationName(a, digest) === revocationName(b, digest)).toBe(same)
      }),
      runs(500),
    )
  })
})

/** Before when authorities under the name are dead, and until when that is remembered. */
function reach(all: readonly Revocation[], name: string): { readonly before: number; readonly until: number } {
  const mine = all.filter((one) => one.name === name)
  return {
    before: Math.max(...mine.map((one) => one.issuedBefore)),
    until: Math.max(...mine.map((one) => one.expiresAt)),
  }
}
