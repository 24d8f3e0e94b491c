import type { Clock } from 'portcullis'
import type { Server } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { fakeTime, next, outcome, start } from '../harness.ts'
import { sharedLog } from './nodes-log.ts'

const alice = { issuer: 'https://issuer.example', subject: 'alice' }
const bob = { issuer: 'https://issuer.example', subject: 'bob' }
/** Long enough that a busy machine suspends nobody. */
const cluster = { maxStalenessMs: 1_000, suspendedForMs: 60_000 }
/** Longer than a stale node may take to notice, and shorter than anything else here. */
const SOON_MS = 5_000

async function twoNodes(options: object = {}) {
  const log = sharedLog()
  const [logA, logB] = [log.node(), log.node()]
  const a = await start({ revocations: logA, cluster, ...options })
  const b = await start({ revocations: logB, cluster, ...options })
  for (const { auth, io } of [a, b]) {
    io.of('/chat').on('connection', (socket) => socket.on('say', (answer) => answer('heard')))
    auth.protect(io.of('/chat'), { events: { say: () => ({ effect: 'permit', expiresAt: null }) } as never })
  }
  return { log, logA, logB, a, b }
}

/** A connected client that writes down what it hears. */
async function connected(node: Awaited<ReturnType<typeof start>>, token = 'alice-key') {
  const socket = node.client('/chat', { auth: { token } })
  const heard: unknown[][] = []
  socket.onAny((...args) => heard.push(args))
  expect(await outcome(socket)).toBe(null)
  return { socket, heard }
}

