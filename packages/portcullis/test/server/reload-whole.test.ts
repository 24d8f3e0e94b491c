import { deny, type Policy, permit, type Strategy } from 'portcullis'
import { fromAuth, readOne } from 'portcullis/strategies/from'
import { expect, it } from 'vitest'
import { type KeyRecord, keys, next, ORIGIN, outcome, start, type User } from '../harness.ts'
import { listenTo } from './lease-fixtures.ts'

type ChatPolicy = Policy<User, Record<string, never>, string>

const SAY: ChatPolicy = { events: { say: () => permit() } }
const HUM: ChatPolicy = { events: { hum: () => permit() } }
const STRANGER = new Map<string, KeyRecord>([['mallory-key', { subject: 'mallory' }]])

async function chat(options: Parameters<typeof start>[0] = {}) {
  const harness = await start(options)
  const namespace = harness.auth.protect(harness.io.of('/chat'), SAY)
  namespace.on('connection', (socket) => socket.on('say', (heard: (word: string) => void) => heard('said')))
  async function enter(token = 'alice-key') {
    const socket = harness.client('/chat', { auth: { token } })
    expect(await outcome(socket)).toBeNull()
    return socket
  }
  return { ...harness, namespace, enter }
}

it('a new namespace that is named once by name and once itself is a TypeError, and changes nothing', async () => {
  const { auth, io, client, enter } = await chat()
  const alice = await enter()
  const policies = [
    ['/chat', HUM],
    ['/new', HUM],
    [io.of('/new'), HUM],
  ] as const
  const reloaded = auth.reload({ strategies: [keys(STRANGER)], policies, replaceAll: true, origins: [ORIGIN] })
  await expect(reloaded).rejects.toThrow(new TypeError('"policies": "/new" is named twice'))
  expect(await alice.emitWithAck('say')).toBe('said')
  expect(await outcome(client('/new', { auth: { token: 'alice-key' } }))).toMatchObject({ code: 'AUTH_FORBIDDEN' })
  expect(await outcome(client('/chat', { auth: { token: 'mallory-key' } }))).toMatchObject({
    code: 'AUTH_CREDENTIAL_INVALID',
  })
})

it('a listener of the application that throws at a new namespace leaves everything as it was', async () => {
  const { auth, io, client, enter } = await chat()
  const alice = await enter()
  io.once('new_namespace', () => {
    throw new Error('of the application')
  })
  const reloaded = auth.reload({ strategies: [keys(STRANGER)], policies: [['/new', HUM]], replaceAll: true })
  await expect(reloaded).rejects.toThrow('of the application')
  expect(await alice.emitWithAck('say')).toBe('said')
  expect(await outcome(client('/chat', { auth: { token: 'bob-key' } }))).toBeNull()
})

it('a listener of the application that protects a new namespace does not stop a reload that gives it a policy', async () => {
  const { auth, io, client, enter } = await chat()
  await enter()
  io.once('new_namespace', (namespace) => auth.protect(namespace, { events: {} }))
  const policies = [
    ['/chat', SAY],
    ['/new', { connect: () => deny('AUTH_INSUFFICIENT_SCOPE'), events: {} }],
  ] as const
  await auth.reload({ policies, replaceAll: true })
  expect(await outcome(client('/new', { auth: { token: 'alice-key' } }))).toMatchObject({
    code: 'AUTH_INSUFFICIENT_SCOPE',
  })
})

it('whom a reload leaves nothing hears nothing from that moment on, also while others are still being closed', async () => {
  let atFirst = () => {}
  const { auth, namespace, enter } = await chat({
    audit: ({ stage }) => {
      if (stage === 'reload') atFirst()
    },
  })
  const clients = [await enter(), await enter('bob-key')]
  const heard = clients.map(listenTo)
  const gone = clients.map((client) => next(client, 'disconnect'))
  const [alice, bob] = namespace.sockets.values()
  atFirst = () => {
    namespace.emit('secret')
    alice?.emit('secret')
    bob?.emit('secret')
  }
  expect(await auth.reload({ strategies: [{ ...keys(STRANGER), scheme: 'other' as 'key' }] })).toMatchObject({
    closed: 2,
  })
  await Promise.all(gone)
  expect(heard.map((events) => events.map(([event]) => event))).toEqual([['auth:closed'], ['auth:closed']])
})

it('nor does the page of an origin that is gone, while a namespace is still being closed', async () => {
  let atFirst = () => {}
  const { auth, io, namespace, client, enter } = await chat({
    origins: [ORIGIN, 'https://old.example'],
    audit: ({ stage }) => {
      if (stage === 'reload') atFirst()
      atFirst = () => {}
    },
  })
  auth.protect(io.of('/closing'), SAY)
  const old = client('/chat', { auth: { token: 'bob-key' }, extraHeaders: { origin: 'https://old.example' } })
  expect(await outcome(old)).toBeNull()
  expect(await outcome(client('/closing', { auth: { token: 'alice-key' } }))).toBeNull()
  const heard = [listenTo(await enter()), listenTo(old)]
  const gone = next(old, 'disconnect')
  atFirst = () => namespace.emit('secret')
  await auth.reload({ origins: [ORIGIN], policies: [[namespace, SAY]], replaceAll: true })
  await gone
  expect(heard.map((events) => events.map(([event]) => event))).toEqual([['secret'], ['auth:closed']])
})

it('closes whose issuer is no longer trusted, also where another strategy of the scheme is left', async () => {
  const [kept, gone] = ['https://issuer.example', 'https://gone.example']
  const { auth, client } = await chat({ strategies: [keysOf(kept), keysOf(gone)] })
  const [alice, mallory] = [client('/chat', { auth: { [kept]: 'a' } }), client('/chat', { auth: { [gone]: 'm' } })]
  expect([await outcome(alice), await outcome(mallory)]).toEqual([null, null])
  const closed = next(mallory, 'auth:closed')
  expect(await auth.reload({ strategies: [keysOf(kept)] })).toMatchObject({ checked: 2, closed: 1 })
  expect((await closed)[0]).toMatchObject({ code: 'AUTH_EXPIRED', retry: 'refresh' })
  expect(await alice.emitWithAck('say')).toBe('said')
})

/** Whoever presents anything in a part of `auth` that is named like the issuer. */
function keysOf(issuer: string): Strategy<User> {
  const from = [fromAuth(issuer)]
  return {
    scheme: 'key',
    from,
    issuers: [issuer],
    maxLifetimeSeconds: 3600,
    async authenticate(handshake, connect) {
      const subject = readOne(from, handshake, connect)
      if (subject === null) return null
      const identity = { scheme: 'key' as const, issuer, subject, claims: { org: 'acme', scope: '' } }
      return { identity, lease: { id: subject, issuedAt: 0, expiresAt: null } }
    },
  }
}
