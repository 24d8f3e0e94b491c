/** Scales and their ticks. */

/** Up to `max` in steps that people count in: 1, 2, 5 and their tens. */
export function niceTicks(max: number, wanted: number): readonly number[] {
  if (!(max > 0)) return [0, 1]
  const rough = max / wanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10) * power
  const ticks: number[] = []
  for (let i = 0; i * step < max + step * 0.999; i += 1) ticks.push(Number((i * step).toPrecision(12)))
  return ticks
}

/** A scale: what is marked on it, and where a value stands between 0 (bottom) and 1 (top). */
export interface Scale {
  readonly ticks: readonly number[]
  readonly share: (value: number) => number
}

/** From 0 to the next round number above `max`. */
export function linearScale(max: number): Scale {
  const ticks = niceTicks(max, 4)
  const top = ticks.at(-1) ?? 1
  return { ticks, share: (value) => Math.min(value, top) / top }
}

/** Powers of ten around everything from `min` to `max`: what is seldom slow is seen beside what is mostly fast. */
export function logScale(min: number, max: number): Scale {
  const low = Math.floor(Math.log10(Math.max(1, min)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1, max))))
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i))
  return { ticks, share: (value) => Math.max(0, (Math.log10(Math.max(1, value)) - low) / (high - low)) }
}

/** Moments of the clock between two, about `wanted` of them. Epoch seconds. */
export function timeTicks(from: number, to: number, wanted: number): readonly number[] {
  const steps = [10, 15, 30, 60, 120, 300, 600]
  const step = steps.find((each) => (to - from) / each <= wanted) ?? 900
  const ticks: number[] = []
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at)
  return ticks
}

/** Draws a line through points, with a gap wherever there is none. */
export function linePath(points: readonly (readonly [x: number, y: number] | null)[]): string {
  let pen = 'M'
  let path = ''
  for (const point of points) {
    if (point === null) {
      pen = 'M'
      continue
    }
    path += `${pen}${point[0].toFixed(1)} ${point[1].toFixed(1)}`
    pen = 'L'
  }
  return path
}