describe('two nodes on one log', () => {
  it('R13: a revocation on one closes the sockets of the other, and the receipt names both', async () => {
    const { a, b } = await twoNodes()
    const [one, two, other] = [await connected(a), await connected(b), await connected(b, 'bob-key')]
    const closed = [next(one.socket, 'auth:closed'), next(two.socket, 'auth:closed')]
    const receipt = await a.auth.revoke(alice)
    expect(receipt).toMatchObject({ complete: true, closed: 2 })
    expect(receipt.nodes.map(({ state, closed }) => [state, closed])).toEqual([
      ['applied', 1],
      ['applied', 1],
    ])
    for (const [refusal] of await Promise.all(closed)) expect(refusal).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(await other.socket.emitWithAck('say')).toBe('heard')
    expect((await b.get('/socket.io/?EIO=4&transport=polling', { authorization: 'Bearer alice-key' })).status).toBe(401)
  })

  it('X08: writes again what a failover lost before it was read anywhere, and the other applies it', async () => {
    const { log, a, b, logA } = await twoNodes()
    const [one, two] = [await connected(a), await connected(b)]
    const closed = [next(one.socket, 'auth:closed'), next(two.socket, 'auth:closed')]
    const { append } = logA
    let taken = 0
    // The first is acknowledged, and gone with the primary.
    logA.append = async (entry) => {
      taken += 1
      if (taken > 1) await append(entry)
    }
    const receipt = await a.auth.revoke(alice, { timeoutMs: 10_000 })
    expect(receipt).toMatchObject({ complete: true, closed: 2 })
    await Promise.all(closed)
    expect([taken, (await log.texts()).length]).toEqual([2, 1])
  })

  it('one whose log never answered that it listens asks again, and hears what the others do', async () => {
    const log = sharedLog()
    const logA = log.node()
    let asked = 0
    let late = (): void => {}
    const { listen } = logA
    logA.listen = (listener) => {
      asked += 1
      if (asked > 1) return listen(listener)
      return new Promise((resolve) => {
        late = () => resolve(listen(listener))
      })
    }
    const a = await start({ revocations: logA, cluster: { maxStalenessMs: 60_000, suspendedForMs: 60_000 } })
    a.auth.protect(a.io.of('/chat'), { events: {} })
    await expect.poll(() => asked, { timeout: SOON_MS }).toBe(2)
    await expect.poll(() => log.listening(), { timeout: SOON_MS }).toBe(1)
    // The first answer at last: one of the two is enough.
    late()
    await expect.poll(() => log.listening(), { timeout: SOON_MS }).toBe(1)
    expect(asked).toBe(2)
  })

  it('R14, F9, M2: one that is cut off suspends by itself, is fenced in the receipt, and on heal applies first and then goes on', async () => {
    const { a, b, logB } = await twoNodes()
    const [gone, stays] = [await connected(b), await connected(b, 'bob-key')]
    logB.cut = true
    const revoked = a.auth.revoke(alice)
    await expect
      .poll(async () => (await stays.socket.emitWithAck('say')).error?.code, { timeout: SOON_MS })
      .toBe('AUTH_UNAVAILABLE')
    const receipt = await revoked
    expect(receipt).toMatchObject({ complete: true, closed: 0 })
    expect(receipt.nodes.map(({ state }) => state).sort()).toEqual(['applied', 'fenced'])

    b.io.of('/chat').emit('news', 'to nobody')
    const [serverSocket] = b.auth.sockets(bob)
    serverSocket?.emit('news', 'to nobody')
    expect((await b.get('/socket.io/?EIO=4&transport=polling', { authorization: 'Bearer bob-key' })).status).toBe(503)
    expect(gone.socket.connected).toBe(true)

    const closed = next(gone.socket, 'auth:closed')
    logB.cut = false
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    await expect.poll(() => stays.socket.emitWithAck('say'), { timeout: SOON_MS }).toBe('heard')
    b.io.of('/chat').emit('news', 'to bob')
    await expect.poll(() => stays.heard).toEqual([['news', 'to bob']])
    expect(gone.heard.map(([event]) => event)).toEqual(['auth:closed'])
  })

  it('closes what has been suspended for too long, with backoff', async () => {
    const { b, logB } = await twoNodes({ cluster: { ...cluster, suspendedForMs: 100 } })
    const { heard } = await connected(b)
    logB.cut = true
    await expect
      .poll(() => heard, { timeout: SOON_MS })
      .toEqual([['auth:closed', expect.objectContaining({ code: 'AUTH_UNAVAILABLE', retry: 'backoff' })]])
  })

  it('suspends although its timers fire a little early by the other clock, and nobody asks', async () => {
    const clock: Clock = {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      setTimer(fn, delayMs) {
        const timer = setTimeout(fn, delayMs - 50)
        return () => clearTimeout(timer)
      },
    }
    const { b, logB } = await twoNodes({ clock, cluster: { ...cluster, suspendedForMs: 100 } })
    const { heard } = await connected(b)
    logB.cut = true
    await expect.poll(() => heard.length, { timeout: SOON_MS }).toBe(1)
  })

  it('says that a receipt is partial when the time is over before everybody was heard or fenced', async () => {
    const { a, b, logB } = await twoNodes({ cluster: { maxStalenessMs: 60_000 } })
    await connected(b)
    logB.cut = true
    const receipt = await a.auth.revoke(alice, { timeoutMs: 50 })
    expect(receipt.complete).toBe(false)
    expect(receipt.nodes.map(({ state }) => state).sort()).toEqual(['applied', 'pending'])
  })

  it('waits for nobody who has left', async () => {
    const { a, b } = await twoNodes()
    await b.auth.close()
    expect((await a.auth.revoke(alice)).nodes).toHaveLength(1)
  })

  it('X07, X08: what the log has lost is given back by a node that knows it', async () => {
    const { log, a, b } = await twoNodes()
    await a.auth.revoke(alice)
    log.lose()
    await expect.poll(async () => (await log.texts()).length, { timeout: SOON_MS }).toBe(1)
    expect((await b.get('/socket.io/?EIO=4&transport=polling', { authorization: 'Bearer alice-key' })).status).toBe(401)
    const third = await start({ revocations: log.node(), cluster })
    third.auth.protect(third.io.of('/chat'), { events: {} })
    expect((await third.get('/socket.io/?EIO=4&transport=polling', { authorization: 'Bearer alice-key' })).status).toBe(
      401,
    )
  })

  it('R20: refuses and reports what is forged, malformed, of another version, dated ahead or replayed', async () => {
    const { log, a, b } = await twoNodes()
    const { socket } = await connected(b, 'bob-key')
    await a.auth.revoke(alice)
    const [text = ''] = await log.texts()
    const entry = JSON.parse(text)
    const name = entry.name.replace('alice', 'bob')
    const now = Date.now() / 1000
    await log.write(null)
    await log.write('{')
    await log.write(JSON.stringify({ ...entry, name, issuedBefore: 'soon' }))
    await log.write(JSON.stringify({ ...entry, name, v: 2 }))
    await log.write(JSON.stringify({ ...entry, name, at: now + 3_600, id: 'ahead' }))
    await log.write(text)
    await a.auth.revoke({ tag: 'afterwards' })
    const faults = b.errors.map(({ error }) => String(error).split(': ').at(-1))
    expect(faults).toEqual(['forged', 'malformed', 'malformed', 'version', 'future', 'replayed'])
    expect(await socket.emitWithAck('say')).toBe('heard')
  })

  it('R20: the order of entries does not matter', async () => {
    const { log, a, b } = await twoNodes()
    await a.auth.revoke(alice, { issuedBefore: 100 })
    const [text = ''] = await log.texts()
    b.records.set('late', { subject: 'alice', issuedAt: 150 })
    const { socket } = await connected(b, 'late')
    await log.write(JSON.stringify({ ...JSON.parse(text), id: 'wider', issuedBefore: 200 }))
    expect((await next(socket, 'auth:closed'))[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    await log.write(JSON.stringify({ ...JSON.parse(text), id: 'narrower', issuedBefore: 120 }))
    await a.auth.revoke({ tag: 'afterwards' })
    expect(await outcome(b.client('/chat', { auth: { token: 'late' } }))).toMatchObject({ code: 'AUTH_REVOKED' })
  })
})

describe('a pause of the process', () => {
  it.each([
    ['broadcast', (io: Server) => io.of('/chat').emit('news', 2)],
    ['word to one socket', (io: Server) => [...io.of('/chat').sockets.values()][0]?.emit('news', 2)],
  ])('lets no %s through that is handled before the timer', async (_what, say) => {
    let monotonic = 0
    const clock: Clock = { now: () => Date.now(), monotonic: () => monotonic, setTimer: () => () => {} }
    const { io, auth, client } = await start({ clock, revocations: sharedLog().node(), cluster })
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    const heard: unknown[] = []
    socket.onAny((...args) => heard.push(args))
    await outcome(socket)
    io.of('/chat').emit('news', 1)
    await expect.poll(() => heard).toEqual([['news', 1]])
    monotonic = cluster.maxStalenessMs
    say(io)
    await auth.close()
    await next(socket, 'disconnect')
    expect(heard.map((args) => (args as unknown[])[0])).toEqual(['news', 'auth:closed'])
  })
})

describe('scope P13: who is connected', () => {
  it('sockets() on this node, sessions() on all, with no credential in what travels', async () => {
    const { a, b } = await twoNodes()
    const one = await connected(a)
    await connected(b)
    await connected(b, 'bob-key')
    expect(a.auth.sockets(alice).map(({ id }) => id)).toEqual([one.socket.id])
    const found = await a.auth.sessions(alice)
    expect(found).toMatchObject({ partial: false, silent: [] })
    expect(found.sessions.map(({ subject, namespace, scheme }) => [subject, namespace, scheme])).toEqual([
      ['alice', '/chat', 'key'],
      ['alice', '/chat', 'key'],
    ])
    expect(new Set(found.sessions.map(({ node }) => node)).size).toBe(2)
    expect((await b.auth.sessions({ session: 'session-of-bob' })).sessions).toHaveLength(1)
    expect(JSON.stringify(found)).not.toMatch(/alice-key|session-of/)
  })

  it('says within 500 ms that it is partial when a node is silent', { retry: 3 }, async () => {
    const { a, b, logB } = await twoNodes({ cluster: { maxStalenessMs: 60_000 } })
    await connected(b)
    logB.cut = true
    const startedMs = performance.now()
    const found = await a.auth.sessions(alice)
    expect(performance.now() - startedMs).toBeLessThan(900)
    expect(found).toMatchObject({ partial: true, sessions: [] })
    expect(found.silent).toHaveLength(1)
  })

  it('comes in parts where there are many', async () => {
    const { a, b } = await twoNodes()
    await Promise.all(Array.from({ length: 40 }, () => connected(b)))
    expect((await a.auth.sessions(alice)).sessions).toHaveLength(40)
  })

  it('room() reaches all sockets of a principal, and nobody when there is none', async () => {
    const { io, auth, client } = await start()
    auth.protect(io.of('/chat'), { events: {}, rooms: { 'a{any}': () => ({ effect: 'permit', expiresAt: null }) } })
    const heard: [number, string][] = []
    const sockets = ['alice-key', 'alice-key', 'bob-key'].map((token) => client('/chat', { auth: { token } }))
    for (const [i, socket] of sockets.entries()) socket.on('news', (item) => heard.push([i, item]))
    await Promise.all(sockets.map(outcome))
    const chat = io.of('/chat')
    chat.to(auth.room({ ...alice, subject: 'nobody' })).emit('news', 'nobody')
    chat.to(auth.room(alice)).emit('news', 'alice')
    chat.except(auth.room(alice)).emit('news', 'others')
    chat.emit('news', 'all')
    await expect.poll(() => heard.filter(([, item]) => item === 'all').length).toBe(3)
    expect(heard.filter(([, item]) => item !== 'all').sort()).toEqual([
      [0, 'alice'],
      [1, 'alice'],
      [2, 'others'],
    ])
    expect(await sockets[2]?.emitWithAck('auth:join', auth.room(alice))).toMatchObject({
      error: { code: 'AUTH_FORBIDDEN' },
    })
  })
})

describe('scope P11, P13: others but this one', () => {
  it('disconnect() with exceptSocket ends the others everywhere, and spares their credential', async () => {
    const { a, b } = await twoNodes()
    const [here, there] = [await connected(a), await connected(b)]
    const closed = next(there.socket, 'auth:closed')
    const receipt = await a.auth.disconnect(alice, { exceptSocket: here.socket.id as string })
    expect(receipt).toMatchObject({ complete: true, closed: 1 })
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REPLACED', retry: 'never' })
    expect(await here.socket.emitWithAck('say')).toBe('heard')
    await connected(b)
  })

  it('singleConnection: the newest takes the place of the others, on every node', async () => {
    const { a, b } = await twoNodes({ singleConnection: true })
    const first = await connected(a)
    const closed = next(first.socket, 'auth:closed')
    const second = await connected(b)
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REPLACED' })
    expect(await second.socket.emitWithAck('say')).toBe('heard')
  })

  it('revoke() with exceptSocket ends the others, and refuses their credential', async () => {
    const { a, b } = await twoNodes()
    const [here, there] = [await connected(a), await connected(b)]
    const closed = next(there.socket, 'auth:closed')
    await b.auth.revoke(alice, { exceptSocket: here.socket.id as string })
    await closed
    expect(await here.socket.emitWithAck('say')).toBe('heard')
    expect(await outcome(b.client('/chat', { auth: { token: 'alice-key' } }))).toMatchObject({ code: 'AUTH_REVOKED' })
  })
})

describe('scope P11: a revocation with grace', () => {
  it('tells the client, lets it go on, and ends it with AUTH_REVOKED; new connections are refused at once', async () => {
    const time = fakeTime()
    const { io, auth, client } = await start({ clock: time.clock })
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    await outcome(socket)
    const told = next(socket, 'auth:expiring')
    expect(await auth.revoke(alice, { graceMs: 10_000 })).toMatchObject({ closed: 1 })
    expect((await told)[0]).toEqual({ expiresAt: time.seconds() + 10, expiresInMs: 10_000 })
    expect(await outcome(client('/chat', { auth: { token: 'alice-key' } }))).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
    const closed = next(socket, 'auth:closed')
    time.advance(10_000)
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
  })

  it('is saved by a newer credential', async () => {
    const time = fakeTime()
    const { io, auth, client, records } = await start({ clock: time.clock })
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    await outcome(socket)
    await auth.revoke(alice, { graceMs: 10_000 })
    records.set('newer', { subject: 'alice', issuedAt: time.seconds() })
    expect(await socket.emitWithAck('auth:refresh', { token: 'alice-key' })).toMatchObject({
      error: { code: 'AUTH_REVOKED' },
    })
    expect(await socket.emitWithAck('auth:refresh', { token: 'newer' })).toMatchObject({ joined: [] })
    time.advance(20_000)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })
})

describe('options', () => {
  it.each([
    [
      { cluster: { maxStalenessMs: 10 } },
      '"cluster.maxStalenessMs" must be a number of milliseconds from 250 to 86400000',
    ],
    [{ cluster: { staleness: 10 } }, '"cluster.staleness" is not an option'],
    [{ lease: { graceMs: -1 } }, '"lease.graceMs" must be'],
    [{ lease: null }, '"lease" must be an object'],
    [{ singleConnection: 1 }, '"singleConnection" must be true or false'],
  ])('%j is a TypeError', async (options, message) => {
    await expect(start(options as never)).rejects.toThrow(message)
  })

  it.each([
    [{ graceMs: -1 }, /"graceMs"/],
    [{ exceptSocket: '' }, /"exceptSocket"/],
    [{ timeoutMs: 0 }, /"timeoutMs"/],
    [{ until: Number.NaN }, /"until"/],
  ])('revoke with %j is a TypeError', async (options, message) => {
    const { auth } = await start()
    await expect(auth.revoke(alice, options)).rejects.toThrow(message)
  })
})
