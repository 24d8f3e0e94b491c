/** A gateway on a file: what its sockets may do, what a reload changes, what the operator sees. */

import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hashPassword } from 'portcullis-inspector'
import { describe, expect, it } from 'vitest'
import { connect, next, openOn, until } from './opened.ts'

const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'

const CHAT = `namespaces:
  /chat:
    connect: has(identity.claims.org)
    memberships: { cel: '["org." + identity.claims.org]' }
    rooms:
      org.{id}: { presence: identity.claims.org == params.id }
      side.{name}: { allow: true, presence: true }
    events:
      say:
        allow: args[0] == "org." + identity.claims.org
        args: [ { type: string }, { type: string, maxLength: 10 } ]
        to: { room: 'args[0]', event: said }
      think: { allow: true, to: nothing }
`

describe('an event', () => {
  it('reaches the room that the file says, and not its sender; what the rule or the schema refuses reaches nobody', async () => {
    const opened = await openOn(CHAT)
    const [alice, bob, eve] = await Promise.all([
      connect(opened, '/chat', 'alice', { org: 'acme' }),
      connect(opened, '/chat', 'bob', { org: 'acme' }),
      connect(opened, '/chat', 'eve', { org: 'globex' }),
    ])
    const heard: unknown[] = []
    for (const [name, socket] of Object.entries({ alice, bob, eve })) {
      socket.on('said', (...args: unknown[]) => heard.push([name, ...args]))
    }
    expect(await alice.emitWithAck('say', 'org.acme', 'hello')).toEqual({})
    expect(await eve.emitWithAck('say', 'org.acme', 'hello')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(await eve.emitWithAck('say', 'org.globex', 'x'.repeat(11))).toMatchObject({
      error: { code: 'AUTH_ARGUMENTS_INVALID' },
    })
    expect(await eve.emitWithAck('shout', 'org.acme')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(await alice.emitWithAck('think', 1, { two: 2 })).toEqual({})
    await bob.emitWithAck('think')
    expect(heard).toEqual([['bob', 'org.acme', 'hello']])
    expect(opened.errors).toEqual([])
  })

  it('is refused to a sender who is not in the room', async () => {
    const opened = await openOn(CHAT.replace('args[0] == "org." + identity.claims.org', 'true'))
    const eve = await connect(opened, '/chat', 'eve', { org: 'globex' })
    expect(await eve.emitWithAck('say', 'org.acme', 'hello')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
  })
})

describe('presence', () => {
  it('is told to who may see it, once for each identity, and to nobody else', async () => {
    const opened = await openOn(CHAT)
    const alice = await connect(opened, '/chat', 'alice', { org: 'acme' })
    expect(await alice.emitWithAck('presence:watch', 'org.acme')).toMatchObject({ members: [{ subject: 'alice' }] })
    const joined = next(alice, 'presence:join')
    const bob = [
      await connect(opened, '/chat', 'bob', { org: 'acme' }),
      await connect(opened, '/chat', 'bob', { org: 'acme' }),
    ]
    expect(await joined).toMatchObject({ room: 'org.acme', subject: 'bob' })
    await until(async () => (await alice.emitWithAck('presence:list', 'org.acme')).members[1]?.connections === 2)
    const left = next(alice, 'presence:leave')
    for (const socket of bob) socket.disconnect()
    expect(await left).toMatchObject({ room: 'org.acme', subject: 'bob' })
    for (const event of ['presence:list', 'presence:watch']) {
      expect(await alice.emitWithAck(event, 'org.globex')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    }
  })
})

describe('a reload', () => {
  it('is in force for those who are connected: rooms, events, namespaces', async () => {
    const opened = await openOn(CHAT)
    const alice = await connect(opened, '/chat', 'alice', { org: 'acme' })
    await alice.emitWithAck('auth:join', 'side.a')
    await expect(connect(opened, '/more', 'alice')).rejects.toThrow('Invalid namespace')

    const left = next<{ room: string }>(alice, 'auth:left')
    await opened.rewrite(
      `${CHAT.replace('side.{name}: { allow: true', 'side.{name}: { allow: false').replace('think: { allow: true', 'ponder: { allow: true')}  /more: { connect: true }\n`,
    )
    expect(await opened.gateway.reload()).toMatchObject({ checked: 1, closed: 0, left: 1 })
    expect(await left).toMatchObject({ room: 'side.a' })
    expect(await alice.emitWithAck('ponder')).toEqual({})
    expect(await alice.emitWithAck('think')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    await connect(opened, '/more', 'alice')

    const closed = next<{ code: string }>(alice, 'auth:closed')
    await opened.rewrite(CHAT.replace('has(identity.claims.org)', 'identity.claims.org == "globex"'))
    await opened.gateway.reload()
    expect(await closed).toMatchObject({ code: 'AUTH_FORBIDDEN' })
  })

  it.each([
    [
      'has a mistake',
      CHAT.replace('allow: true, to: nothing', 'allow: tru, to: nothing'),
      /"namespaces.\/chat.events.think.allow" cannot work/,
    ],
    ['changes what cannot change', `${CHAT}requireSecure: true\n`, /"requireSecure" has changed, and needs a restart/],
  ])('of a file that %s changes nothing', async (_, text, message) => {
    const opened = await openOn(CHAT)
    const alice = await connect(opened, '/chat', 'alice', { org: 'acme' })
    const before = opened.gateway.permissions()
    await opened.rewrite(text)
    await expect(opened.gateway.reload()).rejects.toThrow(message)
    expect(opened.gateway.permissions()).toBe(before)
    expect(await alice.emitWithAck('think')).toEqual({})
  })
})

it('a policy in shadow reports what it would have answered, and answers nothing', async () => {
  const opened = await openOn(CHAT)
  await writeFile(
    join(dirname(opened.file), 'next.yaml'),
    `origins: [http://app.example]\nstrategies: [ { use: anonymous } ]\n${CHAT.replace('think: { allow: true', 'think: { allow: false')}`,
  )
  await opened.rewrite(`${CHAT}shadow: next.yaml\n`)
  await opened.gateway.reload()
  const alice = await connect(opened, '/chat', 'alice', { org: 'acme' })
  expect(await alice.emitWithAck('think')).toEqual({})
  await until(async () =>
    (await (await fetch(`${opened.control}/metrics`)).text()).includes('portcullis_shadow_differences_total 1'),
  )
})

describe('the operator', () => {
  it('sees decisions by code and rule in the metrics, and no name that a client made up', async () => {
    const opened = await openOn(CHAT)
    const alice = await connect(opened, '/chat', 'alice', { org: 'acme' })
    await alice.emitWithAck('say', 'org.other', 'x')
    await connect(opened, '/made-up-by-a-client', 'alice').catch(() => {})
    const text = await (await fetch(`${opened.control}/metrics`)).text()
    expect(text).toMatch(
      /portcullis_decisions_total\{stage="event",effect="deny",code="AUTH_FORBIDDEN",rule="events.say",scheme="jwt",namespace="\/chat"\} 1/,
    )
    expect(text).toMatch(/portcullis_sockets\{namespace="\/chat"\} 1/)
    expect(text).not.toContain('made-up')
    expect((await fetch(`${opened.url}/metrics`)).status).toBe(404)
  })

  it('has the inspector on the control port, behind its own login, and nothing of it in public', async () => {
    const [password, env] = ['a long password', { INSPECTOR_SECRET: randomBytes(32).toString('hex') }]
    const opened = await openOn(
      `${CHAT}inspector: { secret: "\${INSPECTOR_SECRET}", users: [ { name: ada, passwordHash: "\${HASH}" } ] }\n`,
      { ...env, HASH: await hashPassword(password) },
    )
    await connect(opened, '/chat', 'alice', { org: 'acme' })
    const ask = (path: string, init?: RequestInit) =>
      fetch(`${opened.control}/inspector/${path}`, { redirect: 'manual', ...init })
    expect((await ask('')).headers.get('content-type')).toContain('text/html')
    expect((await ask('api/connections')).status).toBe(401)
    const signedIn = await ask('api/sign-in', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
      body: JSON.stringify({ name: 'ada', password }),
    })
    const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
    const seen = await (await ask('api/connections', { headers: { cookie } })).json()
    expect(seen).toMatchObject({ connections: [{ subject: 'alice', scheme: 'jwt', rooms: [{ room: 'org.acme' }] }] })
    expect((await fetch(`${opened.url}/inspector/`)).status).toBe(404)
  })

  it('is told that the node is ready, and that it is not while it drains; its clients are let go', async () => {
    const opened = await openOn(`${CHAT}drain: { overMs: 300 }\n`)
    const alice = await connect(opened, '/chat', 'alice', { org: 'acme' })
    expect((await fetch(`${opened.url}/readyz`)).status).toBe(200)
    const [told, gone] = [next<{ code: string }>(alice, 'auth:closed'), next(alice, 'disconnect')]
    const drained = opened.gateway.drain()
    const response = await fetch(`${opened.url}/readyz`)
    expect([response.status, await response.json()]).toEqual([503, { status: 'not ready', state: 'draining' }])
    expect(await told).toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff' })
    expect(await gone).toBe('transport close')
    await drained
    expect((await fetch(`${opened.url}/healthz`)).status).toBe(200)
  })
})

it('two nodes on one Redis share rooms, presence and revocations', async () => {
  const rest = `${CHAT.replace(
    'namespaces:',
    `redis: { url: "\${REDIS_URL}" }
nodes: { secret: "\${NODES_SECRET}", prefix: "\${PREFIX}", maxStalenessMs: 1000 }
namespaces:`,
  )}`
  const env = {
    REDIS_URL,
    NODES_SECRET: randomBytes(32).toString('hex'),
    PREFIX: `gateway-test-${randomBytes(4).toString('hex')}`,
  }
  const [a, b] = await Promise.all([openOn(rest, env), openOn(rest, env)])
  const [alice, bob] = await Promise.all([
    connect(a, '/chat', 'alice', { org: 'acme' }),
    connect(b, '/chat', 'bob', { org: 'acme' }),
  ])
  await until(async () => (await alice.emitWithAck('presence:list', 'org.acme')).members.length === 2)
  const said = next(bob, 'said')
  await alice.emitWithAck('say', 'org.acme', 'hello')
  expect(await said).toBe('org.acme')
  const news = next(bob, 'news')
  const published = await a.ask('/v1/publish', {
    namespace: '/chat',
    to: { room: 'org.acme' },
    event: 'news',
    args: [1],
  })
  expect(published.status).toBeLessThan(300)
  expect(await news).toBe(1)

  const closed = next<{ code: string }>(bob, 'auth:closed')
  const { status, body } = await a.ask('/v1/revoke', { key: { issuer: 'https://id.example', subject: 'bob' } })
  expect(status).toBe(200)
  expect((body.receipt as { nodes: { state: string }[] } | undefined)?.nodes ?? body.nodes).toHaveLength(2)
  expect(await closed).toMatchObject({ code: 'AUTH_REVOKED' })
})
