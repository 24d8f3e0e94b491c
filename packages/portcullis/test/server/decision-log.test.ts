import { type AuditEvent, decisionLog, deny } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { outcome } from '../harness.ts'
import { chat, codeOf, soon } from './explain-fixtures.ts'

let count = 0
function event(changed: Partial<AuditEvent> = {}): AuditEvent {
  count += 1
  return {
    id: `n-${count}`,
    at: 1_800_000_000,
    stage: 'event',
    namespace: '/chat',
    identity: { scheme: 'key', issuer: 'https://issuer.example', subject: 'alice' },
    effect: 'permit',
    code: null,
    rule: 'events.say',
    tookUs: 1,
    ...changed,
  }
}

const ids = (events: readonly AuditEvent[]) => events.map(({ id }) => id)
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('decisionLog().read', () => {
  it('gives the latest without a cursor, oldest first, and then only what is new', () => {
    const log = decisionLog()
    const events = Array.from({ length: 5 }, () => event())
    for (const one of events) log.sink(one)
    const first = log.read({ limit: 2 })
    expect([ids(first.events), first.missed]).toEqual([ids(events.slice(3)), 0])
    expect(log.read({ after: first.next }).events).toEqual([])
    const later = event()
    log.sink(later)
    const second = log.read({ after: first.next })
    expect(second.events).toEqual([later])
    expect(log.read({ after: second.next })).toEqual({ events: [], next: second.next, missed: 0 })
  })

  it('pages on from a cursor, and counts what was overwritten in between', () => {
    const log = decisionLog({ capacity: 4 })
    log.sink(event())
    const { next } = log.read()
    const events = Array.from({ length: 10 }, () => event())
    for (const one of events) log.sink(one)
    const page = log.read({ after: next, limit: 3 })
    expect([ids(page.events), page.missed]).toEqual([ids(events.slice(6, 9)), 6])
    const rest = log.read({ after: page.next, limit: 3 })
    expect([ids(rest.events), rest.missed]).toEqual([ids(events.slice(9)), 0])
    expect(log.size).toBe(4)
  })

  it('filters by effect, code, stage, namespace, subject and issuer, each and together', () => {
    const log = decisionLog()
    const denied = event({ effect: 'deny', code: 'AUTH_FORBIDDEN', stage: 'join', namespace: '/other' })
    const nobody = event({ identity: null, stage: 'handshake', namespace: null })
    const bob = event({ identity: { scheme: 'key', issuer: 'https://other.example', subject: 'bob' } })
    const plain = event()
    for (const one of [denied, nobody, bob, plain]) log.sink(one)
    const found = (filter: object) => ids(log.read(filter).events)
    expect(found({ effect: 'deny' })).toEqual([denied.id])
    expect(found({ code: 'AUTH_FORBIDDEN' })).toEqual([denied.id])
    expect(found({ stage: 'handshake' })).toEqual([nobody.id])
    expect(found({ namespace: '/other' })).toEqual([denied.id])
    expect(found({ subject: 'bob' })).toEqual([bob.id])
    expect(found({ issuer: 'https://other.example', subject: 'alice' })).toEqual([])
    expect(found({ subject: 'alice', effect: 'permit' })).toEqual([plain.id])
    expect(found({ subject: '__proto__' })).toEqual([])
  })

  it('a cursor of another log reads from the oldest, and no cursor is an error', () => {
    const log = decisionLog({ capacity: 2 })
    const events = [event(), event(), event()]
    for (const one of events) log.sink(one)
    const other = decisionLog().read().next
    for (const after of [other, '', 'x.9999999', `${log.read().next}9`, '__proto__']) {
      expect(log.read({ after })).toMatchObject({ events: events.slice(1), missed: 1 })
    }
  })

  it('finds a decision by its id while it is kept', () => {
    const log = decisionLog({ capacity: 2 })
    const events = [event(), event(), event()]
    for (const one of events) log.sink(one)
    expect(log.find(events[2]?.id ?? '')).toBe(events[2])
    expect(log.find(events[0]?.id ?? '')).toBeNull()
    expect(log.find('constructor')).toBeNull()
  })

  it('wrong options are a TypeError that quotes them', () => {
    for (const capacity of [0, -1, 1.5, 1_000_001, '5']) {
      expect(() => decisionLog({ capacity: capacity as number })).toThrow(/"capacity"/)
    }
    expect(() => decisionLog({ size: 5 } as object)).toThrow(/"size"/)
    const log = decisionLog()
    expect(() => log.read({ limit: 1_001 })).toThrow(/"limit"/)
    expect(() => log.read({ after: 5 as never })).toThrow(/"after"/)
    expect(() => log.read({ subject: 5 as never })).toThrow(/"subject"/)
    expect(() => log.read({ room: 'x' } as object)).toThrow(/"room"/)
    expect(() => log.subscribe('x' as never)).toThrow(TypeError)
  })
})

