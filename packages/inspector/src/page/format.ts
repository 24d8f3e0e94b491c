/** Numbers and times as people read them. */

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})
const DAY = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hour12: false,
})
const COUNT = new Intl.NumberFormat('en')

/** `14:03:27`. Epoch seconds. */
export function clockTime(at: number): string {
  return CLOCK.format(at * 1000)
}

/** `14:03:27.512`, for what happens many times a second. */
export function preciseTime(at: number): string {
  return `${CLOCK.format(at * 1000)}.${String(Math.floor((at % 1) * 1000)).padStart(3, '0')}`
}

/** `21 Nov 2026, 14:03`. */
export function dateTime(at: number): string {
  return DAY.format(at * 1000)
}

/** `2 h 5 min`: the two largest units. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const
  const first = parts.findIndex(([amount]) => amount > 0)
  if (first === -1) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

/** `12,345`. */
export function count(value: number): string {
  return COUNT.format(value)
}

/** `0.4`, `12`, `1,234`: a rate, with a digit or two behind the point while it is small. */
export function rate(value: number): string {
  return value > 0 && value < 10 ? String(Number(value.toFixed(value < 0.1 ? 2 : 1))) : COUNT.format(Math.round(value))
}

/** `85 µs`, `1.2 ms`, `3.4 s`. */
export function duration(us: number): string {
  if (us < 1_000) return `${Math.round(us)} µs`
  if (us < 1_000_000) return `${short(us / 1_000)} ms`
  return `${short(us / 1_000_000)} s`
}

function short(value: number): string {
  return value < 10 ? value.toFixed(1).replace(/\.0$/, '') : COUNT.format(Math.round(value))
}

/** `AUTH_FORBIDDEN` as `forbidden`. */
export function codeWord(code: string | null): string {
  return code === null
    ? ''
    : code
        .replace(/^AUTH_/, '')
        .replaceAll('_', ' ')
        .toLowerCase()
}
