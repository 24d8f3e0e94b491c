/** Decisions counted by second for the last fifteen minutes, in memory that does not grow. */

import { BINS, binOf, percentile } from './histogram.ts'
import type { DecisionEvent } from './source.ts'

/** What was decided within `step` seconds from `at` on. */
export interface Bucket {
  /** Epoch seconds. */
  readonly at: number
  readonly permits: number
  /** By code; only those that occurred. */
  readonly denials: Readonly<Record<string, number>>
  /** By stage; only those that occurred. */
  readonly stages: Readonly<Record<string, Latency>>
}

/** How long the decisions of a stage took, in microseconds. */
export interface Latency {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** The buckets of a span of time, oldest first; the last one is not over yet. */
export interface SeriesReading {
  /** Epoch seconds. */
  readonly now: number
  readonly step: number
  readonly buckets: readonly Bucket[]
  /** Percentiles over the whole span, by stage. */
  readonly stages: Readonly<Record<string, Latency>>
  /** Decisions that were overwritten before they were counted, since the inspector began. */
  readonly missed: number
}

/** Counts decisions. */
export interface Series {
  count(event: DecisionEvent): void
  missed(count: number): void
  /** `seconds`: 10 to 900. `step`: seconds to a bucket. */
  read(seconds: number, step: number): SeriesReading
}

/** How far back it goes. Seconds. */
export const SERIES_SECONDS = 900
/** Codes and stages are a dozen each; whatever else comes is counted as `other`. */
const MAX_NAMES = 16

/** A ring of counts for one code or stage. */
class Ring {
  readonly counts: Uint32Array
  private readonly width: number

  constructor(width: number) {
    this.width = width
    this.counts = new Uint32Array(SERIES_SECONDS * width)
  }

  add(slot: number, bin: number): void {
    const i = slot * this.width + bin
    this.counts[i] = (this.counts[i] ?? 0) + 1
  }

  at(slot: number): Uint32Array {
    return this.counts.subarray(slot * this.width, (slot + 1) * this.width)
  }
}

export function createSeries(nowSeconds: () => number): Series {
  const permits = new Ring(1)
  const denials = new Map<string, Ring>()
  const stages = new Map<string, Ring>()
  /** Which second a slot stands for; a slot of another second is empty. */
  const seconds = new Float64Array(SERIES_SECONDS)
  let missed = 0

  function slotOf(second: number): number {
    const slot = second % SERIES_SECONDS
    if (seconds[slot] !== second) {
      seconds[slot] = second
      for (const ring of [permits, ...denials.values(), ...stages.values()]) ring.at(slot).fill(0)
    }
    return slot
  }

  function slotsOf(from: number, step: number): readonly number[] {
    const slots: number[] = []
    for (let second = from; second < from + step; second += 1) {
      const slot = second % SERIES_SECONDS
      if (seconds[slot] === second) slots.push(slot)
    }
    return slots
  }

  return {
    count({ at, effect, code, stage, tookUs }) {
      const now = Math.floor(nowSeconds())
      const second = Math.floor(at)
      if (!(second > now - SERIES_SECONDS && second <= now + 1)) return
      const slot = slotOf(second)
      if (effect === 'permit') permits.add(slot, 0)
      else ringOf(denials, code ?? 'other', 1).add(slot, 0)
      ringOf(stages, stage, BINS).add(slot, binOf(tookUs))
    },
    missed(count) {
      missed += count
    },
    read(span, step) {
      const now = nowSeconds()
      const last = Math.floor(now / step) * step
      const first = last - Math.ceil(span / step) * step + step
      const buckets: Bucket[] = []
      const all: number[] = []
      for (let at = first; at <= last; at += step) {
        const slots = slotsOf(at, step)
        all.push(...slots)
        buckets.push({
          at,
          permits: sum(permits, slots),
          denials: present(denials, (ring) => sum(ring, slots)),
          stages: present(stages, (ring) => latency(ring, slots)),
        })
      }
      return { now, step, buckets, stages: present(stages, (ring) => latency(ring, all)), missed }
    },
  }
}

function ringOf(rings: Map<string, Ring>, name: string, width: number): Ring {
  const key = rings.has(name) || rings.size < MAX_NAMES ? name : 'other'
  const ring = rings.get(key) ?? new Ring(width)
  rings.set(key, ring)
  return ring
}

function sum(ring: Ring, slots: readonly number[]): number {
  return slots.reduce((total, slot) => total + (ring.at(slot)[0] ?? 0), 0)
}

function latency(ring: Ring, slots: readonly number[]): Latency | null {
  const bins = new Uint32Array(BINS)
  let count = 0
  for (const slot of slots) {
    const each = ring.at(slot)
    for (let bin = 0; bin < BINS; bin += 1) {
      const counted = each[bin] ?? 0
      if (counted === 0) continue
      bins[bin] = (bins[bin] ?? 0) + counted
      count += counted
    }
  }
  if (count === 0) return null
  return {
    count,
    p50: percentile(bins, count, 0.5),
    p95: percentile(bins, count, 0.95),
    p99: percentile(bins, count, 0.99),
  }
}

/** What is neither null nor zero, by name. */
function present<T>(rings: ReadonlyMap<string, Ring>, value: (ring: Ring) => T | null): Record<string, T> {
  const found: [string, T][] = []
  for (const [name, ring] of rings) {
    const each = value(ring)
    if (each !== null && each !== 0) found.push([name, each])
  }
  return Object.fromEntries(found)
}
