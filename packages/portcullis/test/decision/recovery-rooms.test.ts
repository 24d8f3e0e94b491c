import { describe, expect, it } from 'vitest'
import { compilePolicy } from '../../src/core/compiled-policy.ts'
import { deny, permit } from '../../src/core/decision.ts'
import type { Guard } from '../../src/server/guard.ts'
import type { Asker } from '../../src/server/judge-room.ts'
import { resolveLimits } from '../../src/server/limits.ts'
import type { AwayRecord } from '../../src/server/recovery-record.ts'
import { judgeRooms } from '../../src/server/recovery-rooms.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'

describe('the rooms of a socket that comes back', () => {
  const clock = fakeClock()
  const now = clock.now() / 1000
  const guard = () => ({ clock, limits: resolveLimits(), onError: () => {} }) as unknown as Guard
  const identity = { scheme: 'jwt', issuer: 'i', subject: 's', claims: {} }
  const rules = {
    'open:{x}': () => permit(),
    'until:{end}': ({ params }: { params: { end: string } }) => permit({ expiresAt: Number(params.end) }),
    'shut:{x}': () => deny('AUTH_INSUFFICIENT_SCOPE'),
    'broken:{x}': () => {
      throw new Error('no database')
    },
    'shown:{x}': ({ presented }: { presented: unknown }) => (presented === 'key' ? permit() : deny()),
  }
  const asker = (): Asker => ({
    policy: compilePolicy('/chat', { events: {}, rooms: rules } as never),
    identity,
    lease: { id: 'l', issuedAt: 0, expiresAt: null },
    namespace: '/chat',
    socket: { id: 'socket', nsp: { adapter: { sids: new Map() } } },
  })
  function judge(
    rooms: readonly string[],
    grants: Record<string, number | null> = {},
    { memberships = [], settled = [] }: { memberships?: readonly string[]; settled?: readonly string[] } = {},
  ) {
    const record: AwayRecord = {
      version: 1,
      issuer: 'i',
      subject: 's',
      issuedAt: 0,
      expiresAt: null,
      names: [],
      rooms: rooms.map((room) => [room, null] as const),
      grants: Object.entries(grants),
      memberships,
    }
    const presented = new Map<string, unknown>([['shown:a', 'key']])
    return judgeRooms(guard(), asker(), { record, presented, settled: new Set(settled) })
  }
  const held = (room: string, expiresAt: number | null = null) => ({ room, expiresAt, presented: undefined })

  it('are those that its rules permit now, each until the earlier end', async () => {
    const rooms = ['open:a', `until:${now + 50}`, 'open:b']
    expect(await judge(rooms, { 'open:a': null, [`until:${now + 50}`]: now + 90, 'open:b': now + 30 })).toEqual({
      regained: [held('open:a'), held(`until:${now + 50}`, now + 50), held('open:b', now + 30)],
      lost: [],
    })
  })

  it('are asked about with what was shown for them', async () => {
    expect(await judge(['shown:a', 'shown:b'], { 'shown:a': null, 'shown:b': null })).toEqual({
      regained: [{ room: 'shown:a', expiresAt: null, presented: 'key' }],
      lost: [{ room: 'shown:b', code: 'AUTH_FORBIDDEN' }],
    })
  })

  it('are none whose grant has ended, or is refused now', async () => {
    const rooms = ['open:a', 'shut:a', `until:${now}`, 'closed:a']
    const grants = { 'open:a': now, 'shut:a': null, [`until:${now}`]: null, 'closed:a': null }
    const answer = await judge(rooms, grants)
    expect(answer?.regained).toEqual([])
    expect(new Map(answer?.lost.map(({ room, code }) => [room, code]))).toEqual(
      new Map([
        ['open:a', 'AUTH_EXPIRED'],
        ['shut:a', 'AUTH_INSUFFICIENT_SCOPE'],
        [`until:${now}`, 'AUTH_EXPIRED'],
        ['closed:a', 'AUTH_FORBIDDEN'],
      ]),
    )
  })

  it('that followed from who it was are lost, without asking a rule, unless they are granted too', async () => {
    const memberships = ['open:a', 'open:b']
    expect(await judge(memberships, { 'open:b': null }, { memberships })).toEqual({
      regained: [held('open:b')],
      lost: [{ room: 'open:a', code: 'AUTH_FORBIDDEN' }],
    })
  })

  it('are not asked about where they are settled', async () => {
    expect(await judge(['own', 'shut:a'], {}, { settled: ['own', 'shut:a'] })).toEqual({ regained: [], lost: [] })
  })

  it('that the server joined are decided by the rules, and cannot be lost unheard', async () => {
    expect(await judge(['open:a'])).toEqual({ regained: [held('open:a')], lost: [] })
    expect(await judge(['open:a', 'shut:a'], { 'open:a': null })).toBe(null)
  })

  it('are not known where a rule failed', async () => {
    expect(await judge(['open:a', 'broken:a'], { 'open:a': null, 'broken:a': null })).toBe(null)
  })
})
