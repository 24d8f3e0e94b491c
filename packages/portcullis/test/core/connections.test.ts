import { describe, expect, it } from 'vitest'
import {
  type ConnectionsOptions,
  comparePlaces,
  cursorOf,
  readConnectionsBody,
  readConnectionsOptions,
} from '../../src/core/connections.ts'

const read = (options: unknown) => readConnectionsOptions(options as ConnectionsOptions)
const FIRST = { limit: 100, after: null, namespace: null, subject: null, issuer: null }

describe('readConnectionsOptions', () => {
  it('asks for the first hundred of all, unless it is told otherwise', () => {
    expect(read({})).toEqual(FIRST)
    expect(read({ limit: 1, namespace: '/a', subject: 's', issuer: 'i' })).toEqual({
      limit: 1,
      after: null,
      namespace: '/a',
      subject: 's',
      issuer: 'i',
    })
    expect(read({ limit: 500 }).limit).toBe(500)
    expect(read({ subject: '' }).subject).toBe('')
  })

  it.each([
    [{ connectedAt: 1_800_000_000, socketId: 'Zk3_vT9qLm-0aBcDeF12' }],
    [{ connectedAt: 1_800_000_000.123, socketId: 'a:b' }],
    [{ connectedAt: 0, socketId: 'x'.repeat(512) }],
  ])('reads its own cursor: %j', (place) => {
    expect(read({ after: cursorOf(place) }).after).toEqual(place)
  })

  it.each([
    [''],
    ['1'],
    ['1:'],
    [':a'],
    ['a:1'],
    [' 1:a'],
    ['-1:a'],
    ['1.:a'],
    ['1.1234567890:a'],
    ['1234567890123:a'],
    [`1:${'x'.repeat(513)}`],
    [1],
    [null],
  ])('refuses the cursor %j', (after) => {
    expect(() => read({ after })).toThrow('"after" must be the `next` of an earlier page')
  })

  it.each<[unknown, string]>([
    [null, 'connections: the options must be an object'],
    ['all', 'connections: the options must be an object'],
    [{ page: 1 }, '"page" is not an option of connections'],
    [{ limit: 0 }, '"limit" must be a whole number from 1 to 500'],
    [{ limit: 501 }, '"limit" must be a whole number from 1 to 500'],
    [{ limit: 1.5 }, '"limit" must be a whole number from 1 to 500'],
    [{ limit: '1' }, '"limit" must be a whole number from 1 to 500'],
    [{ namespace: 1 }, '"namespace" must be a string'],
    [{ subject: null }, '"subject" must be a string'],
    [{ issuer: {} }, '"issuer" must be a string'],
  ])('refuses %j with a TypeError that quotes the option', (options, message) => {
    expect(() => read(options)).toThrow(TypeError)
    expect(() => read(options)).toThrow(message)
  })
})

describe('readConnectionsBody', () => {
  it('takes what readConnectionsOptions makes, as it comes from another node', () => {
    for (const options of [{}, { limit: 500, after: '5:a', namespace: '/a', subject: 's', issuer: 'i' }]) {
      const body = read(options)
      expect(readConnectionsBody(JSON.parse(JSON.stringify({ ...body, more: 1 })))).toEqual(body)
    }
  })

  it.each([
    [{ limit: 0 }],
    [{ limit: 501 }],
    [{ limit: '100' }],
    [{ limit: 1.5 }],
    [{ limit: undefined }],
    [{ namespace: undefined }],
    [{ namespace: 1 }],
    [{ subject: 1 }],
    [{ subject: undefined }],
    [{ issuer: [] }],
    [{ issuer: undefined }],
    [{ after: undefined }],
    [{ after: 'text' }],
    [{ after: {} }],
    [{ after: { connectedAt: '1', socketId: 'a' } }],
    [{ after: { connectedAt: 1, socketId: 1 } }],
    [{ after: { connectedAt: 1 } }],
  ])('takes no question with %j', (wrong) => expect(readConnectionsBody({ ...FIRST, ...wrong })).toBe(null))
})

describe('comparePlaces', () => {
  it('puts who connected first first, and of one moment goes by the id', () => {
    const place = (connectedAt: number, socketId: string) => ({ connectedAt, socketId })
    const ordered = [place(1, 'b'), place(1, 'c'), place(2, 'a'), place(10, 'a')]
    expect([...ordered].reverse().sort(comparePlaces)).toEqual(ordered)
    expect(comparePlaces(place(1, 'a'), place(3, 'a'))).toBe(-2)
    expect(comparePlaces(place(1, 'a'), place(1, 'b'))).toBe(-1)
    expect(comparePlaces(place(1, 'b'), place(1, 'a'))).toBe(1)
    expect(comparePlaces(place(1, 'a'), place(1, 'a'))).toBe(0)
  })
})
