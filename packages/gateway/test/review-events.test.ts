/** Events on their way, and those who watch a room: what the end of an authority does to them. */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Refusal } from 'portcullis'
import { afterEach, expect, it } from 'vitest'
import { connect, next, openOn, tokenOf, until } from './opened.ts'

interface Item {
  readonly id: string
  readonly type: string
  readonly event?: string
}
type Asked = Item & { permit(): void }

const servers: (() => void)[] = []
afterEach(() => {
  for (const close of servers.splice(0)) close()
})

/** A backend that answers when it is told to. */
async function slowBackend() {
  const asked: Asked[] = []
  const server = createServer(async (req, res: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const { items } = JSON.parse(Buffer.concat(chunks).toString()) as { items: Item[] }
    for (const item of items) {
      const permit = () =>
        res
          .setHeader('Content-Type', 'application/json')
          .end(JSON.stringify({ items: items.map(({ id }) => ({ id, permit: true })) }))
      asked.push({ ...item, permit })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks` }
}

it('an event that waits behind another does not reach the backend once its sender is revoked', async () => {
  const { asked, url } = await slowBackend()
  const opened = await openOn(
    `hooks: { url: "${url}", secret: "\${HOOK_SECRET}", allowPrivateAddresses: true, timeoutMs: 5000 }
namespaces: { /chat: { connect: true, events: { order: { allow: true, to: hook } } } }
`,
    { HOOK_SECRET: randomBytes(32).toString('hex') },
  )
  const eve = await connect(opened, '/chat', 'eve')
  for (const number of [1, 2, 3]) eve.emit('order', number)
  const handled = () => asked.filter(({ type }) => type === 'handle')
  await until(() => handled().length === 1)
  const gone = next(eve, 'disconnect')
  await opened.ask('/v1/revoke', { key: { issuer: 'https://id.example', subject: 'eve' } })
  await gone
  handled()[0]?.permit()
  // The disconnection is told after them.
  await until(() => asked.some(({ type }) => type === 'disconnect'))
  expect(handled()).toHaveLength(1)
})

it('no client reaches the rooms of users and of watchers, wherever the file lets it send', async () => {
  const opened = await openOn(`namespaces:
  /chat:
    connect: true
    memberships: { cel: '["org.7"]' }
    rooms: { "org.{id}": { presence: true } }
    events: { out: { allow: true, to: { room: "args[0]", mayBeOutside: true } } }
`)
  const [alice, bob] = [await connect(opened, '/chat', 'alice'), await connect(opened, '/chat', 'bob')]
  await bob.emitWithAck('presence:watch', 'org.7')
  const heard: unknown[] = []
  bob.on('out', (room: unknown) => heard.push(room))
  const user = opened.gateway.auth.room({ issuer: 'https://id.example', subject: 'bob' })
  for (const room of [user, 'presence|org.7']) {
    expect(await alice.emitWithAck('out', room)).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
  }
  expect(await alice.emitWithAck('out', 'org.7')).toEqual({})
  await bob.emitWithAck('presence:unwatch', 'org.7')
  expect(heard).toEqual(['org.7'])
})

const WATCHED = `namespaces:
  /chat:
    connect: true
    memberships: { cel: '["org.7"]' }
    rooms: { "org.{id}": { presence: identity.claims.role == "admin" } }
`

it('who may not see a room any more after a reload watches it no longer', async () => {
  const opened = await openOn(WATCHED)
  const alice = await connect(opened, '/chat', 'alice', { role: 'admin' })
  const boss = await connect(opened, '/chat', 'boss', { role: 'admin' })
  const heard: string[] = []
  for (const [name, socket] of Object.entries({ alice, boss })) {
    await socket.emitWithAck('presence:watch', 'org.7')
    socket.on('presence:join', ({ subject }: { subject: string }) => heard.push(`${name} ${subject}`))
  }
  await opened.rewrite(WATCHED.replace('identity.claims.role == "admin"', 'identity.subject == "boss"'))
  await opened.gateway.reload()
  await connect(opened, '/chat', 'carol', { role: 'none' })
  await until(() => heard.includes('boss carol'))
  expect(heard).toEqual(['boss carol'])
})

it('who may not see a room any more after a refresh watches it no longer', async () => {
  const opened = await openOn(WATCHED)
  const alice = await connect(opened, '/chat', 'alice', { role: 'admin' })
  const boss = await connect(opened, '/chat', 'boss', { role: 'admin' })
  const heard: string[] = []
  for (const [name, socket] of Object.entries({ alice, boss })) {
    await socket.emitWithAck('presence:watch', 'org.7')
    socket.on('presence:join', ({ subject }: { subject: string }) => heard.push(`${name} ${subject}`))
  }
  await alice.emitWithAck('auth:refresh', { token: await tokenOf('alice', { role: 'none' }) })
  await connect(opened, '/chat', 'carol', { role: 'none' })
  await until(() => heard.includes('boss carol'))
  expect(heard).toEqual(['boss carol'])
})

it('presence that a reload gives to a room has those who are in it already', async () => {
  const opened = await openOn(WATCHED.replace(/rooms:.*/, 'rooms: {}'))
  const boss = await connect(opened, '/chat', 'boss', { role: 'admin' })
  await opened.rewrite(WATCHED)
  await opened.gateway.reload()
  await until(async () => (await boss.emitWithAck('presence:list', 'org.7')).members.length === 1)
  await opened.rewrite(WATCHED.replace(/rooms:.*/, 'rooms: {}'))
  await opened.gateway.reload()
  expect(await boss.emitWithAck('presence:list', 'org.7')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
  await opened.rewrite(WATCHED)
  await opened.gateway.reload()
  await until(async () => (await boss.emitWithAck('presence:list', 'org.7')).members[0]?.connections === 1)
})

it('tickets are issued by the strategy that a reload has brought', async () => {
  const opened = await openOn(WATCHED)
  const issue = () => opened.ask('/v1/tickets', { subject: 'alice', claims: {} })
  expect(await issue()).toMatchObject({ status: 404, body: { code: 'NOT_CONFIGURED' } })
  const head = await readFile(opened.file, 'utf8')
  await writeFile(opened.file, head.replace('control:', '  - { use: ticket }\ncontrol:'))
  await opened.gateway.reload()
  expect(await issue()).toMatchObject({ status: 201 })
})

it('one client that asks for a thousand rooms has one question under way, and is refused what is too much', async () => {
  const { asked, url } = await slowBackend()
  const opened = await openOn(
    `hooks: { url: "${url}", secret: "\${HOOK_SECRET}", allowPrivateAddresses: true, timeoutMs: 5000 }
namespaces: { /chat: { connect: true, memberships: { cel: '["org.7"]' }, rooms: { "org.{id}": { presence: { hook: true } } } } }
`,
    { HOOK_SECRET: randomBytes(32).toString('hex') },
  )
  const eve = await connect(opened, '/chat', 'eve')
  const answers: unknown[] = []
  for (let room = 0; room < 300; room++)
    eve.emit('presence:list', `org.${room}`, (answer: unknown) => answers.push(answer))
  await until(() => answers.length === 200)
  expect(answers.every((answer) => (answer as { error: Refusal }).error.code === 'AUTH_RATE_LIMITED')).toBe(true)
  // The refusals are answered here, the one question goes to the backend and may come later.
  await until(() => asked.length > 0)
  expect(asked).toHaveLength(1)
  asked[0]?.permit()
  await until(() => answers.length === 201)
  expect(answers[200]).toMatchObject({ members: [] })
})
