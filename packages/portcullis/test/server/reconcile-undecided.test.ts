import { AuthError } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { fakeTime, gate, next } from '../harness.ts'
import { sharedLog } from './nodes-log.ts'
import { alice, ISSUER, membersOnly, memberTable, news, roomsOf } from './reconcile-fixtures.ts'

const GRACE_MS = 60_000

/** Alice in `org:1`, which is hers no longer, under a clock that a test moves. */
async function inDoubt(options: { revalidateGraceMs?: number } = {}) {
  const time = fakeTime()
  const members = await membersOnly({ clock: time.clock, lease: { expiringMs: 0, ...options } })
  members.table.rooms.set('alice', ['org:1'])
  const member = await members.enter('alice')
  const idle = time.pending()
  members.table.rooms.set('alice', [])
  members.table.asked.length = 0
  members.table.fail = () => Promise.reject(new Error('database away'))
  /** Moves the clock in steps, between which the server answers. */
  async function pass(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 500) {
      time.advance(500)
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    }
  }
  return { ...members, ...member, time, idle, pass }
}

describe('memberships that cannot be told', () => {
  it.each([
    ['throw', () => Promise.reject(new Error('database away')), /database away/],
    ['answer nonsense', async () => 'org:1', /must return an array of room names/],
    ['answer an empty name', async () => [''], /must return an array of room names/],
    ['are unavailable', () => Promise.reject(new AuthError('AUTH_UNAVAILABLE', { cause: new Error('away') })), /away/],
  ])('that %s are no verdict: the rooms stay, it is reported, and asked again', async (_name, fail, message) => {
    const { auth, chat, id, heard, table, errors, pass } = await inDoubt()
    table.fail = fail
    const result = await auth.reconcile(alice)
    expect(result).toMatchObject({ partial: true, nodes: [{ sockets: 1, joined: 0, left: 0, undecided: 1 }] })
    expect(roomsOf(chat, id)).toEqual(['org:1'])
    expect(errors.map(({ where }) => where)).toEqual(['memberships of /chat'])
    expect(String(errors[0]?.error)).toMatch(message)
    table.fail = null
    await pass(1_000)
    await expect.poll(() => news(heard)).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
    expect(roomsOf(chat, id)).toEqual([])
  })

  it('are asked for less and less often, and reported once', async () => {
    const { auth, table, errors, pass, socket } = await inDoubt()
    await auth.reconcile(alice)
    await pass(GRACE_MS - 1_000)
    expect(table.asked.length).toBeGreaterThan(8)
    expect(table.asked.length).toBeLessThan(24)
    expect(errors).toHaveLength(1)
    expect(socket.connected).toBe(true)
  })

  it('at the end of the grace the socket is closed with AUTH_UNAVAILABLE, and no timer is left', async () => {
    const { auth, pass, socket, time, idle } = await inDoubt()
    await auth.reconcile(alice)
    const closed = next(socket, 'auth:closed')
    await pass(GRACE_MS + 1_000)
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff' })
    // Beyond those of before, the one that waits for the idle connection.
    expect(time.pending()).toBeLessThanOrEqual(idle + 1)
  })

  it('newer triggers do not prolong the grace', async () => {
    const { auth, pass, socket } = await inDoubt()
    const closed = next(socket, 'auth:closed')
    for (let i = 0; i < 62; i += 1) {
      await auth.reconcile(alice)
      await pass(1_000)
    }
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
  })

  it('an answer ends the grace: the next doubt has one of its own', async () => {
    const { auth, pass, socket, table } = await inDoubt()
    const { fail } = table
    await auth.reconcile(alice)
    await pass(40_000)
    table.fail = null
    await auth.reconcile(alice)
    table.fail = fail
    await auth.reconcile(alice)
    await pass(40_000)
    expect(socket.connected).toBe(true)
  })

  it('without a grace the first failure ends it', async () => {
    const { auth, socket, id } = await inDoubt({ revalidateGraceMs: 0 })
    const closed = next(socket, 'auth:closed')
    expect((await auth.reconcile(alice)).nodes).toMatchObject([{ undecided: 1 }])
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    expect(auth.sockets(alice).map((socketOf) => socketOf.id)).not.toContain(id)
  })

  it('a trigger asks at once, whatever pause there would be', async () => {
    const { auth, pass, table, chat, id } = await inDoubt()
    await auth.reconcile(alice)
    await pass(20_000)
    table.fail = null
    table.asked.length = 0
    expect((await auth.reconcile(alice)).nodes).toMatchObject([{ left: 1, undecided: 0 }])
    expect(table.asked).toEqual(['alice'])
    expect(roomsOf(chat, id)).toEqual([])
    await pass(20_000)
    expect(table.asked).toEqual(['alice'])
  })

  it('a trigger that is being answered when the pause would be over is answered once', async () => {
    const { auth, pass, table, chat, id } = await inDoubt()
    await auth.reconcile(alice)
    const held = gate()
    table.fail = null
    table.hold = () => held.promise
    table.asked.length = 0
    const reconciled = auth.reconcile(alice)
    await expect.poll(() => table.underWay).toBe(1)
    // The question itself may take a second.
    await pass(500)
    expect(table.most).toBe(1)
    held.open()
    await reconciled
    await pass(20_000)
    expect(table.asked).toEqual(['alice'])
    expect(roomsOf(chat, id)).toEqual([])
  })

  it('are reported once for each outage', async () => {
    const { auth, table, errors } = await inDoubt()
    const { fail } = table
    for (let i = 0; i < 2; i += 1) {
      table.fail = fail
      await auth.reconcile(alice)
      await auth.reconcile(alice)
      table.fail = null
      await auth.reconcile(alice)
    }
    expect(errors).toHaveLength(2)
  })

  it('without a grace, an answer may still take as long as a rule', async () => {
    const { auth, pass, table, socket, chat, id } = await inDoubt({ revalidateGraceMs: 0 })
    const held = gate()
    table.fail = null
    table.hold = () => held.promise
    const reconciled = auth.reconcile(alice)
    await expect.poll(() => table.underWay).toBe(1)
    await pass(500)
    expect(socket.connected).toBe(true)
    held.open()
    expect((await reconciled).nodes).toMatchObject([{ left: 1 }])
    expect(roomsOf(chat, id)).toEqual([])
  })

  it('a client that leaves while it is asked for is no failure, and not counted', async () => {
    const { auth, table, socket, errors } = await inDoubt()
    const held = gate()
    table.fail = null
    table.hold = () => held.promise
    const reconciled = auth.reconcile(alice)
    await expect.poll(() => table.underWay).toBe(1)
    socket.disconnect()
    await expect.poll(() => auth.sockets(alice)).toEqual([])
    held.open()
    expect(await reconciled).toMatchObject({ partial: false, nodes: [{ sockets: 0, undecided: 0 }] })
    expect(errors).toEqual([])
  })

  it('a trigger while a question is failing asks once more, without a pause', async () => {
    const { auth, table, chat, id } = await inDoubt()
    const held = gate()
    table.fail = () => held.promise.then(() => Promise.reject(new Error('database away')))
    const first = auth.reconcile(alice)
    await expect.poll(() => table.underWay).toBe(1)
    const second = auth.reconcile(alice)
    table.fail = null
    held.open()
    expect((await first).nodes).toMatchObject([{ undecided: 1 }])
    expect((await second).nodes).toMatchObject([{ left: 1, undecided: 0 }])
    expect(roomsOf(chat, id)).toEqual([])
  })

  it('that never answer, for so many that not all have their turn, keep nobody beyond the grace', async () => {
    const time = fakeTime()
    const { auth, enter, table } = await membersOnly({
      clock: time.clock,
      lease: { expiringMs: 0, revalidateGraceMs: 5_000 },
      limits: { ruleTimeoutMs: 4_000 },
    })
    const sockets = await Promise.all(Array.from({ length: 40 }, (_, i) => enter(`user-${i}`)))
    table.fail = () => new Promise(() => {})
    const reconciled = auth.reconcile({ everyone: true })
    await expect.poll(() => table.underWay).toBe(16)
    const closed = sockets.map(({ socket }) => next(socket, 'auth:closed'))
    for (let i = 0; i < 11; i += 1) {
      time.advance(1_000)
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    }
    for (const [refusal] of await Promise.all(closed)) expect(refusal).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    expect((await reconciled).nodes).toHaveLength(1)
  })

  it('a client that leaves meanwhile is asked for no more, and ends no other', async () => {
    const { auth, audit, pass, socket, table, time } = await inDoubt()
    await auth.reconcile(alice)
    socket.disconnect()
    await expect.poll(() => auth.sockets(alice)).toEqual([])
    audit.length = 0
    await pass(1_000)
    table.asked.length = 0
    await pass(GRACE_MS + 2_000)
    expect(table.asked).toEqual([])
    expect(audit).toEqual([])
    expect(time.pending()).toBe(0)
  })

  it('close() lets go of whoever is to be asked again', async () => {
    const { auth, time } = await inDoubt()
    await auth.reconcile(alice)
    await auth.close()
    await expect.poll(() => time.pending()).toBe(0)
  })

  it('close() answers whoever waits, and asks no more', async () => {
    const { auth, table, time, enter } = await inDoubt()
    for (let i = 0; i < 20; i += 1) {
      table.fail = null
      await enter(`user-${i}`)
    }
    const held = gate()
    table.fail = null
    table.hold = () => held.promise
    const [first, later] = [auth.reconcile(alice), auth.reconcile({ everyone: true })]
    await expect.poll(() => table.underWay).toBe(16)
    const waiting = auth.reconcile(alice)
    await auth.close()
    held.open()
    for (const result of [first, later, waiting]) expect((await result).nodes).toHaveLength(1)
    table.asked.length = 0
    expect((await auth.reconcile(alice, { thisNodeOnly: true })).nodes).toMatchObject([{ sockets: 0 }])
    expect(table.asked).toEqual([])
    time.advance(1_000_000)
    expect(time.pending()).toBe(0)
  })
})

