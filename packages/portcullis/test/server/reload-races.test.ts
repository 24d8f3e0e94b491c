import { deny, type Policy, permit, type Strategy } from 'portcullis'
import { fromAuth, fromCookie } from 'portcullis/strategies/from'
import { describe, expect, it } from 'vitest'
import { gate, type KeyRecord, keys, next, ORIGIN, outcome, start, type User } from '../harness.ts'
import { listenTo, refresh, refused } from './lease-fixtures.ts'

type ChatPolicy = Policy<User, Record<string, never>, string>
type Options = Parameters<typeof start>[0]

const OPEN: ChatPolicy = { events: {}, rooms: { 'team:{name}': () => permit() } }

async function chat(policy: ChatPolicy = OPEN, options: Options = {}) {
  const harness = await start(options)
  const namespace = harness.auth.protect(harness.io.of('/chat'), policy)
  const connect = (token = 'alice-key') => harness.client('/chat', { auth: { token } })
  async function enter(token?: string) {
    const socket = connect(token)
    expect(await outcome(socket)).toBeNull()
    return socket
  }
  const replace = (next: ChatPolicy) => harness.auth.reload({ policies: [['/chat', next]] })
  return { ...harness, namespace, connect, enter, replace }
}

/** A rule that a test holds, and how often it was asked. */
function held() {
  const asked = gate()
  const answer = gate()
  const rule = async () => {
    asked.open()
    await answer.promise
    return permit()
  }
  return { asked: asked.promise, rule, answer: answer.open }
}

describe('a connect under way', () => {
  it('is refused by the policy that came meanwhile', async () => {
    const slow = held()
    const { connect, replace, auth } = await chat({ ...OPEN, connect: slow.rule })
    const result = outcome(connect())
    await slow.asked
    await replace({ ...OPEN, connect: () => deny('AUTH_INSUFFICIENT_SCOPE') })
    slow.answer()
    expect(await result).toMatchObject({ code: 'AUTH_INSUFFICIENT_SCOPE' })
    expect(auth.status()).toMatchObject({ sockets: 0, connecting: 0 })
  })

  it('gets the rooms of the policy that came meanwhile, and no others', async () => {
    const slow = held()
    const { connect, replace, namespace } = await chat({ ...OPEN, connect: slow.rule, memberships: () => ['old'] })
    const client = connect()
    const result = outcome(client)
    await slow.asked
    await replace({ ...OPEN, memberships: () => ['new'] })
    slow.answer()
    expect(await result).toBeNull()
    expect((await client.emitWithAck('auth:whoami')).rooms).toEqual(['new'])
    const [socket] = namespace.sockets.values()
    expect([...(socket?.rooms ?? [])].sort()).toEqual([socket?.id, 'new'].sort())
  })

  it('is refused when its namespace was closed meanwhile', async () => {
    const slow = held()
    const { connect, auth, io } = await chat({ ...OPEN, connect: slow.rule })
    const result = outcome(connect())
    await slow.asked
    await auth.reload({ replaceAll: true, policies: [[io.of('/other'), OPEN]] })
    slow.answer()
    expect(await result).toMatchObject({ code: 'AUTH_FORBIDDEN' })
  })

  it.each([
    ['admitted', { subject: 'bob' }, null],
    ['refused', null, { code: 'AUTH_CREDENTIAL_INVALID' }],
  ] as const)('is %s by the strategy that came meanwhile', async (_what, record, expected) => {
    const slow = gate()
    const { connect, auth, records } = await chat()
    const asked = gate()
    records.set('slow', {
      subject: 'alice',
      get wait() {
        asked.open()
        return slow.promise
      },
    })
    const client = connect('slow')
    const result = outcome(client)
    await asked.promise
    await auth.reload({ strategies: [keys(new Map(record === null ? [] : [['slow', record]]))] })
    slow.open()
    if (expected !== null) return expect(await result).toMatchObject(expected)
    expect(await result).toBeNull()
    expect((await client.emitWithAck('auth:whoami')).subject).toBe('bob')
  })

  it('ends when a middleware of the application held it meanwhile', async () => {
    const slow = gate()
    const { connect, replace, namespace } = await chat()
    const held = gate()
    namespace.use((_socket, done) => {
      held.open()
      slow.promise.then(() => done())
    })
    const seen: unknown[] = []
    namespace.on('connection', (socket) => socket.on('anything', () => seen.push(1)))
    const client = connect()
    const heard = listenTo(client)
    const gone = next(client, 'disconnect')
    await held.promise
    await replace({ ...OPEN, connect: () => deny() })
    slow.open()
    await gone
    expect(heard).toEqual([['auth:closed', expect.objectContaining({ code: 'AUTH_UNAVAILABLE' })]])
  })

  it('with the credential of its handshake asks the new strategies for it', async () => {
    const { io, auth, client } = await chat()
    auth.protect(io.of('/'), OPEN as never)
    const root = client('/', { extraHeaders: { Authorization: 'Bearer alice-key' } })
    expect(await outcome(root)).toBeNull()
    await auth.reload({ strategies: [keys(new Map())] })
    const result = outcome(root.io.socket('/chat'))
    expect(await result).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    expect(root.connected).toBe(true)
    expect(io.of('/chat').sockets.size).toBe(0)
  })
})

