import { describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../src/core/audit.ts'
import { decisionLog } from '../../src/server/decision-log.ts'

const event = (id: number): AuditEvent => ({
  id: String(id),
  at: id,
  stage: 'event',
  namespace: '/',
  identity: null,
  effect: 'permit',
  code: null,
  rule: 'events.a',
  tookUs: 1,
})
const ids = (events: readonly AuditEvent[]) => events.map(({ id }) => Number(id))
/** Two turns: in the first the log tells, and after the second its promises have settled. */
const turn = async () => {
  for (let i = 0; i < 2; i += 1) await new Promise(setImmediate)
}

function filled(count: number, capacity?: number) {
  const log = decisionLog(capacity === undefined ? {} : { capacity })
  const push = (from: number, to: number) => {
    for (let id = from; id < to; id += 1) log.sink(event(id))
  }
  push(0, count)
  return { log, push }
}

describe('the log of decisions', () => {
  it('keeps the last ones, 4,096 unless it is told otherwise', () => {
    expect(filled(5_000).log.size).toBe(4_096)
    const { log } = filled(5, 3)
    expect([log.size, ids(log.read().events)]).toEqual([3, [2, 3, 4]])
    expect(filled(2, 3).log.size).toBe(2)
    expect(filled(2, 1).log.size).toBe(1)
    expect(decisionLog({ capacity: 1_000_000 }).size).toBe(0)
  })

  it('is read on with its own cursor, and with none of another log', () => {
    const { log, push } = filled(3)
    const { next } = log.read({ limit: 1 })
    push(3, 5)
    expect(ids(log.read({ after: next }).events)).toEqual([3, 4])
    expect(ids(filled(4).log.read({ after: next }).events)).toEqual([0, 1, 2, 3])
  })

  it('finds a decision while it is kept', () => {
    const { log } = filled(5, 3)
    expect([1, 2, 4, 5].map((id) => log.find(String(id))?.id ?? null)).toEqual([null, '2', '4', null])
  })

  it.each<[unknown, string]>([
    [{ capacity: 0 }, '"capacity" must be a whole number from 1 to 1000000'],
    [{ capacity: 1_000_001 }, '"capacity" must be a whole number from 1 to 1000000'],
    [{ capacity: 1.5 }, '"capacity" must be a whole number from 1 to 1000000'],
    [{ capacity: '5' }, '"capacity" must be a whole number from 1 to 1000000'],
    [{ size: 5 }, '"size" is not an option of decisionLog'],
  ])('refuses %j', (options, message) => expect(() => decisionLog(options as object)).toThrow(message))
})

describe('a listener', () => {
  it('hears in a later tick of what is decided from now on, 256 at a time', async () => {
    const { log, push } = filled(3)
    const heard: [number[], number][] = []
    log.subscribe((events, missed) => void heard.push([ids(events), missed]))
    push(3, 5)
    expect(heard).toEqual([])
    await turn()
    expect(heard).toEqual([[[3, 4], 0]])
    push(5, 300)
    await turn()
    await turn()
    expect(heard.slice(1).map(([events]) => [events.length, events[0]])).toEqual([
      [256, 5],
      [39, 261],
    ])
  })

  it('hears no more before the promise that it gave is settled, and misses what is overwritten meanwhile', async () => {
    const { log, push } = filled(0, 3)
    const heard: [number[], number][] = []
    let finish = () => {}
    log.subscribe((events, missed) => {
      heard.push([ids(events), missed])
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    })
    push(0, 1)
    await turn()
    push(1, 6)
    await turn()
    expect([heard, log.dropped]).toEqual([[[[0], 0]], 2])
    finish()
    await turn()
    expect([heard.at(-1), log.dropped]).toEqual([[[3, 4, 5], 2], 2])
  })

  it('that throws or rejects goes on hearing, and keeps nobody else from it', async () => {
    const { log, push } = filled(0)
    const heard: string[] = []
    const failing = (name: string, fail: () => unknown) =>
      log.subscribe(() => {
        heard.push(name)
        return fail()
      })
    failing('throws', () => {
      throw new Error('x')
    })
    failing('rejects', () => Promise.reject(new Error('x')))
    failing('fine', () => {})
    for (let i = 0; i < 2; i += 1) {
      push(i, i + 1)
      await turn()
    }
    expect(heard.sort()).toEqual(['fine', 'fine', 'rejects', 'rejects', 'throws', 'throws'])
  })

  it('that has gone hears nothing; what it missed still counts', async () => {
    const { log, push } = filled(0, 2)
    const heard: number[] = []
    const stop = log.subscribe((events) => void heard.push(...ids(events)))
    push(0, 5)
    await turn()
    expect([heard, log.dropped]).toEqual([[3, 4], 3])
    push(5, 6)
    stop()
    stop()
    await turn()
    expect([heard, log.dropped]).toEqual([[3, 4], 3])
    push(6, 20)
    expect(log.dropped).toBe(3)
  })

  it('is a function', () => {
    expect(() => decisionLog().subscribe({} as never)).toThrow('subscribe: the listener must be a function')
  })
})
