/** The twelve kinds of planted secrets, each where an application would have it, over real stores; and requests that show them. */

import { createHash, createPrivateKey, createPublicKey, createSecretKey, randomBytes } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RedisStore } from 'connect-redis'
import { sign } from 'cookie-signature'
import type { SessionData } from 'express-session'
import { SignJWT } from 'jose'
import { Pool } from 'pg'
import type { Strategy } from 'portcullis'
import { accessToken } from 'portcullis/strategies/access-token'
import { apiKey } from 'portcullis/strategies/api-key'
import { basic } from 'portcullis/strategies/basic'
import { introspection } from 'portcullis/strategies/introspection'
import { jwt } from 'portcullis/strategies/jwt'
import { phpSession } from 'portcullis/strategies/php-session'
import { session } from 'portcullis/strategies/session'
import { ticketStoreOfRedis, tickets } from 'portcullis/strategies/ticket'
import { webhook } from 'portcullis/strategies/webhook'
import { createClient } from 'redis'
import { ORIGIN, onCleanup } from '../harness.ts'
import { made, type Planted, planted } from '../planted.ts'

/** What a client shows: in the request, or in `auth`. */
export interface Shown {
  readonly headers?: Record<string, string>
  readonly auth?: Record<string, unknown>
}

export interface Case {
  /** Those that it has to do with. */
  readonly kinds: readonly Planted[]
  readonly strategy: Strategy
  readonly good: () => Promise<readonly Shown[]> | readonly Shown[]
  readonly bad: readonly Shown[]
  /** Makes everything that the strategy depends on fail. */
  readonly breakDown?: () => unknown
}

const ISSUER = 'https://id.example'
const json =
  (body: object): RequestListener =>
  (_request, response) =>
    response.end(JSON.stringify(body))

/** One strategy for each kind, or for two that belong together. */
export async function plantedCases(): Promise<readonly Case[]> {
  return [
    await jwtCase(),
    await keyPairCase(),
    await sessionCase(),
    await phpCase(),
    apiKeyCase(),
    basicCase(),
    await ticketCase(),
    databaseCase(),
    await introspectionCase(),
    await webhookCase(),
  ]
}

const bearer = (token: string): Shown => ({ headers: { authorization: `Bearer ${token}` } })
const inAuth = (token: string): Shown => ({ auth: { token } })
const cookie = (value: string): Shown => ({ headers: { cookie: value, origin: ORIGIN } })

function tokenOf(alg: string, key: Parameters<SignJWT['sign']>[0]): Promise<string> {
  // What stands in the header is in every writing of the token, and is no claim.
  return new SignJWT({})
    .setProtectedHeader({ alg, planted: planted('jwt') })
    .setIssuer(ISSUER)
    .setAudience('chat')
    .setSubject('alice')
    .setJti(randomBytes(8).toString('hex'))
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(key)
}

const tampered = (token: string) => `${token.slice(0, -8)}AAAAAAAA`

async function jwtCase(): Promise<Case> {
  const key = createSecretKey(Buffer.from(planted('hmac-secret')))
  const token = await tokenOf('HS256', key)
  return {
    kinds: ['jwt', 'hmac-secret'],
    strategy: jwt({ issuer: ISSUER, audience: 'chat', keys: key }),
    good: () => [bearer(token), inAuth(token)],
    bad: [tampered(token), `${token}.x`, token.split('.').slice(0, 2).join('.')].flatMap((bad) => [
      bearer(bad),
      inAuth(bad),
    ]),
  }
}

async function keyPairCase(): Promise<Case> {
  const key = createPrivateKey(planted('pem-private-key'))
  const token = await tokenOf('EdDSA', key)
  return {
    kinds: ['jwt', 'pem-private-key'],
    strategy: jwt({ issuer: ISSUER, audience: 'chat', keys: createPublicKey(key) }),
    good: () => [bearer(token), inAuth(token)],
    // Somebody shows the key itself.
    bad: [
      inAuth(tampered(token)),
      inAuth(planted('pem-private-key')),
      bearer(planted('pem-private-key').split('\n')[1] ?? ''),
    ],
  }
}

async function redis() {
  const client = createClient({ url: process.env.REDIS_URL as string, disableOfflineQueue: true })
  client.on('error', () => {})
  await client.connect()
  onCleanup(() => client.close().catch(() => {}))
  return client
}

async function sessionCase(): Promise<Case> {
  const client = await redis()
  const prefix = `threats-${randomBytes(6).toString('hex')}:`
  const store = new RedisStore({ client: client as never, prefix, ttl: 60 })
  const sid = planted('session-id')
  const data = { cookie: { originalMaxAge: 60_000 }, passport: { user: 'alice' } } as unknown as SessionData
  const withSecret = (secret: string) => cookie(`connect.sid=${encodeURIComponent(`s:${sign(sid, secret)}`)}`)
  return {
    kinds: ['session-id', 'cookie-secret'],
    strategy: session({ store: store as never, secret: planted('cookie-secret') }),
    async good() {
      await store.set(sid, data)
      return [withSecret(planted('cookie-secret'))]
    },
    bad: [withSecret('of somebody else, and as long as it has to be'), cookie(`connect.sid=${sid}`)],
    breakDown: () => client.destroy(),
  }
}

