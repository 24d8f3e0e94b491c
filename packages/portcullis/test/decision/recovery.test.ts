/** What a client that comes back may have: its record, the place in a stream, and whom a message was for. */

import { describe, expect, it } from 'vitest'
import { type Claim, createSince, isFor, type Keeping } from '../../src/server/recovery-history.ts'
import { type Mark, readRecord, writeRecord } from '../../src/server/recovery-record.ts'
import { isAfter, isStreamId, latest, predecessor } from '../../src/server/recovery-stream-id.ts'

describe('the record of a socket that is away', () => {
  const departed = {
    identity: { scheme: 'jwt', issuer: 'i', subject: 's', claims: { secret: 'c' } },
    lease: { id: 'l', issuedAt: 5, expiresAt: 9.5 },
    names: ['n'],
    memberships: ['m'],
    grants: new Map([['g', { expiresAt: 7, presented: 'secret' }]]),
  }
  const rooms = new Map<string, Mark>([
    ['own', null],
    ['g', '1-0'],
  ])
  const record = {
    version: 1,
    issuer: 'i',
    subject: 's',
    issuedAt: 5,
    expiresAt: 9.5,
    names: ['n'],
    rooms: [
      ['own', null],
      ['g', '1-0'],
    ],
    grants: [['g', 7]],
    memberships: ['m'],
  }

  it('reads as it was written, and holds neither claim nor credential', () => {
    const text = writeRecord(departed, rooms)
    expect(readRecord(text)).toEqual(record)
    expect(text).not.toContain('secret')
    const endless = { ...record, expiresAt: null, grants: [['g', null]], names: [], rooms: [], memberships: [] }
    expect(readRecord(JSON.stringify(endless))).toEqual(endless)
  })

  it('has at most 10,000 rooms', () => {
    const of = (count: number) => JSON.stringify({ ...record, memberships: Array(count).fill('m') })
    expect(readRecord(of(10_000))).not.toBe(null)
    expect(readRecord(of(10_001))).toBe(null)
  })

  it.each([[undefined], [null], [5], [record], [''], ['{'], ['null'], ['[]'], ['"text"'], ['5']])(
    'is none as %j',
    (value) => expect(readRecord(value)).toBe(null),
  )

  it.each([
    [{ version: 2 }],
    [{ version: '1' }],
    [{ issuer: 5 }],
    [{ subject: null }],
    [{ issuedAt: '5' }],
    [{ issuedAt: null }],
    [{ expiresAt: '5' }],
    [{ expiresAt: undefined }],
    [{ names: 'n' }],
    [{ names: [5] }],
    [{ names: null }],
    [{ rooms: {} }],
    [{ rooms: ['own'] }],
    [{ rooms: [['own']] }],
    [{ rooms: [['own', null, 1]] }],
    [{ rooms: [[5, null]] }],
    [{ rooms: [['own', 5]] }],
    [{ grants: [['g', '7']] }],
    [{ grants: [['g', undefined]].map(([room]) => [room]) }],
    [{ grants: [[7, 'g']] }],
    [{ grants: undefined }],
    [{ memberships: [null] }],
    [{ memberships: undefined }],
  ])('is none with %j', (wrong) => expect(readRecord(JSON.stringify({ ...record, ...wrong }))).toBe(null))
})

describe('the id of an entry of a stream', () => {
  it.each<[unknown, boolean]>([
    ['1-0', true],
    ['123456789012345-123456789012345', true],
    ['1234567890123456-0', false],
    ['1-1234567890123456', false],
    ['1', false],
    ['-', false],
    ['1-', false],
    ['-1', false],
    ['1-0 ', false],
    [' 1-0', false],
    ['1-0-0', false],
    ['a-0', false],
    [1, false],
    [['1-0'], false],
  ])('%j: %s', (value, expected) => expect(isStreamId(value)).toBe(expected))

  it('is after another by time, then by sequence', () => {
    const ordered = ['1-0', '1-2', '1-10', '2-0', '10-0']
    for (const [i, id] of ordered.entries()) {
      for (const [j, other] of ordered.entries()) {
        expect(isAfter(id, other)).toBe(i > j)
        expect(latest(id, other)).toBe(ordered[Math.max(i, j)])
      }
    }
  })

  it('has one before it, after every other', () => {
    expect([predecessor('5-3'), predecessor('5-1'), predecessor('5-0')]).toEqual(['5-2', '5-0', '4-999999999999999'])
  })
})

describe('a message', () => {
  const claim: Claim = {
    own: 'own',
    before: new Map([
      ['own', null],
      ['a', null],
      ['lost', null],
    ]),
    kept: new Set(['own', 'a']),
  }
  const reaches = (rooms: string[], except: string[] = [], isOwed?: (room: string) => boolean) =>
    isFor({ rooms, except }, claim, isOwed)

  it('is for who comes back where it names no room, or one that is kept', () => {
    expect([reaches([]), reaches(['a']), reaches(['b', 'a']), reaches(['own'])]).toEqual([true, true, true, true])
    expect([reaches(['b']), reaches(['lost'])]).toEqual([false, false])
  })

  it('is not for who was in a room that it excepts, kept or not', () => {
    expect([reaches([], ['a']), reaches(['a'], ['lost']), reaches(['a'], ['b'])]).toEqual([false, false, true])
  })

  it('is owed only where it was sent since the room was joined', () => {
    const asked: string[] = []
    const isOwed = (room: string) => asked.push(room) > 0 && room === 'own'
    expect([reaches(['a'], [], isOwed), reaches(['a', 'own'], [], isOwed), reaches([], [], isOwed)]).toEqual([
      false,
      true,
      true,
    ])
    expect(asked).toEqual(['a', 'a', 'own'])
  })
})

describe('since when a socket has been in a room', () => {
  function started() {
    const listeners = new Map<string, (room: string, socketId: string) => void>()
    let at = 0
    const since = createSince(
      { on: (event: string, listener: () => void) => listeners.set(event, listener) } as unknown as Keeping,
      () => `${++at}-0`,
    )
    const tell = (event: 'join-room' | 'leave-room') => (room: string, socketId: string) =>
      listeners.get(event)?.(room, socketId)
    return { since, join: tell('join-room'), leave: tell('leave-room') }
  }

  it('is the mark of its last joining', () => {
    const { since, join, leave } = started()
    join('a', 's1')
    join('b', 's1')
    join('a', 's2')
    expect([since.of('s1', 'a'), since.of('s1', 'b'), since.of('s2', 'a')]).toEqual(['1-0', '2-0', '3-0'])
    join('a', 's1')
    expect(since.of('s1', 'a')).toBe('4-0')
    leave('a', 's1')
    leave('a', 's3')
    expect([since.of('s1', 'a'), since.of('s1', 'b'), since.of('s3', 'a')]).toEqual([null, '2-0', null])
    leave('b', 's1')
    join('b', 's1')
    expect([since.of('s1', 'a'), since.of('s1', 'b')]).toEqual([null, '5-0'])
  })

  it('is carried on for one that came back, in the rooms that it has', () => {
    const { since, join } = started()
    join('a', 's1')
    const marks = new Map<string, Mark>([
      ['a', '0-5'],
      ['b', '0-6'],
    ])
    since.carry('s1', marks)
    since.carry('unknown', marks)
    expect([since.of('s1', 'a'), since.of('s1', 'b'), since.of('unknown', 'a')]).toEqual(['0-5', null, null])
  })
})