describe('on a connection that stands', () => {
  it('a refresh under way is decided by the strategy that came meanwhile', async () => {
    const slow = gate()
    const { enter, auth, records } = await chat()
    records.set('slow', { subject: 'alice', wait: slow.promise, expiresAt: 4_000_000_000 })
    const client = await enter()
    const answer = refresh(client, { token: 'slow' })
    await client.emitWithAck('auth:whoami')
    await auth.reload({ strategies: [keys(new Map())] })
    slow.open()
    expect(await answer).toEqual(refused('AUTH_CREDENTIAL_INVALID'))
    expect((await client.emitWithAck('auth:whoami')).expiresAt).toBeNull()
  })

  it('a refresh whose rules are being asked gets the rooms of the policy that came meanwhile', async () => {
    const slow = held()
    let first = true
    const { enter, replace, records } = await chat({
      ...OPEN,
      memberships: () => ['old'],
      connect: () => {
        if (!first) return slow.rule()
        first = false
        return permit()
      },
    })
    records.set('later', { subject: 'alice', expiresAt: 4_000_000_000 })
    const client = await enter()
    const answer = refresh(client, { token: 'later' })
    await slow.asked
    const reloaded = replace({ ...OPEN, memberships: () => ['new'] })
    slow.answer()
    expect(await answer).toEqual({ expiresAt: 4_000_000_000, joined: ['new'], left: ['old'] })
    expect(await reloaded).toMatchObject({ checked: 1, left: 0, gained: 0 })
    expect((await client.emitWithAck('auth:whoami')).rooms).toEqual(['new'])
  })

  it('a refresh whose rules are being asked is closed by the policy that came meanwhile', async () => {
    const slow = held()
    let first = true
    const connect = () => {
      if (!first) return slow.rule()
      first = false
      return permit()
    }
    const { enter, replace, records } = await chat({ ...OPEN, connect })
    records.set('later', { subject: 'alice', expiresAt: 4_000_000_000 })
    const client = await enter()
    const gone = next(client, 'disconnect')
    const answer = refresh(client, { token: 'later' }).catch(() => 'no answer')
    await slow.asked
    void replace({ ...OPEN, connect: () => deny('AUTH_INSUFFICIENT_SCOPE') })
    slow.answer()
    await gone
    expect([refused('AUTH_INSUFFICIENT_SCOPE'), 'no answer']).toContainEqual(await answer)
  })

  it('memberships that are being asked are asked again of the policy that came meanwhile', async () => {
    const asked = gate()
    const answer = gate()
    let slow = false
    const { enter, auth, replace } = await chat({
      ...OPEN,
      async memberships() {
        if (slow) {
          asked.open()
          await answer.promise
        }
        return ['old', ...(slow ? ['older'] : [])]
      },
    })
    const client = await enter()
    slow = true
    const reconciled = auth.reconcile({ everyone: true })
    await asked.promise
    const reloaded = replace({ ...OPEN, memberships: () => ['new'] })
    answer.open()
    await Promise.all([reconciled, reloaded])
    expect((await client.emitWithAck('auth:whoami')).rooms).toEqual(['new'])
  })

  it('an event that a rule was being asked about is refused, and no handler sees it', async () => {
    const slow = held()
    const { enter, replace, namespace } = await chat({ ...OPEN, events: { say: slow.rule } })
    const said: unknown[] = []
    namespace.on('connection', (socket) => socket.onAny((event) => said.push(event)))
    const client = await enter()
    const answer = client.emitWithAck('say')
    await slow.asked
    await replace({ ...OPEN, events: { say: () => deny() } })
    slow.answer()
    expect(await answer).toEqual(refused('AUTH_UNAVAILABLE'))
    expect(said).toEqual([])
  })

  it('a join under way is decided by the new policy', async () => {
    const slow = held()
    const { enter, replace, namespace } = await chat({ ...OPEN, rooms: { 'team:{name}': slow.rule } })
    const client = await enter()
    const answer = client.emitWithAck('auth:join', 'team:red')
    await slow.asked
    await replace({ ...OPEN, rooms: {} })
    slow.answer()
    expect(await answer).toEqual(refused('AUTH_FORBIDDEN'))
    expect(namespace.adapter.rooms.has('team:red')).toBe(false)
  })

  it('a reload waits for the one before it, and the last one decides', async () => {
    const slow = held()
    const { enter, replace } = await chat()
    const client = await enter()
    const order: string[] = []
    const first = replace({ ...OPEN, connect: slow.rule, memberships: () => ['first'] }).then(() => order.push('first'))
    const second = replace({ ...OPEN, memberships: () => ['second'] }).then(() => order.push('second'))
    await slow.asked
    slow.answer()
    await Promise.all([first, second])
    expect(order).toEqual(['first', 'second'])
    expect((await client.emitWithAck('auth:whoami')).rooms).toEqual(['second'])
  })

  it('a cookie of a page that is not listed never becomes a credential by a reload', async () => {
    const records = new Map<string, KeyRecord>([['alice-key', { subject: 'alice' }]])
    const whole = keys(records)
    const tokens: Strategy<User> = {
      ...whole,
      from: [fromAuth('token')],
      authenticate: async (handshake, connect) => (connect === null ? null : whole.authenticate(handshake, connect)),
    }
    const cookies: Strategy<User> = { ...whole, from: [fromAuth('token'), fromCookie('key')] }
    const { auth, client } = await chat(OPEN, { origins: ['*'], strategies: [tokens] })
    const cross = client('/chat', {
      auth: { token: 'alice-key' },
      extraHeaders: { Cookie: 'key=alice-key' },
    })
    expect(await outcome(cross)).toBeNull()
    await auth.reload({ origins: [ORIGIN], strategies: [cookies] })
    // No `Origin` at all: a program, of which nobody knows whose cookie it has.
    expect(await refresh(cross, {})).toEqual(refused('AUTH_ORIGIN_REFUSED'))
  })

  it('many sockets are judged over many turns of the event loop', async () => {
    const { auth, io, client } = await chat(OPEN, {
      limits: { maxNamespaces: 1_000, maxPacketsBeforeConnect: 1_000 },
      audit: () => {},
    })
    io._opts.cleanupEmptyChildNamespaces = true
    const rooms: ChatPolicy = { events: {}, memberships: () => ['one'] }
    const parent = io.of(/^\/many-\d+$/)
    auth.protect(parent, rooms as never)
    const first = client('/many-0', { auth: { token: 'alice-key' } })
    const sockets = Array.from({ length: 199 }, (_, i) =>
      first.io.socket(`/many-${i + 1}`, { auth: { token: 'alice-key' } }),
    )
    await Promise.all([outcome(first), ...sockets.map((socket) => outcome(socket))])
    let turns = 0
    let open = true
    const count = () => {
      turns += 1
      if (open) setImmediate(count)
    }
    count()
    const answer = await auth.reload({ policies: [[parent, { ...rooms, memberships: () => ['two'] }]] })
    open = false
    expect(answer).toMatchObject({ checked: 200, closed: 0, left: 200, gained: 200, undecided: 0 })
    expect(turns).toBeGreaterThan(Math.min(5, answer.tookMs / 50))
  })
})
