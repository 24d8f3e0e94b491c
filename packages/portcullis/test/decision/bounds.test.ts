/** What a client may cost: limits, rates, sizes, deadlines. */

import { describe, expect, it } from 'vitest'
import { createBucket } from '../../src/server/bucket.ts'
import { withDeadline } from '../../src/server/deadline.ts'
import { resolveCluster, resolveLease } from '../../src/server/lease-settings.ts'
import { type Limits, resolveLimits } from '../../src/server/limits.ts'
import { createThrottle } from '../../src/server/throttle.ts'
import { createUnadmitted } from '../../src/server/unadmitted.ts'
import { isLargerThan } from '../../src/server/wire-size.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { settled, verdict } from './refusal.ts'

describe('limits', () => {
  const DEFAULTS = {
    handshakesPerMinute: 600,
    failuresPerMinute: 60,
    maxPendingHandshakes: 1_000,
    authenticateTimeoutMs: 5_000,
    ruleTimeoutMs: 1_000,
    connectTimeoutMs: 10_000,
    maxPacketsBeforeConnect: 64,
    maxConnectFailures: 5,
    maxNamespaces: 16,
    maxRooms: 128,
    maxQueuedPackets: 256,
  }

  it('are what the documentation says, each unless it is given', () => {
    expect(resolveLimits()).toMatchObject(DEFAULTS)
    expect(resolveLimits({ maxRooms: 1 })).toMatchObject({ ...DEFAULTS, maxRooms: 1 })
  })

  it('let an address have a sixth of its handshakes unadmitted, and a hundred in any case', () => {
    const of = (given: Partial<Limits>) => resolveLimits(given).maxUnadmittedPerAddress
    expect(
      [{}, { handshakesPerMinute: 601 }, { handshakesPerMinute: 1_200 }, { maxUnadmittedPerAddress: 7 }].map(of),
    ).toEqual([100, 101, 200, 7])
  })

  it('are whole and positive; rates may be Infinity', () => {
    for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
      expect(resolveLimits({ [name]: 1 })[name]).toBe(1)
      for (const value of [0, -1, 1.5, '5', Number.NaN, null, undefined])
        expect(() => resolveLimits({ [name]: value })).toThrow(`"limits.${name}" must be a positive whole number`)
    }
    for (const rate of [
      'handshakesPerMinute',
      'failuresPerMinute',
      'maxUnadmittedPerAddress',
      'joinsPerSecond',
      'eventsPerSecond',
      'auditedDenialsPerSecond',
    ] as const) {
      expect(resolveLimits({ [rate]: Number.POSITIVE_INFINITY })[rate]).toBe(Number.POSITIVE_INFINITY)
      expect(() => resolveLimits({ [rate]: 0 })).toThrow(/must be a positive whole number or Infinity$/)
    }
    expect(() => resolveLimits({ maxRooms: Number.POSITIVE_INFINITY })).toThrow(/must be a positive whole number$/)
  })

  it('of time fit into a timer', () => {
    for (const name of ['authenticateTimeoutMs', 'ruleTimeoutMs', 'connectTimeoutMs'] as const) {
      expect(resolveLimits({ [name]: 2_147_483_647 })[name]).toBe(2_147_483_647)
      expect(() => resolveLimits({ [name]: 2_147_483_648 })).toThrow(`"limits.${name}" must be at most 2147483647`)
    }
    expect(resolveLimits({ maxRooms: 2_147_483_648 }).maxRooms).toBe(2_147_483_648)
  })

  it('that are not known are refused', () => {
    for (const name of ['maxRoom', 'toString'])
      expect(() => resolveLimits({ [name]: 5 })).toThrow(`"limits.${name}" is not a limit`)
  })
})

describe('durations of leases and of nodes', () => {
  it('have defaults', () => {
    expect(resolveLease()).toEqual({ expiringMs: 30_000, graceMs: 0, revalidateGraceMs: 60_000 })
    expect(resolveLease({ graceMs: 5 })).toEqual({ expiringMs: 30_000, graceMs: 5, revalidateGraceMs: 60_000 })
    expect(resolveCluster()).toEqual({ maxStalenessMs: 5_000, suspendedForMs: 30_000 })
  })

  it('are from 0 to a day, and a node may be stale no shorter than 250 ms', () => {
    expect(resolveLease({ expiringMs: 0, graceMs: 86_400_000 })).toMatchObject({ expiringMs: 0, graceMs: 86_400_000 })
    expect(resolveCluster({ maxStalenessMs: 250, suspendedForMs: 0 })).toEqual({
      maxStalenessMs: 250,
      suspendedForMs: 0,
    })
    for (const value of [-1, 86_400_001, Number.NaN, '5', null, undefined])
      expect(() => resolveLease({ graceMs: value as number })).toThrow(
        '"lease.graceMs" must be a number of milliseconds from 0 to 86400000',
      )
    expect(() => resolveCluster({ maxStalenessMs: 249 })).toThrow(
      '"cluster.maxStalenessMs" must be a number of milliseconds from 250 to 86400000',
    )
  })

  it('that are not known are refused, and so is what is no object', () => {
    expect(() => resolveLease({ grace: 5 } as never)).toThrow('"lease.grace" is not an option')
    expect(() => resolveCluster({ toString: 5 } as never)).toThrow('"cluster.toString" is not an option')
    for (const value of [null, 5, []]) {
      expect(() => resolveLease(value as never)).toThrow('"lease" must be an object')
      expect(() => resolveCluster(value as never)).toThrow('"cluster" must be an object')
    }
  })
})