async function phpCase(): Promise<Case> {
  const client = await redis()
  const prefix = `threats-${randomBytes(6).toString('hex')}:`
  const sid = planted('php-session-id')
  return {
    kinds: ['php-session-id'],
    strategy: phpSession({ redis: client, prefix, identify: ({ user }) => ({ subject: String(user) }) }),
    async good() {
      await client.set(prefix + sid, 'user|s:5:"alice";', { EX: 60 })
      return [cookie(`PHPSESSID=${sid}`)]
    },
    bad: [cookie(`PHPSESSID=${sid.slice(0, -1)}*`), cookie(`PHPSESSID=${sid}0`)],
    breakDown: () => client.destroy(),
  }
}

function apiKeyCase(): Case {
  const key = `acme_${planted('api-key')}`
  const hash = createHash('sha256').update(key).digest('hex')
  let find = async (prefix: string) => (prefix === 'acme' ? { hash, subject: 'alice' } : null)
  const withKey = (value: string): Shown[] => [{ headers: { 'x-api-key': value } }, { auth: { apiKey: value } }]
  return {
    kinds: ['api-key'],
    strategy: apiKey({ find: (prefix) => find(prefix) }),
    good: () => withKey(key),
    bad: [...withKey(`${key}0`), ...withKey(key.replace('acme', 'other')), ...withKey(planted('api-key'))],
    breakDown() {
      find = async (prefix) => Promise.reject(new Error(`no answer about ${prefix}`))
    },
  }
}

function basicCase(): Case {
  const header = (password: string): Shown => ({
    headers: { authorization: `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`, origin: ORIGIN },
  })
  let isDown = false
  return {
    kinds: ['password'],
    strategy: basic({
      verify: async (username, password) => {
        if (isDown) throw new Error(`cannot look ${username} up`)
        return password === planted('password') ? { subject: username } : null
      },
    }),
    good: () => [header(planted('password'))],
    bad: [header(`${planted('password')}!`), header(`${planted('password')}\0`)],
    breakDown() {
      isDown = true
    },
  }
}

async function ticketCase(): Promise<Case> {
  const client = await redis()
  const { issue, strategy } = tickets({
    store: ticketStoreOfRedis(client, `threats-${randomBytes(6).toString('hex')}:`),
  })
  const { ticket } = await issue({ subject: 'alice' })
  made('ticket', ticket)
  return {
    kinds: ['ticket'],
    strategy,
    good: () => [{ auth: { ticket } }],
    // As if it had been used: after the good one it has.
    bad: [{ auth: { ticket: planted('ticket') } }, { auth: { ticket: `${planted('ticket')}${'A'.repeat(11)}` } }],
    breakDown: () => client.destroy(),
  }
}

function databaseCase(): Case {
  // Nobody listens there: the driver's error is about this very DSN.
  const connectionString = `postgres://app:${planted('dsn-password')}@127.0.0.1:1/app`
  const pool = new Pool({ connectionString, connectionTimeoutMillis: 500 })
  pool.on('error', () => {})
  onCleanup(() => pool.end())
  return {
    kinds: ['dsn-password'],
    strategy: accessToken({ pool }),
    good: () => [],
    bad: [bearer('of-nobody-at-all'), inAuth('of-nobody-at-all')],
  }
}

/** Answers until it is told to fail. */
async function backEnd(answer: RequestListener) {
  let isDown = false
  const server = createServer((request, response) => {
    if (isDown) request.socket.destroy()
    else answer(request, response.setHeader('content-type', 'application/json'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(() => void server.close().closeAllConnections())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ask`,
    breakDown() {
      isDown = true
    },
  }
}

async function introspectionCase(): Promise<Case> {
  const token = planted('jwt')
  const { url, breakDown } = await backEnd(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const active = new URLSearchParams(body).get('token') === token
    json(active ? { active, sub: 'alice', iss: ISSUER, aud: 'chat', exp: Date.now() / 1000 + 60 } : { active })(
      request,
      response,
    )
  })
  return {
    kinds: ['introspection-client-secret', 'jwt'],
    strategy: introspection({
      endpoint: url,
      clientId: 'chat-server',
      clientSecret: planted('introspection-client-secret'),
      issuer: ISSUER,
      audience: 'chat',
    }),
    good: () => [bearer(token)],
    bad: [bearer(`${token}0`), inAuth(`${token}1`)],
    breakDown,
  }
}

async function webhookCase(): Promise<Case> {
  const token = planted('api-key')
  const { url, breakDown } = await backEnd(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    json(body.includes(`${token}"`) ? { permit: true, subject: 'alice' } : { permit: false })(request, response)
  })
  return {
    kinds: ['webhook-signing-key', 'api-key'],
    strategy: webhook({ url, secret: planted('webhook-signing-key'), issuer: ISSUER, allowPrivateAddresses: true }),
    good: () => [bearer(token), inAuth(token)],
    bad: [bearer(`${token}0`), inAuth(`${token}1`)],
    breakDown,
  }
}
