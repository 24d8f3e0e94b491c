/** From a login to a socket: an application that hands out tickets, and a Socket.IO server that takes them. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import expressSession from 'express-session'
import fastify from 'fastify'
import { allowQuery, fromAuth, fromProtocol } from 'portcullis/strategies/from'
import { session } from 'portcullis/strategies/session'
import { memoryTicketStore, tickets } from 'portcullis/strategies/ticket'
import { describe, expect, test } from 'vitest'
import { ORIGIN, onCleanup, outcome, start } from '../harness.ts'

const SECRET = 'a secret of this test, long enough'

interface Login {
  readonly cookie: string
  ticket(): Promise<string>
}
type WithUser = express.Request & { readonly session: { user?: string } }

/** An application with a login, on Express or Fastify, and a server that takes its tickets and its sessions. */
async function opened({ sessionCookie = false } = {}) {
  const store = new expressSession.MemoryStore()
  const made = tickets({
    store: memoryTicketStore(),
    from: [fromAuth('ticket'), allowQuery('ticket'), fromProtocol()],
  })
  const app = express()
  app.use(expressSession({ store, secret: SECRET, resave: false, saveUninitialized: false }))
  app.post('/login/:user', (request, response) => {
    ;(request as WithUser).session.user = request.params.user
    response.end()
  })
  app.post(
    '/ticket',
    made.express({
      identify: (request: WithUser) => (request.session.user ? { subject: request.session.user } : null),
      origins: [ORIGIN],
      ...(sessionCookie ? { sessionCookie: 'connect.sid' } : {}),
    }),
  )
  const http = createServer(app)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onCleanup(() => new Promise<void>((resolve) => http.close(() => resolve())))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`

  const login = async (user: string): Promise<Login> => {
    const response = await fetch(`${url}/login/${user}`, { method: 'POST' })
    const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
    return {
      cookie,
      async ticket() {
        const answer = await fetch(`${url}/ticket`, { method: 'POST', headers: { origin: ORIGIN, cookie } })
        return ((await answer.json()) as { ticket: string }).ticket
      },
    }
  }
  const logins = session({ store, secret: SECRET, identify: ({ user }) => (user ? { subject: String(user) } : null) })
  const server = await start({ strategies: [made.strategy as never, logins as never] })
  const subjects: string[] = []
  server.auth.protect(server.io.of('/chat'), { events: {} }).on('connection', (socket) => {
    subjects.push(`${socket.data.identity.scheme} ${socket.data.identity.subject}`)
  })
  const reasons = () => server.audit.flatMap(({ reason }) => (reason === undefined ? [] : [reason]))
  return { ...server, made, login, subjects, reasons }
}
type Opened = Awaited<ReturnType<typeof opened>>

/** The three places in which a client may put a ticket. */
const ways: Readonly<Record<string, (ticket: string) => Parameters<Opened['client']>[1]>> = {
  'in auth': (ticket) => ({ auth: { ticket } }),
  'in the query': (ticket) => ({ query: { ticket } }),
  'as a WebSocket subprotocol': (ticket) => ({ protocols: ['portcullis', ticket] }),
}

describe('P3: a ticket that an application’s login handed out', () => {
  for (const [way, options] of Object.entries(ways)) {
    test(`T01: opens one socket ${way}, and its replay is told apart in the audit log alone`, async () => {
      const { client, login, subjects, reasons } = await opened()
      const ticket = await (await login('alice')).ticket()
      const extraHeaders = { origin: ORIGIN }
      expect(await outcome(client('/chat', { ...options(ticket), extraHeaders }))).toBeNull()
      const replayed = await outcome(client('/chat', { ...options(ticket), extraHeaders }))
      const unknown = await outcome(client('/chat', { ...options('A'.repeat(43)), extraHeaders }))
      expect(replayed).toEqual(unknown)
      expect(replayed).not.toBeNull()
      expect(reasons()).toEqual(['ticket_replayed', 'ticket_unknown'])
      expect(subjects).toEqual(['ticket alice'])
    })

    test(`T05: does not count ${way} from a page of another origin, and is used up`, async () => {
      const { client, login, made, subjects, reasons } = await opened()
      const ticket = await (await login('alice')).ticket()
      expect(await outcome(client('/chat', options(ticket)))).not.toBeNull()
      const extraHeaders = { origin: ORIGIN }
      expect(await outcome(client('/chat', { ...options(ticket), extraHeaders }))).not.toBeNull()
      expect(reasons()).toEqual(['ticket_origin', 'ticket_replayed'])
      const { ticket: free } = await made.issue({ subject: 'bob' })
      expect(await outcome(client('/chat', options(free)))).toBeNull()
      expect(subjects).toEqual(['ticket bob'])
    })
  }

  test('T07: that was redeemed by a connection which then broke is not usable again, and the client fetches another', async () => {
    const { client, login, upgrade, subjects, reasons, io } = await opened()
    const alice = await login('alice')
    const ticket = await alice.ticket()
    const path = `/socket.io/?EIO=4&transport=websocket&ticket=${ticket}`
    // The harness destroys the socket as soon as the upgrade is answered: no CONNECT follows.
    expect((await upgrade(path, { origin: ORIGIN })).status).toBe(101)
    const again = await upgrade(path, { origin: ORIGIN })
    expect([again.status, JSON.parse(again.body).code]).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
    expect(reasons()).toEqual(['ticket_replayed'])
    await expect.poll(() => io.engine.clientsCount).toBe(0)
    const extraHeaders = { origin: ORIGIN }
    expect(await outcome(client('/chat', { auth: { ticket: await alice.ticket() }, extraHeaders }))).toBeNull()
    expect(subjects).toEqual(['ticket alice'])
  })

  for (const [way, options] of Object.entries(ways)) {
    test(`T11: of alice is refused ${way} with the session of bob, when it is bound to hers`, async () => {
      const { client, login, subjects, reasons } = await opened({ sessionCookie: true })
      const [alice, bob] = [await login('alice'), await login('bob')]
      const connect = async (ticket: string, cookie: string) =>
        outcome(client('/chat', { ...options(ticket), extraHeaders: { origin: ORIGIN, cookie } }))
      expect(await connect(await alice.ticket(), bob.cookie)).not.toBeNull()
      expect(await connect(await alice.ticket(), 'other=1')).not.toBeNull()
      expect([subjects, reasons()]).toEqual([[], ['ticket_session', 'ticket_session']])
      expect(await connect(await alice.ticket(), alice.cookie)).toBeNull()
      expect(subjects).toEqual(['ticket alice'])
    })
  }

  test('T11: of alice logs nobody in as her: the session of bob admits bob, and with her ticket it admits nobody', async () => {
    const { client, login, subjects } = await opened({ sessionCookie: true })
    const [alice, bob] = [await login('alice'), await login('bob')]
    const extraHeaders = { origin: ORIGIN, cookie: bob.cookie }
    const refused = await outcome(client('/chat', { auth: { ticket: await alice.ticket() }, extraHeaders }))
    // 401: another ticket, fetched with the session of now, is what helps.
    expect([refused?.code, refused?.retry]).toEqual(['AUTH_CREDENTIAL_INVALID', 'refresh'])
    expect(await outcome(client('/chat', { extraHeaders }))).toBeNull()
    expect(subjects).toEqual(['session bob'])
  })

  test('T10: of a user who was revoked meanwhile is refused with AUTH_REVOKED', async () => {
    const { client, login, auth, subjects } = await opened()
    const ticket = await (await login('alice')).ticket()
    // What was issued in the millisecond of the revocation was not issued before it.
    const issuedMs = Date.now()
    while (Date.now() === issuedMs) await new Promise(setImmediate)
    await auth.revoke({ issuer: 'ticket', subject: 'alice' })
    const refused = await outcome(client('/chat', { auth: { ticket }, extraHeaders: { origin: ORIGIN } }))
    expect([refused?.code, subjects]).toEqual(['AUTH_REVOKED', []])
  })
})

test('P3: a subprotocol needs transports: [websocket], since polling requests have none; the ticket then is not used up', async () => {
  const { client, made, subjects } = await opened()
  const { ticket } = await made.issue({ subject: 'alice' })
  const protocols = ['portcullis', ticket]
  const refused = await outcome(client('/chat', { protocols, transports: ['polling', 'websocket'] }))
  expect(refused?.code).toBe('AUTH_CREDENTIAL_MISSING')
  expect(await outcome(client('/chat', { protocols }))).toBeNull()
  expect(subjects).toEqual(['ticket alice'])
})

test('T04: a ticket that is bound to an address counts what a trusted proxy says of it, and nobody else', async () => {
  for (const trustedProxies of [[], ['127.0.0.1']]) {
    const { strategy, issue } = tickets({ store: memoryTicketStore() })
    const server = await start({ strategies: [strategy as never], trustedProxies })
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const extraHeaders = { 'x-forwarded-for': '198.51.100.9, ::ffff:192.0.2.1' }
    const auth = await issue({ subject: 'alice', address: '192.0.2.1' })
    const refused = await outcome(server.client('/chat', { auth, extraHeaders }))
    expect(refused?.code ?? null).toBe(trustedProxies.length === 0 ? 'AUTH_CREDENTIAL_INVALID' : null)
  }
})

test('P3: a ticket of Fastify opens a socket, bound to the address that it was fetched from', async () => {
  const made = tickets({ store: memoryTicketStore() })
  const app = fastify()
  app.post('/ticket', made.fastify({ identify: () => ({ subject: 'alice' }), bindTo: ['address', 'userAgent'] }))
  onCleanup(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const fetched = async () => {
    const response = await fetch(`${url}/ticket`, { method: 'POST', headers: { origin: url, 'user-agent': 'Agent/1' } })
    return (await response.json()) as { ticket: string }
  }
  const server = await start({ strategies: [made.strategy as never] })
  server.auth.protect(server.io.of('/chat'), { events: {} })
  const extraHeaders = { 'user-agent': 'Agent/1' }
  expect(await outcome(server.client('/chat', { auth: await fetched(), extraHeaders }))).toBeNull()
  expect((await outcome(server.client('/chat', { auth: await fetched() })))?.code).toBe('AUTH_CREDENTIAL_INVALID')
  expect(server.audit.flatMap(({ reason }) => reason ?? [])).toEqual(['ticket_user_agent'])
})