describe('decisionLog().subscribe', () => {
  it('tells of what comes from now on, in order, in batches of at most 256, and never within the decision', async () => {
    const log = decisionLog()
    log.sink(event())
    const batches: (readonly AuditEvent[])[] = []
    log.subscribe((events) => batches.push(events))
    const events = Array.from({ length: 600 }, () => event())
    for (const one of events) log.sink(one)
    expect(batches).toEqual([])
    await soon(() => batches.flat().length).toBe(600)
    expect(batches.map(({ length }) => length)).toEqual([256, 256, 88])
    expect(ids(batches.flat())).toEqual(ids(events))
  })

  it('a slow listener misses what is overwritten, which is counted, and holds up nobody else', async () => {
    const log = decisionLog({ capacity: 8 })
    const heard: [number, number][] = []
    let release = () => {}
    log.subscribe((events, missed) => {
      heard.push([events.length, missed])
      return new Promise<void>((resolve) => {
        release = resolve
      })
    })
    const others: number[] = []
    log.subscribe((events) => others.push(events.length))
    log.sink(event())
    await soon(() => heard).toEqual([[1, 0]])
    for (let i = 0; i < 20; i += 1) log.sink(event())
    expect(log.dropped).toBeGreaterThanOrEqual(12)
    await soon(() => others.reduce((sum, length) => sum + length, 0)).toBe(9)
    expect(heard).toHaveLength(1)
    release()
    await soon(() => heard).toEqual([
      [1, 0],
      [8, 12],
    ])
    expect(log.dropped).toBe(24)
  })

  it('one that throws or rejects is told of what comes next, and one that has left is not', async () => {
    const log = decisionLog()
    let thrown = 0
    log.subscribe(() => {
      thrown += 1
      throw new Error('no')
    })
    log.subscribe(() => Promise.reject(new Error('no')))
    let heard = 0
    const leave = log.subscribe(() => {
      heard += 1
    })
    for (let i = 1; i <= 3; i += 1) {
      log.sink(event())
      await soon(() => thrown).toBe(i)
      if (i === 1) leave()
    }
    leave()
    expect(heard).toBe(1)
  })

  it('a listener that leaves before its tick hears nothing', async () => {
    const log = decisionLog()
    let heard = 0
    const leave = log.subscribe(() => {
      heard += 1
    })
    log.sink(event())
    leave()
    await turn()
    expect(heard).toBe(0)
  })
})

describe('as the audit sink of a guard', () => {
  it('every decision says who, where, what, by which rule and how long', async () => {
    const log = decisionLog()
    const { enter } = await chat({ audit: log.sink })
    const { socket, id } = await enter('bob-key')
    await socket.emitWithAck('say', 'hi')
    await socket.emitWithAck('auth:join', 'org:acme')
    const identity = { scheme: 'key', issuer: 'https://issuer.example', subject: 'bob' }
    const common = {
      id: expect.any(String),
      at: expect.any(Number),
      tookUs: expect.any(Number),
      namespace: '/chat',
      identity,
      socketId: id,
    }
    expect(log.read().events).toMatchObject([
      { stage: 'handshake' },
      { ...common, stage: 'connect', effect: 'permit', code: null, rule: 'connect' },
      { ...common, stage: 'event', event: 'say', effect: 'permit', code: null, rule: 'events.say' },
      { ...common, stage: 'join', room: 'org:acme', effect: 'deny', code: 'AUTH_FORBIDDEN', rule: 'rooms.org:{org}' },
    ])
    const { events } = log.read()
    expect(JSON.stringify(events)).not.toMatch(/globex|bob-key|chat:write/)
    expect(new Set(ids(events)).size).toBe(events.length)
  })

  it('a deferred socket that the connect rule refuses is written down with who it was', async () => {
    const log = decisionLog()
    const { client } = await chat({ audit: log.sink, deferMs: 60_000 }, { connect: () => deny() })
    const socket = client('/chat')
    expect(await outcome(socket)).toBeNull()
    expect(codeOf(await socket.emitWithAck('auth:refresh', { token: 'alice-key' }))).toBe('AUTH_FORBIDDEN')
    expect(log.read({ subject: 'alice' }).events).toMatchObject([
      { stage: 'refresh', code: 'AUTH_FORBIDDEN', reason: 'connect_rule' },
    ])
  })

  it('a flood costs a small part of 5 µs each', () => {
    const log = decisionLog()
    log.subscribe(() => {})
    const one = event()
    for (let i = 0; i < 100_000; i += 1) log.sink(one)
    const rounds = Array.from({ length: 5 }, () => {
      const startedMs = performance.now()
      for (let i = 0; i < 100_000; i += 1) log.sink(one)
      return ((performance.now() - startedMs) * 1000) / 100_000
    })
    expect(Math.min(...rounds)).toBeLessThan(1)
    expect(log.size).toBe(4_096)
  })
})
