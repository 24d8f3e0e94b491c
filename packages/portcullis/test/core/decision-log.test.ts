import { describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../src/core/audit.ts'
import { createDecisionRing, type ReadOptions, readRing } from '../../src/core/decision-log.ts'

const event = (place: number, fields: Partial<AuditEvent> = {}): AuditEvent => ({
  id: String(place),
  at: place,
  stage: 'event',
  namespace: '/',
  identity: null,
  effect: 'permit',
  code: null,
  rule: 'events.a',
  tookUs: 1,
  ...fields,
})

function filled(capacity: number, count: number, fieldsOf: (place: number) => Partial<AuditEvent> = () => ({})) {
  const ring = createDecisionRing(capacity)
  for (let place = 0; place < count; place += 1) ring.push(event(place, fieldsOf(place)))
  return ring
}

const ids = (events: readonly AuditEvent[]) => events.map(({ id }) => Number(id))

describe('decision ring', () => {
  it('keeps the last ones, each at its place', () => {
    const ring = filled(3, 5)
    expect([ring.oldest, ring.end]).toEqual([2, 5])
    expect([1, 2, 3, 4, 5].map((place) => ring.at(place)?.id)).toEqual([undefined, '2', '3', '4', undefined])
  })

  it('says of an empty one, and of one that is not full, what is there', () => {
    const empty = createDecisionRing(3)
    expect([empty.oldest, empty.end, empty.at(0), empty.at(-1)]).toEqual([0, 0, undefined, undefined])
    const ring = filled(3, 3)
    expect([ring.oldest, ring.end, ring.at(0)?.id, ring.at(2)?.id]).toEqual([0, 3, '0', '2'])
  })
})

describe('readRing', () => {
  it('reads the latest hundred without a cursor, the oldest first', () => {
    const page = readRing(filled(300, 250), 'n', {})
    expect(ids(page.events)).toEqual(Array.from({ length: 100 }, (_, i) => 150 + i))
    expect([page.next, page.missed]).toEqual(['n.250', 0])
  })

  it('reads on from its cursor until there is nothing more', () => {
    const ring = filled(10, 5)
    const first = readRing(ring, 'n', { after: 'n.0', limit: 3 })
    expect([ids(first.events), first.next, first.missed]).toEqual([[0, 1, 2], 'n.3', 0])
    const second = readRing(ring, 'n', { after: first.next, limit: 3 })
    expect([ids(second.events), second.next, second.missed]).toEqual([[3, 4], 'n.5', 0])
    expect(readRing(ring, 'n', { after: 'n.5' })).toEqual({ events: [], next: 'n.5', missed: 0 })
  })

  it('says how many had been overwritten', () => {
    const page = readRing(filled(3, 10), 'n', { after: 'n.4' })
    expect([ids(page.events), page.next, page.missed]).toEqual([[7, 8, 9], 'n.10', 3])
    const later = readRing(filled(3, 20), 'n', { after: 'n.18' })
    expect([ids(later.events), later.next, later.missed]).toEqual([[18, 19], 'n.20', 0])
  })

  it.each(['other.4', 'm.4', 'n.', 'n.x', 'n.-1', 'n.1e1', 'n.6', 'n.1234567890123456', 'n', '', '4', 'n.4x', 'n.x4'])(
    'reads from the oldest with the cursor %j, which is not of this log',
    (after) => {
      const page = readRing(filled(3, 5), 'n', { after })
      expect([ids(page.events), page.missed]).toEqual([[2, 3, 4], 2])
    },
  )

  it('filters before it counts, from either end', () => {
    const ring = filled(10, 10, (place) => ({ effect: place % 2 === 0 ? 'permit' : 'deny' }))
    const latest = readRing(ring, 'n', { effect: 'deny', limit: 2 })
    expect([ids(latest.events), latest.next]).toEqual([[7, 9], 'n.10'])
    const first = readRing(ring, 'n', { effect: 'deny', limit: 2, after: 'n.0' })
    expect([ids(first.events), first.next]).toEqual([[1, 3], 'n.4'])
    expect(ids(readRing(ring, 'n', { effect: 'permit', after: 'n.7' }).events)).toEqual([8])
  })

  it.each<[ReadOptions, number[]]>([
    [{ code: 'AUTH_EXPIRED' }, [1]],
    [{ stage: 'join' }, [2]],
    [{ namespace: '/chat' }, [3]],
    [{ subject: 'alice' }, [4, 5]],
    [{ issuer: 'b' }, [5]],
    [{ subject: 'alice', issuer: 'a' }, [4]],
    [{ subject: 'alice', stage: 'join' }, []],
  ])('lets %j through alone', (filter, expected) => {
    const fields: Partial<AuditEvent>[] = [
      {},
      { code: 'AUTH_EXPIRED' },
      { stage: 'join' },
      { namespace: '/chat' },
      { identity: { scheme: 'key', issuer: 'a', subject: 'alice' } },
      { identity: { scheme: 'key', issuer: 'b', subject: 'alice' } },
    ]
    const ring = filled(6, 6, (place) => fields[place] ?? {})
    expect(ids(readRing(ring, 'n', filter).events)).toEqual(expected)
  })

  it('filters by own options alone', () => {
    const options = Object.create({ effect: 'deny' }) as ReadOptions
    expect(readRing(filled(3, 3), 'n', options).events).toHaveLength(3)
  })

  it('takes a limit of 1 and of 1,000', () => {
    const ring = filled(1_200, 1_200)
    expect(ids(readRing(ring, 'n', { limit: 1 }).events)).toEqual([1_199])
    expect(readRing(ring, 'n', { limit: 1_000 }).events).toHaveLength(1_000)
  })

  it.each<[unknown, string]>([
    [{ limit: 0 }, '"limit" must be a whole number from 1 to 1000'],
    [{ limit: 1_001 }, '"limit" must be a whole number from 1 to 1000'],
    [{ limit: 2.5 }, '"limit" must be a whole number from 1 to 1000'],
    [{ after: 5 }, '"after" must be a cursor'],
    [{ since: 5 }, '"since" is not an option of read'],
    [{ subject: 5 }, '"subject" must be a string'],
    [{ effect: null }, '"effect" must be a string'],
  ])('refuses %j with a TypeError that quotes the option', (options, message) => {
    const read = () => readRing(filled(3, 3), 'n', options as ReadOptions)
    expect(read).toThrow(TypeError)
    expect(read).toThrow(message)
  })
})
