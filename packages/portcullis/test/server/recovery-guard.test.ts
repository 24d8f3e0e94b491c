import { permit } from 'portcullis'
import { type Namespace, Server } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { gate, next, onCleanup, outcome, start } from '../harness.ts'
import {
  comeBack,
  hello,
  judgements,
  KINDS,
  listen,
  lose,
  nodes,
  POLICY,
  present,
  returning,
  say,
  settled,
  streams,
  WAIT,
} from './recovery-fixtures.ts'

const alice = { issuer: 'https://issuer.example', subject: 'alice' }
const recovering = { connectionStateRecovery: {} }

/** The adapter that Socket.IO uses by default, whose parts a test may replace. */
const { adapter } = new Server(recovering).of('/')
const InMemory = adapter.constructor as new (nsp: Namespace) => typeof adapter

describe.each(KINDS)('what is kept, %s', (kind) => {
  it('R16: nothing of a socket that was ended, nor of one that was disconnected', async () => {
    const { from, to } = await nodes(kind)
    const [revoked, kicked, left] = [await present(from, 'bob-key'), await present(from), await present(from)]
    await from.auth.revoke({ ...alice, subject: 'bob' })
    await from.auth.disconnect(alice, { exceptSocket: left.client.id as string })
    left.client.disconnect()
    await expect.poll(() => from.io.of('/chat').sockets.size, WAIT).toBe(0)
    to.records.set('newer', { subject: 'bob', issuedAt: Date.now() / 1000 + 1 })
    for (const [listener, token] of [
      [revoked, 'newer'],
      [kicked, 'alice-key'],
      [left, 'alice-key'],
    ] as const) {
      const again = await comeBack(to, listener, token)
      expect([again.refused, again.recovered]).toEqual([null, false])
    }
    expect(judgements(to)).toEqual(['unknown_session', 'unknown_session', 'unknown_session'])
  })

  it('who comes back before the server has seen that it went gets a new socket beside the old one', async () => {
    const { from } = await nodes(kind)
    const listener = await present(from)
    const again = await comeBack(from, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(again.client.id).not.toBe(listener.client.id)
    expect(from.io.of('/chat').sockets.size).toBe(2)
  })

  it('an adapter that comes after protect() is guarded as well, for recovery and for the rooms of principals', async () => {
    // Made first, so that the server is closed before what it sends through.
    const another = kind === 'memory' ? InMemory : await (await streams())()
    const { from, to } = await nodes('memory')
    from.io.adapter(another as never)
    const listener = await present(from)
    await lose(from, listener)
    await say(from, 'org:acme', 'secret')
    await from.auth.revoke(alice)
    const again = await comeBack(to, listener)
    expect(again.refused).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(again.heard).toEqual([])
    const bob = await present(to, 'bob-key')
    to.io
      .of('/chat')
      .to(to.auth.room({ ...alice, subject: 'bob' }))
      .emit('news', 1)
    await expect.poll(() => bob.heard, WAIT).toEqual([['news', 1]])
  })

  it('a socket that presents its credential later starts anew', async () => {
    const { from, to } = await nodes(kind, POLICY, { deferMs: 60_000 })
    const listener = await present(from)
    await lose(from, listener)
    await say(from, 'org:acme', 'missed')
    const { _pid, _lastOffset } = listener.client as unknown as Record<string, string>
    const waiting = listen(to.client('/chat', { auth: { pid: _pid, offset: _lastOffset } }))
    expect(await outcome(waiting.client)).toBe(null)
    const reply = await waiting.client.emitWithAck('auth:refresh', { token: 'alice-key' })
    expect(reply).toMatchObject({ joined: ['org:acme'] })
    expect(waiting.client.id).not.toBe(listener.client.id)
    expect(await settled(to, waiting)).toEqual([])
  })

  it('of a dynamic namespace, as of any other', async () => {
    const { from, to } = await nodes(kind, POLICY, {}, { cleanupEmptyChildNamespaces: true })
    for (const { io, auth } of new Set([from, to])) auth.protect(io.of(/^\/team-/), POLICY as never)
    const connect = (node: typeof from) => node.client('/team-a', { auth: { token: 'alice-key' } })
    // Somebody keeps the namespace where it is.
    const keeper = connect(from)
    const one = listen(connect(from))
    expect([await outcome(keeper), await outcome(one.client)]).toEqual([null, null])
    from.io.of('/team-a').emit('hello')
    await expect.poll(() => one.heard.length, WAIT).toBe(1)
    one.client.io.engine.close()
    await expect.poll(() => from.io.of('/team-a').sockets.size, WAIT).toBe(1)
    from.io.of('/team-a').to('org:acme').emit('news', 'missed')
    await from.io.of('/team-a').fetchSockets()
    const again = listen(connect(to))
    const { _pid, _lastOffset } = one.client as unknown as Record<string, string>
    Object.assign(again.client, { _pid, _lastOffset })
    expect(await outcome(again.client)).toBe(null)
    expect(again.client.recovered).toBe(true)
    await expect.poll(() => again.heard, WAIT).toEqual([['news', 'missed']])
  })

  it('Q08: the application sees neither pid nor offset, and its middlewares see the socket that it was', async () => {
    const { from, to } = await nodes(kind)
    const seen: unknown[] = []
    to.io.of('/chat').use((socket, pass) => {
      seen.push([socket.id, socket.recovered, socket.data.identity.subject, Object.keys(socket.handshake.auth)])
      if (socket.recovered) socket.join('from a middleware')
      pass()
    })
    const listener = await present(from)
    const id = await lose(from, listener)
    const before = seen.length
    const again = await comeBack(to, listener)
    expect(again.refused).toBe(null)
    expect(seen.slice(before)).toEqual([[id, true, 'alice', []]])
    expect(to.io.of('/chat').adapter.sids.get(id)).toContain('from a middleware')
    expect((to.io.of('/chat') as never as { _preConnectSockets: Map<string, unknown> })._preConnectSockets.size).toBe(0)
  })

  it('a middleware that refuses leaves nothing of the socket that it was', async () => {
    const { from, to } = await nodes(kind)
    let refusing = false
    to.io.of('/chat').use((_socket, pass) => pass(refusing ? new Error('not today') : undefined))
    const listener = await present(from)
    await lose(from, listener)
    await say(from, 'org:acme', 'missed')
    refusing = true
    const again = await comeBack(to, listener)
    expect(again.refused).toMatchObject({ code: 'not today' })
    expect(again.heard).toEqual([])
    const namespace = to.io.of('/chat') as never as {
      _preConnectSockets: Map<string, unknown>
      sockets: Map<string, unknown>
    }
    expect([namespace._preConnectSockets.size, namespace.sockets.size, to.io.of('/chat').adapter.sids.size]).toEqual([
      0, 0, 0,
    ])
  })
})

describe('adapters', () => {
  it('one of which it cannot be told what was sent to whom keeps nothing', async () => {
    const kept: unknown[] = []
    class Opaque extends (Object.getPrototypeOf(InMemory) as typeof InMemory) {
      override persistSession(session: unknown) {
        kept.push(session)
      }
      override restoreSession() {
        return Promise.resolve({
          sid: 'x'.repeat(20),
          pid: 'pid',
          rooms: ['org:acme'],
          data: {},
          missedPackets: [['secret']],
        })
      }
    }
    const { io, auth, client } = await start({}, { ...recovering, adapter: Opaque as never })
    auth.protect(io.of('/chat'), POLICY)
    const one = client('/chat', { auth: { token: 'alice-key', pid: 'pid', offset: 'offset' } })
    const { heard } = listen(one)
    expect(await outcome(one)).toBe(null)
    expect(one.id).not.toBe('x'.repeat(20))
    one.io.engine.close()
    await expect.poll(() => io.of('/chat').sockets.size, WAIT).toBe(0)
    expect([kept, heard]).toEqual([[], []])
  })

  it('one that does not answer in time makes a new socket, and what it answers later is nobody’s', async () => {
    const blocked = gate()
    let slow = false
    class Slow extends InMemory {
      override async restoreSession(pid: string, offset: string) {
        const session = await super.restoreSession(pid, offset)
        if (slow) await blocked.promise
        return session as never
      }
    }
    onCleanup(() => blocked.open())
    const { from } = await nodes('memory', POLICY, { limits: { ruleTimeoutMs: 50 } }, { adapter: Slow as never })
    const listener = await present(from)
    await lose(from, listener)
    slow = true
    const again = await comeBack(from, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(from.errors).toMatchObject([{ where: 'recovery', error: { code: 'AUTH_UNAVAILABLE' } }])
    expect(judgements(from)).toEqual(['failed'])
  })

  it('R16: a revocation while the adapter looks for the session is found', async () => {
    const [blocked, reached] = [gate(), gate()]
    class Slow extends InMemory {
      override async restoreSession(pid: string, offset: string) {
        const session = await super.restoreSession(pid, offset)
        reached.open()
        await blocked.promise
        return session as never
      }
    }
    const { from } = await nodes('memory', POLICY, {}, { adapter: Slow as never })
    const listener = await present(from)
    await lose(from, listener)
    await say(from, 'org:acme', 'secret')
    const again = returning(from, listener)
    const answered = outcome(again.client)
    await reached.promise
    await from.auth.revoke(alice)
    blocked.open()
    expect(await answered).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(again.heard).toEqual([])
  })

  it('R16: a revocation of what the session was, by a name that the newer credential does not have', async () => {
    const blocked = gate()
    const { from } = await nodes('memory')
    let [holding, reached] = [false, gate()]
    from.io.of('/chat').use((socket, pass) => {
      if (!holding) return pass()
      socket.join('from a middleware')
      reached.open()
      blocked.promise.then(() => pass())
    })
    from.io.of('/chat').on('connection', (socket) => {
      socket.data.note ??= 'mine'
      socket.data.seen = [...(socket.data.seen ?? []), socket.id]
    })
    const listener = await present(from)
    const id = await lose(from, listener)
    await say(from, 'org:acme', 'secret')
    from.records.set('newer', { subject: 'alice', issuedAt: Date.now() / 1000 + 60 })
    holding = true
    const again = returning(from, listener, 'newer')
    const answered = outcome(again.client)
    await reached.promise
    await from.auth.revoke(alice)
    blocked.open()
    expect(await answered).toBe(null)
    expect([again.client.recovered, again.client.id === id]).toEqual([false, false])
    expect(await settled(from, again)).toEqual([])
    expect(from.io.of('/chat').adapter.sids.has(id)).toBe(false)
    const socket = from.io.of('/chat').sockets.get(again.client.id as string)
    expect(socket?.rooms).toContain('from a middleware')
    expect(socket?.data.seen).toEqual([again.client.id])
  })

  it('a packet too old to be kept makes a new socket', async () => {
    const { from } = await nodes('memory')
    const listener = await present(from)
    await lose(from, listener)
    ;(from.io.of('/chat').adapter as never as { packets: unknown[] }).packets.length = 0
    const again = await comeBack(from, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
  })

  it('a mark too old to be kept was before all that is', async () => {
    const { from } = await nodes('memory', { ...POLICY, connect: () => permit() })
    from.io.of('/chat').emit('news', 'before')
    const listener = await present(from)
    await hello(from, listener)
    await lose(from, listener)
    ;(from.io.of('/chat').adapter as never as { packets: unknown[] }).packets.splice(0, 1)
    await say(from, 'org:acme', 'missed')
    const again = await comeBack(from, listener)
    expect(again.recovered).toBe(true)
    expect((await settled(from, again)).map(([, message]) => message)).toEqual(['missed'])
  })

  it('nothing of a server without the option is touched', async () => {
    const { io, auth, client } = await start()
    auth.protect(io.of('/chat'), POLICY)
    const one = client('/chat', { auth: { token: 'alice-key', pid: 'pid', offset: 'offset' } })
    await next(one, 'connect')
    expect(Object.hasOwn(io.of('/chat').adapter, 'restoreSession')).toBe(false)
    const socket = [...io.of('/chat').sockets.values()][0]
    expect(Object.keys(socket?.handshake.auth ?? {})).toEqual(['pid', 'offset'])
  })
})
