/** Who is there, under which names, in which queue, for which second. */

import type { Namespace, Socket } from 'socket.io'
import { describe, expect, it } from 'vitest'
import type { CompiledPolicy } from '../../src/core/compiled-policy.ts'
import type { Authentication } from '../../src/core/strategy.ts'
import type { Connection } from '../../src/server/connection.ts'
import { createFairLanes } from '../../src/server/fair-lanes.ts'
import { createPolicies, isParent } from '../../src/server/policies.ts'
import { createRegistry, type Entry, nameOf, namesOf } from '../../src/server/registry.ts'
import { createSeconds } from '../../src/server/revalidation-seconds.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'

const entryOf = (names: readonly string[], connection = {} as Connection) =>
  ({ socket: {} as Socket, connection, names }) as Entry

describe('the registry', () => {
  it('finds a socket by itself, by its connection and by each of its names', () => {
    const registry = createRegistry()
    const shared = {} as Connection
    const [a, b, c] = [entryOf(['x', 'y'], shared), entryOf(['x'], shared), entryOf(['x', 'z'])]
    for (const entry of [a, b, c]) registry.track(entry)
    expect([...registry.under('x')]).toEqual([a, b, c])
    expect([...registry.under('y')]).toEqual([a])
    expect([...registry.under('none')]).toEqual([])
    expect([...registry.ofConnection(shared)]).toEqual([a, b])
    expect([...registry.ofConnection(c.connection)]).toEqual([c])
    expect([...registry.ofConnection({} as Connection)]).toEqual([])
    expect([registry.of(a.socket), registry.of(c.socket), registry.of({} as Socket)]).toEqual([a, c, undefined])
    expect([[...registry.all()], registry.size]).toEqual([[a, b, c], 3])
  })

  it('forgets one, and nobody else', () => {
    const registry = createRegistry()
    const shared = {} as Connection
    const entries = [entryOf(['x'], shared), entryOf(['x'], shared), entryOf(['x'], shared)] as const
    for (const entry of entries) registry.track(entry)
    for (const [i, entry] of entries.entries()) {
      registry.forget(entry)
      registry.forget(entry)
      const left = entries.slice(i + 1)
      expect([...registry.under('x')]).toEqual(left)
      expect([...registry.ofConnection(shared)]).toEqual(left)
      expect([[...registry.all()], registry.size]).toEqual([left, left.length])
    }
  })

  it('gives a list that stays while its members end', () => {
    const registry = createRegistry()
    const entries = [entryOf(['x']), entryOf(['x'])]
    for (const entry of entries) registry.track(entry)
    const seen: Entry[] = []
    for (const entry of registry.under('x')) {
      for (const each of entries) registry.forget(each)
      seen.push(entry)
    }
    expect(seen).toEqual(entries)
  })

  it('counts one socket once, also with a name that it has twice', () => {
    const registry = createRegistry()
    const twice = entryOf(['x', 'x'])
    registry.track(twice)
    registry.track(twice)
    expect([[...registry.under('x')], [...registry.ofConnection(twice.connection)], registry.size]).toEqual([
      [twice],
      [twice],
      1,
    ])
    registry.forget(twice)
    expect([[...registry.under('x')], registry.size]).toEqual([[], 0])
  })

  it('gives new names in the place of the old', () => {
    const registry = createRegistry()
    const [entry, other] = [entryOf(['x', 'y']), entryOf(['x'])]
    for (const each of [entry, other]) registry.track(each)
    registry.rename(entry, ['y', 'z'])
    expect(['x', 'y', 'z'].map((name) => [...registry.under(name)])).toEqual([[other], [entry], [entry]])
    expect(entry.names).toEqual(['y', 'z'])
  })

  it('renames one that is not tracked without tracking it', () => {
    const registry = createRegistry()
    const entry = entryOf(['x'])
    registry.rename(entry, ['y'])
    expect([entry.names, [...registry.under('y')], registry.size]).toEqual([['y'], [], 0])
    registry.track(entry)
    registry.forget(entry)
    registry.rename(entry, ['z'])
    expect([entry.names, [...registry.under('z')], registry.size]).toEqual([['z'], [], 0])
  })
})

describe('the names of an authority', () => {
  const identity = { scheme: 'jwt', issuer: 'i', subject: 's', claims: {} }
  const lease = { id: 'l', issuedAt: 0, expiresAt: null }

  it('are the principal, and whatever else revokes it, in that order', () => {
    const authentication: Authentication = { identity, lease, revocableBy: [{ session: 'sid' }, { tag: 't' }] }
    const names = namesOf(authentication)
    expect(names).toEqual(['subject:["i","s"]', nameOf({ session: 'sid' }), 'tag:t'])
    expect(namesOf(authentication)).toBe(names)
    expect(namesOf({ identity, lease })).toEqual(['subject:["i","s"]'])
  })

  it('hold a digest of a session id', () => {
    // `printf sid | openssl sha256 -binary | basenc --base64url | tr -d =`
    expect(nameOf({ session: 'sid' })).toBe('session:NLNkVMqy54QsOJ99iOy33yeeORjLrAeXDUzeSW5w9Mg')
  })
})