describe('two nodes', () => {
  async function twoNodes(cluster: object = { maxStalenessMs: 60_000 }) {
    const [log, table] = [sharedLog(), memberTable()]
    const [logA, logB] = [log.node(), log.node()]
    const a = await membersOnly({ revocations: logA, cluster }, table)
    const b = await membersOnly({ revocations: logB, cluster }, table)
    table.rooms.set('alice', ['org:1']).set('bob', ['org:1'])
    return { a, b, table, logA, logB }
  }

  it('R22: reconcile on one takes the sockets of the other out of the room, and says what each node did', async () => {
    const { a, b, table } = await twoNodes()
    const [one, two, bob] = [await a.enter('alice'), await b.enter('alice'), await b.enter('bob')]
    table.rooms.set('alice', [])
    table.asked.length = 0
    const result = await a.auth.reconcile(alice)
    expect(result).toMatchObject({ partial: false, silent: [] })
    expect(result.nodes).toMatchObject([
      { sockets: 1, left: 1 },
      { sockets: 1, left: 1 },
    ])
    expect(new Set(result.nodes.map(({ node }) => node)).size).toBe(2)
    expect(table.asked).toEqual(['alice', 'alice'])
    expect(roomsOf(a.chat, one.id)).toEqual([])
    expect(roomsOf(b.chat, two.id)).toEqual([])
    expect(roomsOf(b.chat, bob.id)).toEqual(['org:1'])
    table.rooms.set('bob', [])
    expect((await a.auth.reconcile({ room: 'org:1' })).nodes).toMatchObject([{ left: 0 }, { left: 1 }])
    expect((await a.auth.reconcile({ everyone: true })).nodes).toMatchObject([{ sockets: 1 }, { sockets: 2 }])
  })

  it('with thisNodeOnly the other is left alone', async () => {
    const { a, b, table } = await twoNodes()
    const two = await b.enter('alice')
    table.rooms.set('alice', [])
    expect(await a.auth.reconcile(alice, { thisNodeOnly: true })).toMatchObject({
      nodes: [{ sockets: 0 }],
      partial: false,
    })
    expect(roomsOf(b.chat, two.id)).toEqual(['org:1'])
  })

  it('is partial when a node is silent, and names it', async () => {
    const { a, b, table, logB } = await twoNodes()
    await b.enter('alice')
    table.rooms.set('alice', [])
    logB.cut = true
    const result = await a.auth.reconcile(alice, { timeoutMs: 50 })
    expect(result).toMatchObject({ partial: true, nodes: [{ sockets: 0 }] })
    expect(result.silent).toHaveLength(1)
  })

  it('R22: what a node could not hear while it was cut off, it makes good when it goes on', async () => {
    const { a, b, table, logB } = await twoNodes({ maxStalenessMs: 250 })
    const { heard, id } = await b.enter('alice')
    logB.cut = true
    await expect.poll(() => b.chat.sockets.size).toBe(0)
    table.rooms.set('alice', [])
    await a.auth.reconcile(alice, { timeoutMs: 50 })
    expect(roomsOf(b.chat, id)).toEqual(['org:1'])
    logB.cut = false
    await expect.poll(() => news(heard), { timeout: 3_000 }).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
    expect(roomsOf(b.chat, id)).toEqual([])
  })

  it('R20: a question of another shape is answered by nothing', async () => {
    const { a, b, table, logA } = await twoNodes()
    await b.enter('alice')
    table.asked.length = 0
    for (const target of [null, 7, { subject: 'alice' }, { everyone: 'yes' }]) {
      await logA.publish(JSON.stringify({ ask: 'x', from: 'y', kind: 'reconcile', body: { target } }))
    }
    await a.auth.reconcile({ issuer: ISSUER, subject: 'nobody' })
    expect(table.asked).toEqual([])
    expect(b.errors).toEqual([])
  })
})
