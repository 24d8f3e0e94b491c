import { beforeAll, describe, expect, it } from 'vitest'
import type { NewsItem } from '../src/demo/news.ts'
import { type Running, runGateway } from './running.ts'
import { type Credentials, client, closed, connected, once, refused, TRANSPORTS } from './socket-client.ts'

type Name = 'alice' | 'bob' | 'carol'

let running: Running
beforeAll(async () => {
  running = await runGateway()
}, 60_000)

const KINDS = ['cookie', 'token'] as const
const credentials = async (kind: (typeof KINDS)[number], name: Name): Promise<Credentials> =>
  kind === 'cookie' ? { cookie: await running.login(name) } : { token: await running.token(name) }
const both = TRANSPORTS.flatMap((transport) => KINDS.map((kind) => [transport, kind] as const))

describe.each(both)('by %s with a %s', (transport, kind) => {
  const open = async (namespace: string, name: Name) =>
    client(running, namespace, transport, await credentials(kind, name))

  it('a member is admitted to /news and stands in the rooms of its organizations', async () => {
    const socket = await connected(await open('/news', 'carol'))
    const scheme = kind === 'cookie' ? 'session' : 'jwt'
    const now = Date.now() / 1000
    const who = await socket.emitWithAck('auth:whoami')
    expect(who).toMatchObject({
      scheme,
      issuer: 'organization-news',
      rooms: ['organization.acme', 'organization.globex'],
    })
    expect(Math.abs(who.expiresAt - now - (kind === 'cookie' ? 8 * 3600 : 300))).toBeLessThan(5)
  })

  it('an editor publishes, members hear it, others do not', async () => {
    const [alice, carol, bob] = await Promise.all(
      (['alice', 'carol', 'bob'] as const).map((name) => open('/news', name)),
    )
    if (alice === undefined || carol === undefined || bob === undefined) throw new Error('unreachable')
    const heardByBob: NewsItem[] = []
    bob.on('news', (item: NewsItem) => heardByBob.push(item))
    await Promise.all([alice, carol, bob].map(connected))
    const heard = once<NewsItem>(carol, 'news')
    const { item } = await alice.emitWithAck('news:publish', 'acme', { title: 'To acme' })
    expect(item).toMatchObject({ organization: 'acme', title: 'To acme', author: 'Alice' })
    expect(await heard).toEqual(item)
    // Bob's next message from the server comes after anything that was sent before.
    const forBob = once<NewsItem>(bob, 'news')
    await carol.emitWithAck('news:publish', 'globex', { title: 'To globex' })
    await forBob
    expect(heardByBob.map(({ title }) => title)).toEqual(['To globex'])
    const { items } = await carol.emitWithAck('news:history', 'acme')
    expect(items[0]).toEqual(item)
  })

  it('a program publishes over HTTP into the room', async () => {
    const socket = await connected(await open('/news', 'carol'))
    const heard = once<NewsItem>(socket, 'news')
    const headers = { authorization: `Bearer ${await running.token('alice')}` }
    await running.post('/news/acme', { title: 'From a program' }, headers)
    expect(await heard).toMatchObject({ organization: 'acme', title: 'From a program' })
  })

  it('what is not allowed is answered with its code, and nothing is stored', async () => {
    const [alice, bob] = [await connected(await open('/news', 'alice')), await connected(await open('/news', 'bob'))]
    const code = async (reply: Promise<{ error?: { code: string; retry: string } }>) => {
      const { error } = await reply
      return [error?.code, error?.retry]
    }
    const marker = `refused ${transport} ${kind}`
    expect(await code(alice.emitWithAck('news:publish', 'globex', { title: marker }))).toEqual([
      'AUTH_FORBIDDEN',
      'never',
    ])
    expect(await code(bob.emitWithAck('news:publish', 'globex', { title: marker }))).toEqual([
      'AUTH_INSUFFICIENT_SCOPE',
      'never',
    ])
    expect(await code(alice.emitWithAck('news:publish', 'acme', { title: '' }))).toEqual([
      'AUTH_ARGUMENTS_INVALID',
      'never',
    ])
    expect(await code(alice.emitWithAck('news:publish', 'acme'))).toEqual(['AUTH_ARGUMENTS_INVALID', 'never'])
    expect(await code(alice.emitWithAck('news:history', 'globex'))).toEqual(['AUTH_FORBIDDEN', 'never'])
    expect(await code(alice.emitWithAck('news:delete', 'acme'))).toEqual(['AUTH_FORBIDDEN', 'never'])
    expect(await code(alice.emitWithAck('auth:join', 'organization.globex'))).toEqual(['AUTH_FORBIDDEN', 'never'])
    expect(await code(alice.emitWithAck('auth:join', 'anything'))).toEqual(['AUTH_FORBIDDEN', 'never'])
    expect(await alice.emitWithAck('auth:join', 'organization.acme')).toMatchObject({ joined: ['organization.acme'] })
    const { items } = (await bob.emitWithAck('news:history', 'globex')) as { items: NewsItem[] }
    expect(items.map(({ title }) => title)).not.toContain(marker)
  })

  it('only an admin is admitted to /admin, and nobody to a namespace without a policy', async () => {
    expect(await refused(await open('/admin', 'alice'))).toMatchObject({ code: 'AUTH_FORBIDDEN', retry: 'never' })
    await connected(await open('/admin', 'carol'))
    for (const namespace of ['/', '/other']) {
      const refusal = await refused(await open(namespace, 'carol'))
      // Socket.IO itself answers for a namespace that does not exist, without saying whether it might.
      expect([namespace, refusal?.code ?? null]).toEqual([namespace, namespace === '/' ? 'AUTH_FORBIDDEN' : null])
    }
  })

  it('an admin ends both kinds of sockets of a user, and a new login is admitted', async () => {
    const admin = await connected(await open('/admin', 'carol'))
    const cookie = await running.login('bob')
    const token = await running.token('bob')
    const sockets = await Promise.all(
      [{ cookie }, { token }].map((given) => connected(client(running, '/news', transport, given))),
    )
    const ends = sockets.map(closed)
    const { receipt } = await admin.emitWithAck('admin:revoke', 'bob')
    expect(receipt).toMatchObject({ closed: 2, nodes: [{ state: 'applied', closed: 2 }] })
    for (const end of ends) expect(await end).toMatchObject({ code: 'AUTH_REVOKED', retry: 'refresh' })

    expect((await refused(client(running, '/news', 'polling', { cookie }))).code).toBe('AUTH_REVOKED')
    expect((await refused(client(running, '/news', transport, { token }))).code).toBe('AUTH_REVOKED')
    const post = await running.post('/news/globex', { title: 'x' }, { authorization: `Bearer ${token}` })
    expect(await post.json()).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(await (await fetch(`${running.url}/me`, { headers: { cookie } })).json()).toEqual({ user: null })

    await connected(await open('/news', 'bob'))
  })
})

