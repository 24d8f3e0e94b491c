/** How a policy is asked: about a connect, an event, a room, and who is in which rooms by membership. */

import { describe, expect, it } from 'vitest'
import { compilePolicy } from '../../src/core/compiled-policy.ts'
import { deny, permit } from '../../src/core/decision.ts'
import type { Identity } from '../../src/core/identity.ts'
import type { Policy } from '../../src/core/policy.ts'
import { createRevocationIndex } from '../../src/core/revocation.ts'
import { AuthError, CODES } from '../../src/errors.ts'
import { type Authority, askConnect, askMemberships, askPolicy, isUndecided } from '../../src/server/apply-policy.ts'
import { decideEvent } from '../../src/server/event-rule.ts'
import {
  asAuthError,
  decideOptions,
  endOf,
  endOfEntry,
  type Guard,
  isReloaded,
  requireInForce,
} from '../../src/server/guard.ts'
import { type Asker, codeOfVerdict, judgeRoom, type Verdict } from '../../src/server/judge-room.ts'
import type { Entry } from '../../src/server/registry.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { handshakeOf } from '../../src/testing/handshake.ts'
import { settled, verdict } from './refusal.ts'

const identity: Identity = { scheme: 'key', issuer: 'i', subject: 's', claims: {} }
const lease = { id: 'l', issuedAt: 0, expiresAt: null }
const handshake = handshakeOf()
const policyOf = (policy: unknown) =>
  compilePolicy('/chat', { events: {}, ...(policy as object) } as Policy<Identity, Record<string, never>, never>)

/** What of a guard the asking of rules needs. */
function asking(more: Partial<Guard> = {}) {
  const clock = fakeClock()
  const errors: [unknown, string][] = []
  const guard = {
    clock,
    limits: { ruleTimeoutMs: 1_000 },
    onError: (error: unknown, where: string) => errors.push([error, where]),
    isFresh: () => true,
    revocations: createRevocationIndex(),
    ...more,
  } as unknown as Guard
  return { clock, errors, guard, now: () => clock.now() / 1000 }
}

const authority = (policy: unknown, expiresAt: number | null = null): Authority => ({
  policy: policyOf(policy),
  identity,
  lease: { ...lease, expiresAt },
  namespace: '/chat',
  connection: { admission: { handshake } },
})

describe('a connect', () => {
  it('is permitted to everybody where there is no rule', async () => {
    expect(await askConnect(asking().guard, authority({}))).toBe(null)
  })

  it('is asked about with who it is and how it came', async () => {
    const asked: unknown[] = []
    const connect = (request: unknown) => {
      asked.push(request)
      return permit()
    }
    expect(await askConnect(asking().guard, authority({ connect }))).toBe(null)
    expect(asked).toEqual([{ identity, lease, namespace: '/chat', handshake }])
  })

  it('is refused with the code of the decision', async () => {
    const told = (answer: unknown) => settled(askConnect(asking().guard, authority({ connect: () => answer })))
    expect(await told(deny())).toBe('AUTH_FORBIDDEN connect_rule')
    expect(await told(deny('AUTH_INSUFFICIENT_SCOPE'))).toBe('AUTH_INSUFFICIENT_SCOPE connect_rule')
    expect(await told(true)).toBe('AUTH_ERROR connect_rule')
  })

  it('is reported where its rule failed', async () => {
    const { guard, errors } = asking()
    await settled(askConnect(guard, authority({ connect: () => Promise.reject('thrown') })))
    expect(errors).toEqual([['thrown', 'connect of /chat']])
  })

  it('has waited long enough after ruleTimeoutMs', async () => {
    const { guard, clock } = asking()
    let told: unknown = null
    const asked = settled(askConnect(guard, authority({ connect: () => new Promise(() => {}) }))).then((code) => {
      told = code
    })
    await clock.advance(999)
    expect(told).toBe(null)
    await clock.advance(1)
    await asked
    expect(told).toBe('AUTH_UNAVAILABLE connect_rule')
  })

  it('ends when the rule says, and is AUTH_EXPIRED when that is over', async () => {
    const { guard, now } = asking()
    const until = (expiresAt: number) => settled(askConnect(guard, authority({ connect: () => permit({ expiresAt }) })))
    expect(await until(now() + 1)).toBe(now() + 1)
    expect(await until(now())).toBe('AUTH_EXPIRED connect_rule')
  })

  it('shortens the lease, and never prolongs it', async () => {
    const { guard, now } = asking()
    const connect = () => permit({ expiresAt: now() + 60 })
    const ends = async (expiresAt: number | null) => {
      const permission = await askPolicy(guard, authority({ connect }, expiresAt))
      return [permission.lease.expiresAt, permission.permittedUntil]
    }
    expect(await ends(null)).toEqual([now() + 60, now() + 60])
    expect(await ends(now() + 5)).toEqual([now() + 5, now() + 60])
    expect(await askPolicy(guard, authority({}))).toEqual({ lease, permittedUntil: null, memberships: [] })
  })
})

