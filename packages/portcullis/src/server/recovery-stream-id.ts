/** The ids of a Redis Stream's entries, which are in order: milliseconds and a sequence number. */

const STREAM_ID = /^\d{1,15}-\d{1,15}$/
/** No sequence number within one millisecond comes near it. */
const LAST_SEQUENCE = 999_999_999_999_999

/** @see https://redis.io/docs/latest/develop/data-types/streams/#entry-ids */
export function isStreamId(value: unknown): value is string {
  return typeof value === 'string' && STREAM_ID.test(value)
}

export function isAfter(id: string, other: string): boolean {
  const [time, sequence] = partsOf(id)
  const [otherTime, otherSequence] = partsOf(other)
  return time === otherTime ? sequence > otherSequence : time > otherTime
}

export function latest(id: string, other: string): string {
  return isAfter(id, other) ? id : other
}

/** An id before this one, and after every other. */
export function predecessor(id: string): string {
  const [time, sequence] = partsOf(id)
  return sequence > 0 ? `${time}-${sequence - 1}` : `${time - 1}-${LAST_SEQUENCE}`
}

function partsOf(id: string): [time: number, sequence: number] {
  const [time, sequence] = id.split('-').map(Number)
  return [time as number, sequence as number]
}