describe.each(TRANSPORTS)('by %s', (transport) => {
  it('nobody is admitted without a credential, with a bad one, or with a cookie from another site', async () => {
    expect((await refused(client(running, '/news', transport))).code).toBe('AUTH_CREDENTIAL_MISSING')
    expect((await refused(client(running, '/news', transport, { token: 'x.y.z' }))).code).toBe(
      'AUTH_CREDENTIAL_INVALID',
    )
    const cookie = await running.login('alice')
    const foreign = client(running, '/news', transport, { cookie, origin: 'https://evil.example' })
    await expect(connected(foreign)).rejects.toThrow()
  })

  it('logging out ends the sockets of that session and of no other', async () => {
    const [first, second] = [await running.login('alice'), await running.login('alice')]
    const ending = await connected(client(running, '/news', transport, { cookie: first }))
    const staying = await connected(client(running, '/news', transport, { cookie: second }))
    const end = closed(ending)
    await running.post('/logout', {}, { cookie: first })
    expect(await end).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(await staying.emitWithAck('auth:whoami')).toMatchObject({ scheme: 'session' })
  })

  it('logging in as someone else ends the sockets of the session that was replaced', async () => {
    const cookie = await running.login('alice')
    const socket = await connected(client(running, '/news', transport, { cookie }))
    const end = closed(socket)
    await running.post('/login', { username: 'bob', password: running.passwords.bob }, { cookie })
    expect(await end).toMatchObject({ code: 'AUTH_REVOKED' })
  })
})

it('an admin who names nobody learns so', async () => {
  const admin = await connected(client(running, '/admin', 'websocket', { token: await running.token('carol') }))
  expect(await admin.emitWithAck('admin:revoke', 'nobody')).toMatchObject({ error: { code: 'UNKNOWN_USER' } })
  expect(await admin.emitWithAck('admin:revoke', "x' or 1=1")).toMatchObject({
    error: { code: 'AUTH_ARGUMENTS_INVALID' },
  })
})

it('an admin may end her own authority, and hears why', async () => {
  const admin = await connected(client(running, '/admin', 'websocket', { token: await running.token('carol') }))
  const end = closed(admin)
  admin.emit('admin:revoke', 'carol')
  expect(await end).toMatchObject({ code: 'AUTH_REVOKED', retry: 'refresh' })
  await connected(client(running, '/admin', 'websocket', { token: await running.token('carol') }))
})

it('an event without an acknowledgement neither throws nor ends the connection', async () => {
  const socket = await connected(client(running, '/news', 'websocket', { token: await running.token('alice') }))
  const denied = once<{ code: string }>(socket, 'auth:denied')
  socket.emit('news:history', 'acme')
  socket.emit('news:publish', 'acme', { title: 'no acknowledgement' })
  socket.emit('news:publish', 'globex', { title: 'no acknowledgement' })
  expect(await denied).toMatchObject({ code: 'AUTH_FORBIDDEN' })
  expect(await socket.emitWithAck('news:history', 'acme')).toHaveProperty('items')
})

it('nothing of all this was an error', () => {
  expect(running.errors).toEqual([])
})