describe('memberships', () => {
  const ask = (memberships: unknown) => askMemberships(asking().guard, authority({ memberships }))

  it('are the rooms that follow from who it is, as a copy that nobody changes', async () => {
    const rooms = ['a', 'b']
    const found = await ask((who: Identity) => (who === identity ? rooms : []))
    expect(found).toEqual(['a', 'b'])
    expect(found).not.toBe(rooms)
    expect(Object.isFrozen(found)).toBe(true)
    expect(await ask(async () => ['a'])).toEqual(['a'])
    expect(await ask(() => [])).toEqual([])
    expect(await ask(undefined)).toEqual([])
  })

  it.each([[null], [undefined], ['a'], [{}], [['a', 5]], [['']], [[null]]])(
    'that are %j are a TypeError',
    async (rooms) => {
      await expect(ask(() => rooms)).rejects.toThrow(TypeError)
      await expect(ask(() => rooms)).rejects.toThrow('"memberships" of /chat must return an array of room names')
    },
  )

  it('reject with what they throw, and with AUTH_UNAVAILABLE when they take too long', async () => {
    const thrown = new Error('x')
    const throwing = () => {
      throw thrown
    }
    await expect(ask(throwing)).rejects.toBe(thrown)
    const { guard, clock } = asking()
    const asked = settled(askMemberships(guard, authority({ memberships: () => new Promise(() => {}) })))
    await clock.advance(1_000)
    expect(await asked).toBe('AUTH_UNAVAILABLE deadline')
  })

  it('are told to a trace', async () => {
    const checks: unknown[] = []
    const trace = { check: (...all: unknown[]) => checks.push(all) } as unknown as NonNullable<Guard['trace']>
    await askMemberships(asking({ trace }).guard, authority({ memberships: () => [] }))
    expect(checks).toEqual([['memberships', null, expect.toSatisfy((ms: number) => ms > 0)]])
  })
})

describe('a rule that has not decided', () => {
  it('is one that failed, or that should be asked again later', () => {
    const undecided = (Object.keys(CODES) as (keyof typeof CODES)[]).filter(isUndecided)
    expect(undecided).toEqual(['AUTH_RATE_LIMITED', 'AUTH_UNAVAILABLE', 'AUTH_ERROR'])
  })
})