describe('the throttle', () => {
  const room = { requireRoom: () => {} }
  const throttleOf = (given: Partial<Limits>, unadmitted = room) => createThrottle(resolveLimits(given), unadmitted)

  it('lets so many handshakes of an address through in a minute, and says how long to wait', async () => {
    const throttle = throttleOf({ handshakesPerMinute: 2 })
    for (let i = 0; i < 2; i += 1) await throttle.handshake('192.0.2.1')
    expect(await settled(throttle.handshake('192.0.2.1'))).toBe('AUTH_RATE_LIMITED address')
    await throttle.handshake('192.0.2.2')
    const error = await throttle.handshake('192.0.2.1').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ retryAfterSeconds: expect.toSatisfy((wait: number) => wait > 50 && wait <= 60) })
  })

  it('counts an IPv6 client by its /64', async () => {
    const throttle = throttleOf({ handshakesPerMinute: 1, failuresPerMinute: 1 })
    await throttle.handshake('2001:db8::1')
    expect(await settled(throttle.handshake('2001:db8::2'))).toBe('AUTH_RATE_LIMITED address')
    await throttle.failed('2001:db8:1::1')
    expect(await settled(throttle.check('2001:db8:1::2'))).toBe('AUTH_RATE_LIMITED address')
    await throttle.handshake('2001:db8:0:1::1')
  })

  it('keeps out who has failed so often, also from a handshake', async () => {
    const throttle = throttleOf({ failuresPerMinute: 2 })
    await throttle.check('192.0.2.1')
    for (let i = 0; i < 2; i += 1) {
      await throttle.check('192.0.2.1')
      await throttle.failed('192.0.2.1')
    }
    expect(await settled(throttle.check('192.0.2.1'))).toBe('AUTH_RATE_LIMITED address')
    expect(await settled(throttle.handshake('192.0.2.1'))).toBe('AUTH_RATE_LIMITED address')
    await throttle.check('192.0.2.2')
  })

  it('counts nothing where a rate is Infinity', async () => {
    const endless = Number.POSITIVE_INFINITY
    const throttle = throttleOf({ handshakesPerMinute: endless, failuresPerMinute: endless })
    for (let i = 0; i < 700; i += 1) {
      await throttle.failed('192.0.2.1')
      await throttle.handshake('192.0.2.1')
    }
  })

  it('asks last whether there is room for another connection', async () => {
    const asked: string[] = []
    const throttle = throttleOf(
      { handshakesPerMinute: 1 },
      { requireRoom: (address?: string) => void asked.push(address ?? '') },
    )
    await throttle.handshake('192.0.2.1')
    await settled(throttle.handshake('192.0.2.1'))
    expect(asked).toEqual(['192.0.2.1'])
  })
})

describe('connections that nobody has admitted', () => {
  const connection = () => ({})

  it('are so many of an address, and so many in all', () => {
    const unadmitted = createUnadmitted(resolveLimits({ maxUnadmitted: 3, maxUnadmittedPerAddress: 2 }))
    const ask = (address: string) => verdict(() => unadmitted.requireRoom(address))
    const [first, second, third] = [connection(), connection(), connection()]
    unadmitted.add(first, '2001:db8::1')
    expect(ask('2001:db8::9')).toBe(undefined)
    unadmitted.add(second, '2001:db8::2')
    expect([ask('2001:db8::9'), ask('192.0.2.1'), unadmitted.size]).toEqual([
      'AUTH_RATE_LIMITED unadmitted',
      undefined,
      2,
    ])
    unadmitted.add(third, '192.0.2.1')
    expect(ask('192.0.2.2')).toBe('AUTH_UNAVAILABLE unadmitted')
    for (let i = 0; i < 2; i += 1) unadmitted.delete(first)
    expect([ask('192.0.2.2'), ask('2001:db8::9'), unadmitted.size]).toEqual([undefined, undefined, 2])
    unadmitted.add(first, '2001:db8::3')
    unadmitted.delete(third)
    expect([ask('192.0.2.2'), ask('2001:db8::9'), unadmitted.size]).toEqual([
      undefined,
      'AUTH_RATE_LIMITED unadmitted',
      2,
    ])
    unadmitted.delete(first)
    unadmitted.add(third, '192.0.2.1')
    unadmitted.delete(second)
    unadmitted.delete(connection())
    for (const each of [first, second]) unadmitted.add(each, '192.0.2.9')
    expect(unadmitted.size).toBe(3)
  })

  it('tell when to come again', () => {
    const unadmitted = createUnadmitted(resolveLimits({ maxUnadmitted: 1 }))
    unadmitted.add(connection(), '192.0.2.1')
    expect(() => unadmitted.requireRoom('192.0.2.1')).toThrow(expect.objectContaining({ retryAfterSeconds: 1 }))
  })
})

