/** How often each property is tried: `FC_RUNS=20` tries twenty times as often, and `FC_SEED` repeats what a failure has printed. */

import { availableParallelism, loadavg } from 'node:os'
import fc, { type Parameters } from 'fast-check'

const times = Number(process.env.FC_RUNS ?? 1)
const seed = process.env.FC_SEED

/** Parameters of `fc.assert`: `count` runs by default. A failure prints its seed and the smallest input that was found. */
export function runs<Input>(count: number, parameters: Parameters<Input> = {}): Parameters<Input> {
  return {
    numRuns: Math.max(1, Math.ceil(count * times)),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...parameters,
  }
}

/** Milliseconds for a property of so many runs by default, on a machine that has other work. */
export const PATIENCE_MS = 30_000 * Math.max(1, times)

/** Other work on the machine takes its part of any time that is measured. */
export function crowd(): number {
  return Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
}

/** Any UTF-16 code units, lone surrogates and control characters among them: fast-check's own takes a second to prepare. */
export function anyText(maxLength = 10): fc.Arbitrary<string> {
  const codeUnit = fc.oneof({ weight: 2, arbitrary: fc.nat(0x7f) }, fc.nat(0xff), fc.nat(0xffff))
  return fc.array(codeUnit, { maxLength }).map((units) => String.fromCharCode(...units))
}