describe('an event', () => {
  const entry = { identity, lease, namespace: '/chat' }
  const schemaOf = (validate: (value: unknown) => unknown) => ({
    '~standard': { version: 1, vendor: 'test', validate },
  })
  function ask(event: unknown, data: unknown[] = ['news', 1, 2]) {
    const asker = asking()
    const packet: { type: number; data?: unknown } = { type: 2, data }
    const rule = policyOf({ events: { news: event } }).events.get('news')
    if (rule === undefined) throw new TypeError('no rule')
    return { ...asker, packet, decided: decideEvent(entry, rule, packet, decideOptions(asker.guard)) }
  }

  it('is asked about with what was sent', () => {
    const asked: unknown[] = []
    const { decided, packet } = ask((request: unknown) => {
      asked.push(request)
      return permit()
    })
    expect(decided).toEqual(permit())
    expect(asked).toEqual([{ identity, lease, namespace: '/chat', event: 'news', args: [1, 2] }])
    expect(packet.data).toEqual(['news', 1, 2])
  })

  it('with a schema is asked about, and delivered, with what that puts out', async () => {
    const asked: unknown[] = []
    const rule = ({ args }: { args: unknown }) => {
      asked.push(args)
      return permit()
    }
    const doubled = (value: unknown) => ({ value: (value as number[]).map((each) => each * 2) })
    for (const validate of [doubled, async (value: unknown) => doubled(value)]) {
      const { decided, packet } = ask({ args: schemaOf(validate), rule })
      expect(await decided).toEqual(permit())
      expect(packet.data).toEqual(['news', 2, 4])
    }
    expect(asked).toEqual([
      [2, 4],
      [2, 4],
    ])
    expect(ask({ args: schemaOf(doubled), rule }).decided).not.toBeInstanceOf(Promise)
  })

  it.each([
    [{ issues: [] }],
    [{ issues: [{ message: 'no' }], value: [1] }],
    [{ issues: null, value: [1] }],
    [{ value: 'text' }],
    [{ value: { 0: 1 } }],
    [{}],
    [Object.create({ value: [1] })],
    [null],
    [undefined],
    [true],
    [[1]],
  ])('is AUTH_ARGUMENTS_INVALID where the schema answers %j, and the rule is not asked', async (result) => {
    for (const validate of [() => result, async () => result]) {
      const { decided, packet, errors } = ask({ args: schemaOf(validate), rule: () => expect.unreachable() })
      expect(await decided).toEqual(deny('AUTH_ARGUMENTS_INVALID'))
      expect([packet.data, errors]).toEqual([['news', 1, 2], []])
    }
  })

  it('takes undefined issues for none', () => {
    expect(ask({ args: schemaOf(() => ({ issues: undefined, value: [] })), rule: () => permit() }).decided).toEqual(
      permit(),
    )
  })

  it('is AUTH_ERROR where the schema throws or rejects, which is reported', async () => {
    const thrown = new Error('x')
    const throwing = () => {
      throw thrown
    }
    for (const validate of [throwing, () => Promise.reject(thrown)]) {
      const { decided, errors } = ask({ args: schemaOf(validate), rule: () => permit() })
      expect(await decided).toEqual(deny('AUTH_ERROR'))
      expect(errors).toEqual([[thrown, 'events.news of /chat']])
    }
  })

  it('is AUTH_UNAVAILABLE where the schema takes too long', async () => {
    const { decided, clock } = ask({ args: schemaOf(() => new Promise(() => {})), rule: () => permit() })
    await clock.advance(1_000)
    expect(await decided).toEqual(deny('AUTH_UNAVAILABLE'))
  })

  it('has its schema told to a trace', async () => {
    const told = async (validate: () => unknown) => {
      const checks: unknown[][] = []
      const trace = {
        check: (...all: unknown[]) => checks.push(all),
        because: () => {},
        rule: (_asked: unknown, _request: unknown, ask: () => unknown) => ask(),
      } as unknown as NonNullable<Guard['trace']>
      const { guard } = asking({ trace })
      const rule = policyOf({ events: { news: { args: schemaOf(validate), rule: () => permit() } } }).events.get('news')
      if (rule === undefined) throw new TypeError('no rule')
      await decideEvent(entry, rule, { type: 2, data: ['news'] }, decideOptions(guard))
      expect(checks.every(([, , startedMs]) => (startedMs as number) > 0)).toBe(true)
      return checks.map(([name, code]) => [name, code])
    }
    expect(await told(() => ({ value: [] }))).toEqual([['events.news.args', null]])
    expect(await told(() => null)).toEqual([['events.news.args', 'AUTH_ARGUMENTS_INVALID']])
    expect(await told(() => Promise.reject(new Error('x')))).toEqual([['events.news.args', 'AUTH_ERROR']])
  })
})

describe('a room', () => {
  const judge = (rooms: Record<string, unknown>, room: string, presented?: unknown) => {
    const asker: Asker = {
      policy: policyOf({ rooms }),
      identity,
      lease,
      namespace: '/chat',
      socket: { id: 'socket', nsp: { adapter: { sids: new Map([['private:of-another', 1]]) } } },
    }
    return judgeRoom(asking().guard, asker, room, presented)
  }
  const CLOSED = { effect: 'deny', code: 'AUTH_FORBIDDEN' }

  it('is closed where no pattern stands for it', async () => {
    expect(await judge({}, 'org:a')).toEqual({ room: 'org:a', rule: 'rooms', decision: CLOSED })
    expect(await judge({ 'team:{id}': () => permit() }, 'org:a')).toEqual({
      room: 'org:a',
      rule: 'rooms',
      decision: CLOSED,
    })
  })

  it('is asked about with its parameters, and with what was shown', async () => {
    const asked: unknown[] = []
    const rule = (request: unknown) => {
      asked.push(request)
      return permit()
    }
    expect(await judge({ 'org:{id}': rule }, 'org:a', { grant: 1 })).toEqual({
      room: 'org:a',
      rule: 'rooms.org:{id}',
      decision: { effect: 'permit', expiresAt: null },
    })
    expect(asked).toEqual([
      {
        identity,
        lease,
        namespace: '/chat',
        room: 'org:a',
        params: { id: 'a' },
        socketId: 'socket',
        presented: { grant: 1 },
      },
    ])
  })

  it('is permitted when every pattern that matches permits, until the earliest of their ends', async () => {
    const until = (expiresAt: number | null) => () => permit({ expiresAt })
    const rooms = { 'org:{id}': until(9), 'org:a': until(5), '{x}:a': async () => permit(), 'team:a': () => deny() }
    expect((await judge(rooms, 'org:a')).decision).toEqual({ effect: 'permit', expiresAt: 5 })
    const refusing = { ...rooms, 'org:{other}': () => deny('AUTH_INSUFFICIENT_SCOPE') }
    expect(await judge(refusing, 'org:a')).toEqual({
      room: 'org:a',
      rule: 'rooms.org:{other}',
      decision: deny('AUTH_INSUFFICIENT_SCOPE'),
    })
  })

  it('is asked of no further rule after one that denies', async () => {
    const rooms = { 'org:{id}': () => deny(), 'org:a': () => expect.unreachable() }
    expect((await judge(rooms, 'org:a')).rule).toBe('rooms.org:{id}')
  })

  it('that is the private one of a socket is opened by no pattern', async () => {
    const rooms = { 'private:{id}': () => permit() }
    expect(await judge(rooms, 'private:of-another')).toEqual({
      room: 'private:of-another',
      rule: 'rooms',
      decision: CLOSED,
    })
    expect((await judge(rooms, 'private:a')).decision.effect).toBe('permit')
  })

  it('may not be held on a permission that has ended', () => {
    const codeAt = (decision: unknown, nowSeconds: number) =>
      codeOfVerdict({ room: 'r', rule: 'rooms.r', decision } as Verdict, nowSeconds)
    expect(codeAt(permit(), 5)).toBe(null)
    expect(codeAt(permit({ expiresAt: 6 }), 5)).toBe(null)
    expect(codeAt(permit({ expiresAt: 5 }), 5)).toBe('AUTH_EXPIRED')
    expect(codeAt(deny('AUTH_REVOKED'), 5)).toBe('AUTH_REVOKED')
  })
})

