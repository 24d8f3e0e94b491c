/** The last decisions of this node, in a ring: what is pushed is never copied, and what is read is found by its place. */

import type { AuthErrorCode } from '../errors.ts'
import type { AuditEvent, AuditStage } from './audit.ts'

/** Which decisions to read. What is left out does not matter. */
export interface DecisionFilter {
  readonly effect?: 'permit' | 'deny'
  readonly code?: AuthErrorCode
  readonly stage?: AuditStage
  readonly namespace?: string
  readonly subject?: string
  readonly issuer?: string
}

/** Where to read on, and how far. */
export interface ReadOptions extends DecisionFilter {
  /**
   * The `next` of an earlier reading. Left out: the latest `limit` decisions. A cursor of another log, as of this node before it was
   * started anew, reads from the oldest.
   */
  readonly after?: string
  /** At most so many events, 1 to 1,000. Default 100. */
  readonly limit?: number
}

/** Decisions, the oldest first. */
export interface DecisionPage {
  readonly events: readonly AuditEvent[]
  /** Where the next reading begins: give it as `after`. */
  readonly next: string
  /** How many decisions after `after` had been overwritten, whether or not the filter would have let them through. */
  readonly missed: number
}

/** A ring of audit events. Places are counted from the first event ever pushed. */
export interface DecisionRing {
  push(event: AuditEvent): void
  /** The event at this place, or undefined when it is not there: not yet, or no more. */
  at(place: number): AuditEvent | undefined
  /** The place of the oldest event that is there. */
  readonly oldest: number
  /** The place of the next event. */
  readonly end: number
}

export function createDecisionRing(capacity: number): DecisionRing {
  const events = new Array<AuditEvent | undefined>(capacity).fill(undefined)
  let end = 0
  // Counted on its own: a remainder of a growing number costs a division for every decision.
  let slot = 0
  return {
    push(event) {
      events[slot] = event
      slot = slot + 1 === capacity ? 0 : slot + 1
      end += 1
    },
    at(place) {
      return place < end && place >= end - capacity ? events[place % capacity] : undefined
    },
    get oldest() {
      return Math.max(0, end - capacity)
    },
    get end() {
      return end
    },
  }
}

const MAX_LIMIT = 1_000
const DEFAULT_LIMIT = 100
const FILTERS = ['effect', 'code', 'stage', 'namespace', 'subject', 'issuer'] as const
const READ_OPTIONS = new Set<string>([...FILTERS, 'after', 'limit'])

/** @throws TypeError quoting the option */
export function readRing(ring: DecisionRing, name: string, options: ReadOptions): DecisionPage {
  for (const option of Object.keys(options)) {
    if (!READ_OPTIONS.has(option)) throw new TypeError(`"${option}" is not an option of read`)
  }
  const { after, limit = DEFAULT_LIMIT } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new TypeError(`"limit" must be a whole number from 1 to ${MAX_LIMIT}`)
  }
  if (after !== undefined && typeof after !== 'string') throw new TypeError('"after" must be a cursor')
  const admits = filterOf(options)
  return after === undefined ? readLatest(ring, name, limit, admits) : readOn(ring, name, after, limit, admits)
}

function readOn(
  ring: DecisionRing,
  name: string,
  after: string,
  limit: number,
  admits: (event: AuditEvent) => boolean,
): DecisionPage {
  const asked = placeOf(after, name, ring.end)
  const events: AuditEvent[] = []
  let place = Math.max(asked, ring.oldest)
  const missed = place - asked
  for (; place < ring.end && events.length < limit; place += 1) {
    const event = ring.at(place)
    if (event !== undefined && admits(event)) events.push(event)
  }
  return { events, next: `${name}.${place}`, missed }
}

function readLatest(
  ring: DecisionRing,
  name: string,
  limit: number,
  admits: (event: AuditEvent) => boolean,
): DecisionPage {
  const events: AuditEvent[] = []
  for (let place = ring.end - 1; place >= ring.oldest && events.length < limit; place -= 1) {
    const event = ring.at(place)
    if (event !== undefined && admits(event)) events.push(event)
  }
  return { events: events.reverse(), next: `${name}.${ring.end}`, missed: 0 }
}

function placeOf(cursor: string, name: string, end: number): number {
  const digits = cursor.startsWith(`${name}.`) ? cursor.slice(name.length + 1) : ''
  const place = /^\d{1,15}$/.test(digits) ? Number(digits) : 0
  return place <= end ? place : 0
}

function filterOf(filter: DecisionFilter): (event: AuditEvent) => boolean {
  const wanted = FILTERS.flatMap((field) => {
    const value = Object.hasOwn(filter, field) ? filter[field] : undefined
    if (value !== undefined && typeof value !== 'string') throw new TypeError(`"${field}" must be a string`)
    return value === undefined ? [] : [[field, value] as const]
  })
  return (event) =>
    wanted.every(([field, value]) => {
      const source = field === 'subject' || field === 'issuer' ? event.identity?.[field] : event[field]
      return source === value
    })
}
