import { type LeftNotice, permit, permitIf } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { gate, onCleanup, outcome } from '../harness.ts'
import {
  type ChatPolicy,
  comeBack,
  judgements,
  KINDS,
  lose,
  nodes,
  POLICY,
  present,
  returning,
  say,
  settled,
  WAIT,
} from './recovery-fixtures.ts'

const alice = { issuer: 'https://issuer.example', subject: 'alice' }

describe.each(KINDS)('recovery, %s', (kind) => {
  it('gives back the socket id, data, memberships, grants and what was missed, in order and once', async () => {
    const { from, to } = await nodes(kind)
    const seen: unknown[] = []
    from.io.of('/chat').on('connection', (socket) => {
      if (!socket.recovered) socket.data.note = 'mine'
    })
    to.io.of('/chat').on('connection', (socket) => {
      if (socket.recovered)
        seen.push([socket.id, socket.data.note, socket.data.identity.subject, [...socket.rooms].sort()])
    })
    const listener = await present(from, 'alice-key', 'room:acme:a')
    const id = await lose(from, listener)
    await say(from, 'org:acme', 1, Buffer.from('two'))
    await say(to, 'room:acme:a', 3)
    await say(to, id, 4)
    await say(from, 'org:globex', 'not mine')
    from.io.of('/chat').to(from.auth.room(alice)).emit('news', 5)
    await say(from, 'org:acme', { deep: [Buffer.from('six')] })
    const again = await comeBack(to, listener)
    expect([again.refused, again.recovered, again.client.id]).toEqual([null, true, id])
    expect((await settled(to, again)).map(([, message]) => message)).toEqual([
      1,
      Buffer.from('two'),
      3,
      4,
      5,
      { deep: [Buffer.from('six')] },
    ])
    expect(seen).toEqual([[id, 'mine', 'alice', [id, 'org:acme', 'room:acme:a'].sort()]])
    expect(judgements(to)).toEqual(['recovered'])
    expect(await again.client.emitWithAck('auth:whoami')).toMatchObject({ rooms: ['org:acme', 'room:acme:a'] })
    again.heard.length = 0
    await say(from, 'room:acme:a', 'live')
    await expect.poll(() => again.heard, WAIT).toEqual([['news', 'live']])
  })

  it('recovers again and again, and still knows what a connection in between has not received', async () => {
    const { from, to } = await nodes(kind)
    const listener = await present(from, 'alice-key', 'room:acme:a')
    await lose(from, listener)
    await say(from, 'room:acme:a', 1)
    const between = await comeBack(to, listener)
    expect(between.recovered).toBe(true)
    await lose(to, between)
    await say(from, 'room:acme:a', 2)
    // As if the first of them had got lost with the connection.
    const again = await comeBack(from, listener)
    expect(again.recovered).toBe(true)
    expect((await settled(from, again)).map(([, message]) => message)).toEqual([1, 2])
  })

  it('R17, F11: after a revocation while away, with a newer credential: a new socket, and nothing missed', async () => {
    const { from, to } = await nodes(kind)
    const listener = await present(from, 'alice-key', 'room:acme:a')
    const id = await lose(from, listener)
    await say(from, 'room:acme:a', 'secret')
    await from.auth.revoke(alice)
    const refused = await comeBack(to, listener)
    expect(refused.refused).toMatchObject({ code: 'AUTH_REVOKED' })
    to.records.set('newer', { subject: 'alice', issuedAt: Date.now() / 1000 + 1 })
    const again = await comeBack(to, listener, 'newer')
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(again.client.id).not.toBe(id)
    expect(await settled(to, again)).toEqual([])
    expect(judgements(to)).toEqual(['revoked'])
  })

  it('R17, F11: after its lease has ended while away, with a newer credential: a new socket, and nothing missed', async () => {
    const { from, to } = await nodes(kind)
    from.records.set('short', { subject: 'alice', expiresAt: Date.now() / 1000 + 1 })
    const listener = await present(from, 'short', 'room:acme:a')
    await lose(from, listener)
    await say(from, 'room:acme:a', 'secret')
    await expect
      .poll(async () => (await comeBack(from, { client: from.client('/chat'), heard: [] }, 'short')).refused?.code, {
        timeout: 3_000,
      })
      .toBe('AUTH_EXPIRED')
    const again = await comeBack(to, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(await settled(to, again)).toEqual([])
    expect(judgements(to)).toEqual(['expired'])
  })

  it('R17, F11: after the permission of a room was removed, that room and its packets are gone, and the client is told', async () => {
    let open = true
    const rooms: ChatPolicy['rooms'] = { ...POLICY.rooms, 'room:acme:a': () => permitIf(open) }
    const { from, to } = await nodes(kind, { ...POLICY, rooms })
    const listener = await present(from, 'alice-key', 'room:acme:a')
    await listener.client.emitWithAck('auth:join', 'room:acme:b')
    const id = await lose(from, listener)
    await say(from, 'room:acme:a', 'secret')
    await say(from, 'room:acme:b', 'mine')
    open = false
    const again = await comeBack(to, listener)
    expect(again.recovered).toBe(true)
    expect(await settled(to, again)).toEqual([
      ['auth:left', expect.objectContaining({ code: 'AUTH_FORBIDDEN', room: 'room:acme:a' })],
      ['news', 'mine'],
    ])
    expect([...(to.io.of('/chat').adapter.sids.get(id) ?? [])].sort()).toEqual([id, 'org:acme', 'room:acme:b'].sort())
  })

  it('R17, F11: after a grant has ended, after a membership was removed, and with other claims: what is left is recovered', async () => {
    let orgs = ['org:acme', 'org:old']
    let end = Date.now() / 1000 + 60
    const { from, to } = await nodes(kind, {
      ...POLICY,
      memberships: () => orgs,
      rooms: { ...POLICY.rooms, 'grant:a': () => permit({ expiresAt: end }) },
    })
    const listener = await present(from, 'alice-key', 'grant:a')
    await listener.client.emitWithAck('auth:join', 'room:acme:b')
    await lose(from, listener)
    await say(from, 'grant:a', 'ended')
    await say(from, 'room:acme:b', 'other claims')
    await say(from, 'org:old', 'no member')
    await say(from, 'org:acme', 'mine')
    orgs = ['org:acme']
    end = Date.now() / 1000 - 1
    to.records.set('alice-key', { subject: 'alice', claims: { org: 'elsewhere', scope: '' } })
    const again = await comeBack(to, listener)
    expect(again.recovered).toBe(true)
    const heard = await settled(to, again)
    expect(heard.filter(([event]) => event === 'news')).toEqual([['news', 'mine']])
    expect(
      heard
        .filter(([event]) => event === 'auth:left')
        .map(([, notice]) => {
          const { room, code } = notice as LeftNotice
          return [room, code]
        })
        .sort(),
    ).toEqual([
      ['grant:a', 'AUTH_EXPIRED'],
      ['org:old', 'AUTH_FORBIDDEN'],
      ['room:acme:b', 'AUTH_FORBIDDEN'],
    ])
  })

  it('R17, F11: another user who presents the pid gets a new socket, and has used it up', async () => {
    const { from, to } = await nodes(kind, POLICY, {})
    to.records.set('carol-key', { subject: 'carol' })
    const listener = await present(from)
    const id = await lose(from, listener)
    await say(from, id, 'private')
    const thief = await comeBack(to, listener, 'carol-key')
    expect([thief.refused, thief.recovered]).toEqual([null, false])
    expect(thief.client.id).not.toBe(id)
    expect(await settled(to, thief)).toEqual([])
    const again = await comeBack(to, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(judgements(to)).toEqual(['principal', 'unknown_session'])
  })

  it('R17, U12: a pid is good for one return, also while the first has not answered yet', async () => {
    const { from, to } = await nodes(kind)
    const listener = await present(from)
    await lose(from, listener)
    await say(from, 'org:acme', 1)
    const attempts = [from, to, from, to].map((node) => returning(node, listener))
    expect(await Promise.all(attempts.map(({ client }) => outcome(client)))).toEqual([null, null, null, null])
    expect(attempts.filter(({ client }) => client.recovered).length).toBe(1)
    expect(attempts.filter(({ heard }) => heard.length > 0).length).toBeLessThanOrEqual(1)
    expect((await comeBack(to, listener)).recovered).toBe(false)
    expect(new Set(attempts.map(({ client }) => client.id)).size).toBe(4)
  })

  it('R16: who comes back with no credential, or a bad one, is refused, and the session waits for its owner', async () => {
    const { from, to } = await nodes(kind)
    const listener = await present(from)
    await lose(from, listener)
    await say(from, 'org:acme', 1)
    expect((await comeBack(to, listener, 'nobody')).refused).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    const again = await comeBack(to, listener)
    expect(again.recovered).toBe(true)
    expect((await settled(to, again)).map(([, message]) => message)).toEqual([1])
  })

  it('R16: a revocation while the connect rule, memberships or a room rule is asked: never connected, nothing missed', async () => {
    for (const place of ['connect', 'memberships', 'rooms'] as const) {
      let [blocked, reached] = [gate(), gate()]
      let holding = false
      const hold = async <T>(at: typeof place, answer: T): Promise<T> => {
        if (holding && at === place) {
          reached.open()
          await blocked.promise
        }
        return answer
      }
      const { from, to } = await nodes(kind, {
        ...POLICY,
        connect: () => hold('connect', permit()),
        memberships: () => hold('memberships', ['org:acme']),
        rooms: { 'room:acme:a': () => hold('rooms', permit()) },
      })
      onCleanup(() => blocked.open())
      const listener = await present(from, 'alice-key', 'room:acme:a')
      await lose(from, listener)
      await say(from, 'org:acme', 'secret')
      holding = true
      const again = returning(to, listener)
      const answered = outcome(again.client)
      await reached.promise
      await from.auth.revoke(alice)
      blocked.open()
      expect([place, await answered]).toMatchObject([place, { code: 'AUTH_REVOKED' }])
      expect(again.heard).toEqual([])
      ;[blocked, reached] = [gate(), gate()]
    }
  })

  it.each([
    ['revocation', 'AUTH_REVOKED'],
    ['disconnection', 'AUTH_REPLACED'],
  ])(
    'R16: a %s while a later middleware of the application still thinks: a new socket, closed, and nothing missed',
    async (kindOf, code) => {
      const { from, to } = await nodes(kind)
      const [blocked, reached] = [gate(), gate()]
      let holding = false
      to.io.of('/chat').use((_socket, pass) => {
        if (!holding) return pass()
        reached.open()
        blocked.promise.then(() => pass())
      })
      const listener = await present(from)
      const id = await lose(from, listener)
      await say(from, 'org:acme', 'secret')
      holding = true
      const again = returning(to, listener)
      const closed = new Promise((resolve) => again.client.on('auth:closed', resolve))
      await reached.promise
      await (kindOf === 'revocation' ? from.auth.revoke(alice) : from.auth.disconnect(alice))
      blocked.open()
      expect(await closed).toMatchObject({ code })
      expect(again.heard.map(([event]) => event)).toEqual(['auth:closed'])
      expect(again.client.recovered).toBe(false)
      expect(to.io.of('/chat').sockets.has(id)).toBe(false)
    },
  )
})