describe('the end of an authority', () => {
  it('that no socket holds yet is that of its node, of its lease, or a revocation, in that order', () => {
    let fresh = true
    const { guard, now } = asking({ isFresh: () => fresh })
    const at = (expiresAt: number | null, issuedAt = 0) => endOf(guard, { id: 'l', issuedAt, expiresAt }, ['n'])
    expect([at(null), at(now() + 1), at(now())]).toEqual([null, null, 'AUTH_EXPIRED'])
    guard.revocations.apply({
      id: 'e',
      at: 0,
      name: 'n',
      issuedBefore: 5,
      expiresAt: now() + 60,
      effect: 'revoke',
      exceptSocket: null,
      graceMs: 0,
    })
    expect([at(null), at(null, 5), at(now())]).toEqual(['AUTH_REVOKED', null, 'AUTH_EXPIRED'])
    fresh = false
    expect(at(now())).toBe('AUTH_UNAVAILABLE')
  })

  it('of a socket is why it was ended, that of its node, of its lease, or that it lapsed', () => {
    let fresh = true
    const { guard, now } = asking({ isFresh: () => fresh })
    const of = (entry: Partial<Entry>) =>
      endOfEntry(guard, { ended: null, withheld: null, lease, ...entry } as unknown as Entry)
    const ending = (expiresAt: number) => ({ ...lease, expiresAt })
    expect(of({})).toBe(null)
    expect(of({ lease: ending(now() + 1) })).toBe(null)
    expect(of({ lease: ending(now()) })).toBe('AUTH_EXPIRED')
    expect(of({ withheld: new Set(['suspended']) })).toBe(null)
    expect(of({ withheld: new Set(['expired']) })).toBe('AUTH_EXPIRED')
    fresh = false
    expect(of({ lease: ending(now()) })).toBe('AUTH_UNAVAILABLE')
    expect(of({ ended: 'AUTH_REVOKED', lease: ending(now()) })).toBe('AUTH_REVOKED')
  })

  it('comes with the strategy that gave it', () => {
    const strategy = {} as Guard['strategies'][number]
    const { guard } = asking({ strategies: [strategy] })
    const told = (of: typeof strategy) => verdict(() => requireInForce(guard, of))
    expect([told(strategy), told({} as typeof strategy)]).toEqual([undefined, 'AUTH_UNAVAILABLE reloaded'])
    expect(isReloaded(new AuthError('AUTH_UNAVAILABLE', { reason: 'reloaded' }))).toBe(true)
    for (const other of [new AuthError('AUTH_UNAVAILABLE'), { reason: 'reloaded' }, null])
      expect(isReloaded(other)).toBe(false)
  })

  it('is told as an AuthError, and what led to it is reported', () => {
    const told: unknown[] = []
    const onError = (...all: unknown[]) => told.push(all)
    const bare = new AuthError('AUTH_EXPIRED')
    expect(asAuthError(bare, 'w', onError)).toBe(bare)
    const cause = new Error('why')
    const caused = new AuthError('AUTH_UNAVAILABLE', { cause })
    expect(asAuthError(caused, 'w', onError)).toBe(caused)
    const thrown = new Error('thrown')
    expect(asAuthError(thrown, 'v', onError)).toMatchObject({ code: 'AUTH_ERROR', reason: 'threw', cause: thrown })
    expect(told).toEqual([
      [cause, 'w'],
      [thrown, 'v'],
    ])
  })
})