describe('policies', () => {
  const [first, second] = [{} as CompiledPolicy, {} as CompiledPolicy]
  const namespace = (children?: Set<Namespace>) => (children === undefined ? {} : { children }) as unknown as Namespace

  it('are those of a namespace, or of the dynamic one that it is a child of', () => {
    const policies = createPolicies()
    const [plain, child, stranger] = [namespace(), namespace(), namespace()]
    const parent = namespace(new Set([child]))
    policies.set(plain, first)
    policies.set(parent, second)
    expect([plain, parent, child, stranger].map(policies.of)).toEqual([first, second, second, undefined])
    expect([plain, parent, child].map(policies.has)).toEqual([true, true, false])
    expect([...policies.namespaces()]).toEqual([plain, parent])
    policies.set(child, first)
    expect(policies.of(child)).toBe(first)
    policies.delete(child)
    expect(policies.of(child)).toBe(second)
    for (const each of [parent, plain]) policies.delete(each)
    expect([plain, parent, child].map(policies.of)).toEqual([undefined, undefined, undefined])
    expect([...policies.namespaces()]).toEqual([])
  })

  it('of a parent without policy are none of its children', () => {
    const policies = createPolicies()
    const child = namespace()
    const [closed, open] = [namespace(new Set([child])), namespace(new Set([child]))]
    policies.set(closed, first)
    policies.set(open, second)
    expect(policies.of(child)).toBe(first)
    policies.delete(closed)
    expect(policies.of(child)).toBe(second)
    policies.delete(open)
    expect(policies.of(child)).toBe(undefined)
  })

  it('a dynamic namespace is known by its children', () => {
    expect([namespace(new Set()), namespace(), { children: [] } as unknown as Namespace].map(isParent)).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('two lanes', () => {
  it('are taken from in turn, somebody in particular first', () => {
    const lanes = createFairLanes<string>()
    for (const item of ['a1', 'a2', 'a3']) lanes.add(item, 'all')
    for (const item of ['n1', 'n2']) lanes.add(item, 'named')
    expect(Array.from({ length: 6 }, () => lanes.take())).toEqual(['n1', 'a1', 'n2', 'a2', 'a3', undefined])
  })

  it('hold an item of both once, and none that was deleted', () => {
    const lanes = createFairLanes<string>()
    for (const lane of ['all', 'named'] as const) for (const item of ['x', 'y']) lanes.add(item, lane)
    lanes.delete('y')
    expect([lanes.take(), lanes.take()]).toEqual(['x', undefined])
  })
})

describe('what falls due by the second', () => {
  const started = (again: () => boolean = () => false) => {
    const clock = fakeClock()
    const heard: [string[], number][] = []
    const seconds = createSeconds<string>(
      () => clock,
      (due, nowMs) => {
        heard.push([[...due], nowMs])
        return again()
      },
    )
    return { clock, heard, seconds }
  }

  it('is told at the beginning of its second, once', async () => {
    const { clock, heard, seconds } = started()
    await clock.advance(300)
    seconds.put('a', 2)
    seconds.put('b', 1)
    seconds.put('c', 2)
    expect(clock.pending).toBe(1)
    await clock.advance(10_000)
    expect(heard).toEqual([
      [['b'], 1_000],
      [['a', 'c'], 2_000],
    ])
    expect(clock.pending).toBe(0)
  })

  it('is told every second while there is something, and while it is asked to', async () => {
    let again = true
    const { clock, heard, seconds } = started(() => again)
    seconds.put('a', 3)
    await clock.advance(5_000)
    expect(heard.map(([due]) => due)).toEqual([[], [], ['a'], [], []])
    again = false
    await clock.advance(5_000)
    expect([heard.length, clock.pending]).toEqual([6, 0])
  })

  it('is what is due already at the next second', async () => {
    const { clock, heard, seconds } = started()
    await clock.advance(5_000)
    seconds.put('late', 1)
    await clock.advance(1_000)
    expect(heard).toEqual([[['late'], 6_000]])
  })

  it('has an item in one place, the last it was put in', async () => {
    const { clock, heard, seconds } = started()
    seconds.put('a', 1)
    seconds.put('a', 3)
    await clock.advance(10_000)
    expect(heard.map(([due]) => due)).toEqual([[], [], ['a']])
  })

  it('forgets what is taken out, and everything', async () => {
    const { clock, heard, seconds } = started()
    for (const item of ['a', 'b']) seconds.put(item, 1)
    seconds.put('c', 2)
    for (const item of ['a', 'a', 'c', 'unknown']) seconds.take(item)
    await clock.advance(5_000)
    expect(heard).toEqual([[['b'], 1_000]])
    seconds.put('d', 7)
    seconds.clear()
    expect(clock.pending).toBe(0)
    await clock.advance(5_000)
    expect(heard).toHaveLength(1)
    seconds.put('e', 11)
    await clock.advance(1_000)
    expect(heard.at(-1)).toEqual([['e'], 11_000])
  })
})
