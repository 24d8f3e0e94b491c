import { deny, permit, permitIf } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { fakeTime } from '../harness.ts'
import {
  comeBack,
  hello,
  judgements,
  KINDS,
  lose,
  nodes,
  POLICY,
  present,
  say,
  settled,
  WAIT,
} from './recovery-fixtures.ts'

const alice = { issuer: 'https://issuer.example', subject: 'alice' }

/** The messages that came as `news`. */
const newsOf = (heard: readonly unknown[][]) =>
  heard.filter(([event]) => event === 'news').map(([, message]) => message)

describe.each(KINDS)('what is owed, %s', (kind) => {
  it('F11: nothing from the time of an earlier authority, wherever the client says that it stopped listening', async () => {
    const { from, to } = await nodes(kind)
    const first = await present(from)
    await from.auth.revoke(alice)
    await expect.poll(() => first.client.connected, WAIT).toBe(false)
    await say(from, 'org:acme', 'sent while revoked')
    const newer = { subject: 'alice', issuedAt: Date.now() / 1000 + 1 }
    for (const { records } of [from, to]) records.set('newer', newer)
    const second = await comeBack(from, first, 'newer')
    expect(second.recovered).toBe(false)
    // It has heard nothing on this connection: its offset is of the first.
    await lose(from, second)
    await say(from, 'org:acme', 'missed')
    const again = await comeBack(to, second, 'newer')
    expect(again.recovered).toBe(true)
    expect(newsOf(await settled(to, again))).toEqual(['missed'])
  })

  it('U12: nothing that a room heard before it was joined, and all that other rooms heard meanwhile', async () => {
    const { from, to } = await nodes(kind)
    const listener = await present(from)
    const { _lastOffset } = listener.client as unknown as { _lastOffset: string }
    await say(from, 'org:acme', 1)
    await say(from, 'room:acme:a', 'before it joined')
    await listener.client.emitWithAck('auth:join', 'room:acme:a')
    await say(from, 'room:acme:a', 2)
    await say(from, 'room:acme:b', 'before it joined')
    await listener.client.emitWithAck('auth:join', 'room:acme:b')
    await lose(from, listener)
    await say(from, 'org:acme', 3)
    await say(from, 'room:acme:b', 4)
    Object.assign(listener.client, { _lastOffset })
    const again = await comeBack(to, listener)
    expect(again.recovered).toBe(true)
    expect(newsOf(await settled(to, again))).toEqual([1, 2, 3, 4])
  })

  it('F11: a packet that excepted a room of the session is not owed, even if that room is lost', async () => {
    let open = true
    const { from, to } = await nodes(kind, { ...POLICY, rooms: { muted: () => permitIf(open) } })
    const listener = await present(from, 'alice-key', 'muted')
    await lose(from, listener)
    from.io.of('/chat').to('org:acme').except('muted').emit('news', 'not for the muted')
    from.io.of('/chat').except('org:acme').emit('news', 'for others')
    from.io.of('/chat').emit('news', 'for all')
    await say(from, 'org:acme', 'mine')
    open = false
    const again = await comeBack(to, listener)
    expect(again.recovered).toBe(true)
    expect(newsOf(await settled(to, again))).toEqual(['for all', 'mine'])
  })

  it.each([
    ['no rule at all', {}, false],
    ['a rule that denies', { vip: () => deny() }, false],
    ['a rule that throws', { vip: () => Promise.reject(new Error('broken')) }, false],
    ['a rule that permits', { vip: () => permit() }, true],
  ])('R17: a room that the server joined by its own word, with %s', async (_name, rooms, recovered) => {
    const { from, to } = await nodes(kind, { ...POLICY, rooms })
    const listener = await present(from)
    from.io
      .of('/chat')
      .sockets.get(listener.client.id as string)
      ?.join('vip')
    const id = await lose(from, listener)
    await say(from, 'vip', 1)
    const again = await comeBack(to, listener)
    expect([again.refused, again.recovered]).toEqual([null, recovered])
    expect(newsOf(await settled(to, again))).toEqual(recovered ? [1] : [])
    expect(to.io.of('/chat').adapter.rooms.get('vip')?.has(id) ?? false).toBe(recovered)
    expect(judgements(to)).toEqual([recovered ? 'recovered' : 'undecided_room'])
  })

  it('F11: a room whose rule cannot be asked makes a new socket, rather than a gap that nobody knows of', async () => {
    let broken = false
    const room = () => (broken ? Promise.reject(new Error('no database')) : permit())
    const { from, to } = await nodes(kind, { ...POLICY, rooms: { 'room:acme:a': room } })
    const listener = await present(from, 'alice-key', 'room:acme:a')
    await lose(from, listener)
    await say(from, 'org:acme', 'missed')
    broken = true
    const again = await comeBack(to, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(newsOf(await settled(to, again))).toEqual([])
    expect(to.errors.map(({ where }) => where)).toEqual(['rooms.room:acme:a of /chat'])
  })

  it('R17: a grant keeps its end, even if its rule would now give it for ever', async () => {
    const time = fakeTime()
    let end: number | undefined = time.seconds() + 30
    const rule = () => (end === undefined ? permit() : permit({ expiresAt: end }))
    const { from, to } = await nodes(
      kind,
      { ...POLICY, rooms: { 'room:acme:a': rule } },
      { clock: time.clock, cluster: { maxStalenessMs: 86_400_000 } },
    )
    const listener = await present(from, 'alice-key', 'room:acme:a')
    const id = await lose(from, listener)
    end = undefined
    const again = await comeBack(to, listener)
    expect(again.recovered).toBe(true)
    const isThere = () => to.io.of('/chat').adapter.rooms.get('room:acme:a')?.has(id) ?? false
    expect(isThere()).toBe(true)
    time.advance(31_000)
    expect(isThere()).toBe(false)
    await expect
      .poll(() => again.heard)
      .toContainEqual(['auth:left', expect.objectContaining({ code: 'AUTH_EXPIRED' })])
  })

  it('R17, F11: a grant that ends while the application still thinks makes a new socket', async () => {
    const time = fakeTime()
    const { from, to } = await nodes(
      kind,
      { ...POLICY, rooms: { 'room:acme:a': () => permit({ expiresAt: 1_800_000_030 }) } },
      { clock: time.clock, cluster: { maxStalenessMs: 86_400_000 }, limits: { connectTimeoutMs: 60_000 } },
    )
    let late = false
    to.io.of('/chat').use((_socket, pass) => {
      if (late) time.advance(30_000)
      pass()
    })
    const listener = await present(from, 'alice-key', 'room:acme:a')
    await lose(from, listener)
    await say(from, 'room:acme:a', 'secret')
    late = true
    const again = await comeBack(to, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(newsOf(await settled(to, again))).toEqual([])
  })

  it('F11: a lease that had ended once, within its grace, leaves nothing to come back to', async () => {
    const time = fakeTime()
    const { from, to } = await nodes(kind, POLICY, {
      clock: time.clock,
      lease: { graceMs: 60_000, expiringMs: 0 },
      cluster: { maxStalenessMs: 86_400_000 },
    })
    from.records.set('short', { subject: 'alice', expiresAt: time.seconds() + 10 })
    const listener = await present(from, 'short')
    time.advance(11_000)
    await say(from, 'org:acme', 'sent to nobody')
    from.records.set('longer', { subject: 'alice', issuedAt: time.seconds() })
    expect(await listener.client.emitWithAck('auth:refresh', { token: 'longer' })).toMatchObject({ expiresAt: null })
    await lose(from, listener)
    const again = await comeBack(to, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(newsOf(await settled(to, again))).toEqual([])
    expect(judgements(to)).toEqual(['unknown_session'])
  })

  it('what was shown for a room is kept by a process for itself alone', async () => {
    const shown: unknown[] = []
    const rule = ({ presented, socketId }: { presented: unknown; socketId: string }) => {
      shown.push([presented, socketId])
      return permitIf((presented as { signature?: string })?.signature === 'good')
    }
    const { from, to } = await nodes(kind, { ...POLICY, rooms: { 'room:acme:a': rule } })
    const listener = await present(from)
    await listener.client.emitWithAck('auth:join', 'room:acme:a', { signature: 'good' })
    await hello(from, listener)
    const id = await lose(from, listener)
    await say(from, 'room:acme:a', 1)
    await say(from, 'org:acme', 2)
    const again = await comeBack(to, listener)
    expect(again.recovered).toBe(true)
    expect(newsOf(await settled(to, again))).toEqual(kind === 'memory' ? [1, 2] : [2])
    expect(shown.at(-1)).toEqual([kind === 'memory' ? { signature: 'good' } : undefined, id])
  })
})
