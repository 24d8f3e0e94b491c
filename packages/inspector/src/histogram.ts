/** Durations in bounded memory: a count for each eighth of an octave, so a percentile is right to within a tenth. */

const PARTS_PER_OCTAVE = 8
/** From 1 µs to 2^24 µs, some 17 s; what took longer counts as that. */
const OCTAVES = 24

/** How many counts one histogram has. */
export const BINS = PARTS_PER_OCTAVE * OCTAVES

/** The bin of a duration in microseconds. */
export function binOf(us: number): number {
  if (!(us > 1)) return 0
  return Math.min(BINS - 1, Math.floor(Math.log2(us) * PARTS_PER_OCTAVE))
}

/** The duration at which a share of all that were counted is reached, in microseconds; the middle of its bin. */
export function percentile(bins: ArrayLike<number>, count: number, share: number): number {
  const wanted = Math.max(1, Math.ceil(count * share))
  let seen = 0
  for (let bin = 0; bin < bins.length; bin += 1) {
    seen += bins[bin] ?? 0
    if (seen >= wanted) return Math.max(1, Math.round(2 ** ((bin + 0.5) / PARTS_PER_OCTAVE)))
  }
  return 0
}
