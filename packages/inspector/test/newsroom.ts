/** A Socket.IO server under a policy, with another in shadow, and the inspector mounted in an Express app below a path. */

import { scryptSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import {
  type Auth,
  AuthError,
  createAuth,
  decisionLog,
  type Identity,
  permit,
  permitIf,
  type Strategy,
} from 'portcullis'
import { fromAuth } from 'portcullis/strategies/from'
import { createInspector, type InspectorOptions, shadowLog, sourceOf } from 'portcullis-inspector'
import { type Namespace, Server } from 'socket.io'
import { io as connect, type Socket } from 'socket.io-client'
import { afterAll } from 'vitest'

export const ISSUER = 'https://id.example'
export const SECRET = 'inspector-test-secret-of-32-bytes!!'
export const PASSWORDS = { ada: 'correct horse battery', ben: 'staple of the reader' }
/** Words that must never leave: credentials and claims of those who are connected. */
export const HIDDEN = ['credential-of', 'claim-of']

/** `credential-of-alice-acme-3600`: who, of which organization, for how many seconds. */
const tokens: Strategy<Identity<'token', { org: string; hidden: string }>> = {
  scheme: 'token',
  from: [fromAuth('token')],
  maxLifetimeSeconds: 86_400,
  async authenticate(handshake, packet) {
    const token = tokens.from[0]?.read(handshake, packet) ?? null
    if (token === null) return null
    const [, subject = '', org = '', seconds = ''] = /^credential-of-(\w+)-(\w+)-(\d+)$/.exec(token) ?? []
    if (subject === '') throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'signature' })
    const issuedAt = Date.now() / 1000
    return {
      identity: { scheme: 'token', issuer: ISSUER, subject, claims: { org, hidden: `claim-of-${subject}` } },
      lease: { id: `${subject}-${issuedAt}`, issuedAt, expiresAt: issuedAt + Number(seconds) },
    }
  },
}

interface Events {
  publish: (text: string, answer?: (heard: string) => void) => void
  list: (answer?: (heard: string) => void) => void
}

/** Ada may revoke, Ben may look. */
export function users() {
  return [
    { name: 'ada', passwordHash: quickHash(PASSWORDS.ada), mayRevoke: true },
    { name: 'ben', passwordHash: quickHash(PASSWORDS.ben) },
  ]
}

/** As `hashPassword` writes it, with a hundredth of the work; the same at every call. */
export function quickHash(password: string): string {
  const salt = Buffer.from('salt of a test!!')
  const key = scryptSync(password, salt, 32, { N: 2 ** 10, r: 8, p: 1 })
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  return `$scrypt$ln=10,r=8,p=1$${text(salt)}$${text(key)}`
}

/** What runs, and ways to use it. */
export interface Newsroom {
  readonly auth: Auth
  /** Where the inspector is: `http://127.0.0.1:port/ops/inspector/`. */
  readonly url: string
  /** Connects, or resolves with the code of the refusal. */
  enter(name: string, org?: string, seconds?: number): Promise<Socket>
  close(): Promise<void>
}

const PATH = '/ops/inspector'

export async function newsroom(options: Partial<InspectorOptions> = {}): Promise<Newsroom> {
  const decisions = decisionLog()
  const shadow = shadowLog()
  const auth = createAuth({ origins: 'same-host', strategies: [tokens], audit: decisions.sink })
  const app = express()
  const server = createServer(app)
  const io = new Server(server)
  const news: Namespace<Events> = io.of('/news')
  auth.protect(
    news,
    {
      events: { publish: ({ identity }) => permitIf(identity.claims.org === 'acme'), list: () => permit() },
      rooms: { 'organization.{org}': ({ identity, params }) => permitIf(identity.claims.org === params.org) },
      memberships: async ({ subject }) => [`user.${subject}`],
    },
    {
      shadow: {
        policy: {
          events: { publish: () => permit(), list: () => permit() },
          rooms: { 'organization.{org}': ({ identity, params }) => permitIf(identity.claims.org === params.org) },
          memberships: async ({ subject }) => [`user.${subject}`],
        },
        onDifference: shadow.onDifference,
      },
    },
  )
  news.on('connection', (socket) => {
    socket.on('publish', (_text, answer) => answer?.('published'))
    socket.on('list', (answer) => answer?.('listed'))
  })
  const source = sourceOf({ auth, decisions, shadow, title: 'Newsroom', version: '1.2.3' })
  const access = options.authenticate === undefined ? { users: users(), secret: SECRET } : {}
  const inspector = createInspector({ source, ...access, ...options })
  app.use(PATH, inspector)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const clients: Socket[] = []

  async function enter(name: string, org = 'acme', seconds = 3_600): Promise<Socket> {
    const socket = connect(`${base}/news`, {
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      auth: { token: name === '' ? 'nonsense' : `credential-of-${name}-${org}-${seconds}` },
    })
    clients.push(socket)
    await new Promise<void>((resolve) => {
      socket.once('connect', resolve)
      socket.once('connect_error', () => resolve())
    })
    return socket
  }
  async function close(): Promise<void> {
    for (const socket of clients) socket.close()
    inspector.close()
    await auth.close()
    server.closeAllConnections()
    await io.close()
  }
  closing.push(close)
  return { auth: auth as unknown as Auth, url: `${base}${PATH}/`, enter, close }
}

const closing: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Asks until it is so, for at most five seconds. */
export async function until<T>(ask: () => Promise<T> | T, isSo: (answer: T) => boolean): Promise<T> {
  const endMs = performance.now() + 5_000
  for (;;) {
    const answer = await ask()
    if (isSo(answer)) return answer
    if (performance.now() > endMs) throw new Error(`it did not become so: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