describe('a bucket', () => {
  it('holds so many, and gets so many in a second', async () => {
    const clock = fakeClock()
    const take = createBucket(clock, 10, 3)
    expect([take(), take(2), take()]).toEqual([true, true, false])
    await clock.advance(99)
    expect(take()).toBe(false)
    await clock.advance(1)
    expect([take(), take()]).toEqual([true, false])
    await clock.advance(10_000)
    expect([take(4), take(3), take()]).toEqual([false, true, false])
    expect(take(0)).toBe(true)
  })

  it('gives at most twice what it holds after a pause, since it reads its clock when nothing is left', async () => {
    const clock = fakeClock()
    const take = createBucket(clock, 10, 3)
    expect(take()).toBe(true)
    await clock.advance(1_000)
    expect([take(2), take(3), take()]).toEqual([true, true, false])
  })

  it('takes all or nothing', async () => {
    const clock = fakeClock()
    const take = createBucket(clock, 1, 3)
    expect([take(4), take(3)]).toEqual([false, true])
  })

  it('gets nothing by a clock that was set back', () => {
    let nowMs = 10_000
    const take = createBucket({ now: () => nowMs, setTimer: () => () => {} }, 1, 1)
    expect(take()).toBe(true)
    nowMs = 0
    expect(take()).toBe(false)
    nowMs = 1_000
    expect(take()).toBe(true)
  })
})

describe('the size of what was sent', () => {
  const largest = (value: unknown) => {
    let bytes = 0
    while (isLargerThan(value, bytes)) bytes += 1
    return bytes
  }

  it.each<[unknown, number]>([
    [null, 8],
    [5, 8],
    ['', 8],
    ['abc', 11],
    [Buffer.alloc(10), 18],
    [new Uint16Array(5), 18],
    [new ArrayBuffer(10), 18],
    [[], 8],
    [{}, 8],
    [{ ab: 5 }, 18],
    [['abc'], 20],
    [{ a: { b: 'cd' } }, 28],
  ])('of %j counts as %d bytes', (value, bytes) => expect(largest(value)).toBe(bytes))

  it('is not looked at further than it has to be, however deep or wide', () => {
    let deep: unknown = 'end'
    for (let i = 0; i < 100_000; i += 1) deep = [deep]
    expect(isLargerThan(deep, 1_000)).toBe(true)
    let read = 0
    const wide = new Proxy(
      Array.from({ length: 100_000 }, () => 5),
      {
        get(target, name) {
          read += 1
          return Reflect.get(target, name)
        },
      },
    )
    expect(isLargerThan(wide, 80)).toBe(true)
    expect(read).toBeLessThan(12)
  })
})

describe('withDeadline', () => {
  it('settles as the promise does, and leaves no timer', async () => {
    const clock = fakeClock()
    expect(await withDeadline(Promise.resolve(5), 10, clock)).toBe(5)
    const error = new Error('x')
    await expect(withDeadline(Promise.reject(error), 10, clock)).rejects.toBe(error)
    expect(clock.pending).toBe(0)
  })

  it('answers AUTH_UNAVAILABLE after its time and not before, whatever comes later', async () => {
    const clock = fakeClock()
    let fail = (_error: Error) => {}
    const slow = new Promise<never>((_resolve, reject) => {
      fail = reject
    })
    let outcome: unknown = 'waiting'
    const waited = settled(withDeadline(slow, 10, clock)).then((told) => {
      outcome = told
    })
    await clock.advance(9)
    expect(outcome).toBe('waiting')
    await clock.advance(1)
    await waited
    expect(outcome).toBe('AUTH_UNAVAILABLE deadline')
    fail(new Error('late'))
    await clock.advance(10)
    expect([outcome, clock.pending]).toEqual(['AUTH_UNAVAILABLE deadline', 0])
  })
})
