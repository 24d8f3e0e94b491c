/** The modules of docs/credentials.md, run as they stand there, against real servers. */

import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sign } from 'cookie-signature'
import { SignJWT } from 'jose'
import { Pool } from 'pg'
import type { AuthOptions, RoomRequest, Rule, Strategy } from 'portcullis'
import type { PusherSigner } from 'portcullis/channels/pusher'
import { verifyWebhook } from 'portcullis/strategies/webhook'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ORIGIN, outcome, start } from '../harness.ts'
import {
  JWT_RESOURCE,
  type OidcProvider,
  OPAQUE_RESOURCE,
  RESOURCE_SERVER,
  startOidcProvider,
} from '../strategies/oidc-provider.ts'

const page = readFileSync(fileURLToPath(new URL('../../../../docs/credentials.md', import.meta.url)), 'utf8')
const modules = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [title = '', ...lines] = section.split('\n')
      return [title, /```ts\n([\s\S]*?)```/.exec(lines.join('\n'))?.[1] ?? ''] as const
    }),
)
// Beside the tests, where packages resolve as they do for them.
const folder = mkdtempSync(fileURLToPath(new URL('./.modules-', import.meta.url)))
mkdirSync(folder, { recursive: true })
const redis = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' })
const pool = new Pool({ connectionString: process.env.DATABASE_URL })
const written: string[] = []
let oidc: OidcProvider

beforeAll(async () => {
  oidc = await startOidcProvider()
  await redis.connect()
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  if (written.length > 0) await redis.del(written)
  await Promise.all([redis.close(), pool.end(), oidc.stop()])
})

type Module = { strategy: Strategy } & Record<string, unknown>

/** The module under this heading, run with this environment. */
async function load(title: string, environment: Readonly<Record<string, string>> = {}): Promise<Module> {
  Object.assign(process.env, environment)
  const path = join(folder, `${title.replaceAll(/\W+/g, '-')}.ts`)
  writeFileSync(path, modules.get(title) ?? '')
  return (await import(/* @vite-ignore */ path)) as Module
}

async function server(strategy: Strategy, rooms: Record<string, Rule<RoomRequest>> = {}) {
  const { io, auth, client } = await start({ strategies: [strategy] as unknown as AuthOptions<never>['strategies'] })
  auth.protect(io.of('/chat'), { events: {}, rooms })
  const connect = (options: Parameters<typeof client>[1]) => client('/chat', { reconnection: false, ...options })
  return {
    connect,
    /** Who the server takes the client for, or the code of its refusal. */
    async subject(options: Parameters<typeof client>[1]): Promise<string> {
      const socket = connect({ transports: ['polling'], ...options })
      const refused = await new Promise<unknown>((resolve) => {
        socket.once('connect', () => resolve(null))
        socket.once('connect_error', (error) =>
          resolve((error as Error & { data?: { code: string } }).data?.code ?? httpCode(error)),
        )
      })
      return refused === null ? (await socket.emitWithAck('auth:whoami')).subject : String(refused)
    },
  }
}

/** A refused handshake is an HTTP answer, which socket.io-client keeps in the error. */
function httpCode(error: Error): string {
  return String((error as Error & { description?: unknown }).description)
}

async function keep(key: string, value: string): Promise<void> {
  written.push(key)
  await redis.set(key, value, { EX: 60 })
}
const withCookie = (cookie: string) => ({ extraHeaders: { cookie, origin: ORIGIN } })
const withToken = (token: string) => ({ auth: { token } })
const SESSION_SECRET = randomBytes(32).toString('hex')
const INVALID = /^(401|AUTH_CREDENTIAL_INVALID)$/

describe('docs/credentials.md', () => {
  it('gives a module of at most 20 lines under every heading, and a row of the table to each', () => {
    expect(modules.size).toBe(15)
    for (const [title, text] of modules) {
      expect([title, text.trim().split('\n').length <= 20, text.includes('export const')]).toEqual([title, true, true])
      const anchor = title.toLowerCase().replaceAll(' ', '-')
      expect(page).toContain(`](#${anchor})`)
    }
  })

  it('An Express session', async () => {
    const sid = randomUUID()
    await keep(`sess:${sid}`, JSON.stringify({ cookie: {}, user: { id: '42', org: 'acme' } }))
    const { strategy } = await load('An Express session', { SESSION_SECRET })
    const { subject } = await server(strategy)
    const cookie = (secret: string) => `connect.sid=${encodeURIComponent(`s:${sign(sid, secret)}`)}`
    expect(await subject(withCookie(cookie(SESSION_SECRET)))).toBe('42')
    expect(await subject(withCookie(cookie('x')))).toMatch(INVALID)
  })

  it('Passport', async () => {
    const loaded = await load('Passport', { SESSION_SECRET })
    const { subject } = await server(loaded.strategy)
    const sid = randomBytes(24).toString('hex')
    const store = loaded.store as { set(sid: string, session: object): void }
    store.set(sid, { cookie: {}, passport: { user: '42' } })
    const cookie = `connect.sid=${encodeURIComponent(`s:${sign(sid, SESSION_SECRET)}`)}`
    expect(await subject(withCookie(cookie))).toBe('42')
    expect(await subject(withCookie(cookie.slice(0, -3)))).toMatch(INVALID)
  })

  it('A PHP session', async () => {
    const sid = randomBytes(16).toString('hex')
    await keep(`PHPREDIS_SESSION:${sid}`, 'user_id|i:42;')
    const { subject } = await server((await load('A PHP session')).strategy)
    expect(await subject(withCookie(`PHPSESSID=${sid}`))).toBe('42')
    expect(await subject(withCookie(`PHPSESSID=${sid.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))}`))).toMatch(
      INVALID,
    )
  })

  it('A Laravel session', async () => {
    const [key, sid] = [randomBytes(32), randomBytes(20).toString('hex')]
    const login = 'a:1:{s:50:"login_web_59ba36addc2b2f9401580f014c7f58ea4e30989d";i:42;}'
    await keep(`laravel_database_laravel_cache_${sid}`, `s:${login.length}:"${login}";`)
    const { subject } = await server(
      (await load('A Laravel session', { APP_KEY: `base64:${key.toString('base64')}` })).strategy,
    )
    const { createCipheriv } = await import('node:crypto')
    const iv = randomBytes(16)
    const aes = createCipheriv('aes-256-cbc', key, iv)
    const plain = `${createHmac('sha1', key).update('laravel_sessionv2').digest('hex')}|${sid}`
    const value = Buffer.concat([aes.update(plain), aes.final()]).toString('base64')
    const mac = createHmac('sha256', key)
      .update(iv.toString('base64') + value)
      .digest('hex')
    const envelope = (tag: string) =>
      Buffer.from(JSON.stringify({ iv: iv.toString('base64'), value, mac: tag, tag: '' })).toString('base64')
    expect(await subject(withCookie(`laravel_session=${encodeURIComponent(envelope(mac))}`))).toBe('42')
    expect(await subject(withCookie(`laravel_session=${encodeURIComponent(envelope('0'.repeat(64)))}`))).toMatch(
      INVALID,
    )
  })

  it('JSON Web Tokens', async () => {
    const { strategy } = await load('JSON Web Tokens', {
      ISSUER: oidc.issuer,
      JWKS_URL: oidc.jwksUrl,
      AUDIENCE: JWT_RESOURCE,
    })
    const { subject } = await server(strategy)
    const token = await oidc.userToken({ subject: '42', resource: JWT_RESOURCE })
    expect(await subject(withToken(token))).toBe('42')
    expect(await subject(withToken(`${token.slice(0, -8)}AAAAAAAA`))).toMatch(INVALID)
  })

  it('JSON Web Tokens signed with a secret', async () => {
    const secret = randomBytes(32)
    const { strategy } = await load('JSON Web Tokens signed with a secret', { JWT_SECRET: secret.toString('base64') })
    const { subject } = await server(strategy)
    const token = (audience: string) =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer('https://app.example')
        .setAudience(audience)
        .setSubject('42')
        .setIssuedAt()
        .setExpirationTime('5 minutes')
        .sign(secret)
    expect(await subject(withToken(await token('chat')))).toBe('42')
    expect(await subject(withToken(await token('mail')))).toMatch(INVALID)
  })

  it('OAuth tokens in PostgreSQL', async () => {
    const schema = `docs_${randomBytes(6).toString('hex')}`
    await pool.query(`create schema ${schema};
      create table ${schema}.oauth_access_tokens (access_token text, user_id integer, expires timestamptz, scope text);
      insert into ${schema}.oauth_access_tokens values ('good-token', 42, now() + interval '1 hour', 'chat')`)
    const url = new URL(process.env.DATABASE_URL ?? '')
    url.searchParams.set('options', `-c search_path=${schema}`)
    const before = process.env.DATABASE_URL ?? ''
    try {
      const { strategy } = await load('OAuth tokens in PostgreSQL', { DATABASE_URL: url.href })
      const { subject } = await server(strategy)
      expect(await subject(withToken('good-token'))).toBe('42')
      expect(await subject(withToken('other-token'))).toMatch(INVALID)
    } finally {
      process.env.DATABASE_URL = before
      await pool.query(`drop schema ${schema} cascade`)
    }
  })

  it('Introspection', async () => {
    const { strategy } = await load('Introspection', {
      INTROSPECTION_URL: oidc.introspectionUrl,
      CLIENT_ID: RESOURCE_SERVER.id,
      CLIENT_SECRET: RESOURCE_SERVER.secret,
      ISSUER: oidc.issuer,
      AUDIENCE: OPAQUE_RESOURCE,
    })
    const { subject } = await server(strategy)
    expect(await subject(withToken(await oidc.userToken({ subject: '42' })))).toBe('42')
    expect(await subject(withToken('unknown'))).toMatch(INVALID)
  })

  it('API keys', async () => {
    const { strategy, newKey } = await load('API keys')
    const key = (newKey as (subject: string) => string)('service-7')
    const { subject } = await server(strategy)
    expect(await subject({ auth: { apiKey: key } })).toBe('service-7')
    expect(await subject({ extraHeaders: { 'x-api-key': `${key.slice(0, -4)}AAAA` } })).toMatch(INVALID)
  })

  it('User names and passwords', async () => {
    const { strategy } = await load('User names and passwords', { ALICE_PASSWORD: 'correct horse' })
    const { subject } = await server(strategy)
    const as = (user: string, password: string) => ({
      extraHeaders: { origin: ORIGIN, authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
    })
    expect(await subject(as('alice', 'correct horse'))).toBe('42')
    expect(await subject(as('alice', 'wrong'))).toMatch(INVALID)
    expect(await subject(as('bob', 'correct horse'))).toMatch(INVALID)
  })

  it('One-time tickets', async () => {
    const { strategy, issue, ticketEndpoint } = await load('One-time tickets')
    const give = issue as (whom: { subject: string }) => Promise<{ ticket: string }>
    const { subject } = await server(strategy)
    const { ticket } = await give({ subject: '42' })
    expect(await subject({ auth: { ticket } })).toBe('42')
    expect(await subject({ auth: { ticket } })).toMatch(INVALID)
    const http = createServer((request, response) => {
      // As behind the proxy that the site is served by.
      Object.assign(request.headers, { host: new URL(ORIGIN).host })
      Object.assign(request, { protocol: 'https' }, request.headers.cookie === 'login=44' && { user: { id: '44' } })
      Reflect.apply(ticketEndpoint as () => void, undefined, [request, response])
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const site = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    const ask = (cookie: string) => fetch(site, { method: 'POST', headers: { cookie, origin: ORIGIN } })
    expect((await ask('login=')).status).toBe(401)
    const asked = (await (await ask('login=44')).json()) as { ticket: string }
    expect(await subject({ auth: asked, extraHeaders: { origin: ORIGIN } })).toBe('44')
    http.close()
    const protocols = ['portcullis', (await give({ subject: '43' })).ticket]
    expect(await subject({ protocols, transports: ['websocket'] })).toBe('43')
  })

  it('A proxy that authenticates', async () => {
    const { subject } = await server((await load('A proxy that authenticates')).strategy)
    expect(await subject({ extraHeaders: { origin: ORIGIN, 'x-forwarded-user': 'alice' } })).toBe('alice')
    expect(await subject({ extraHeaders: { origin: ORIGIN } })).toBe('401')
  })

  it('A back end that decides', async () => {
    const secret = `whsec_${randomBytes(32).toString('base64')}`
    const hook = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks).toString()
      const genuine = verifyWebhook(secret, request.headers as Record<string, string>, body)
      const answer = body.includes('good-session') ? { permit: true, subject: '42' } : { permit: false }
      response.writeHead(genuine ? 200 : 400, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = hook.address() as AddressInfo
      const { strategy } = await load('A back end that decides', {
        AUTH_HOOK_URL: `http://127.0.0.1:${port}/authenticate`,
        AUTH_HOOK_SECRET: secret,
      })
      const { subject } = await server(strategy)
      expect(await subject(withCookie('PHPSESSID=good-session'))).toBe('42')
      expect(await subject(withCookie('PHPSESSID=other-session'))).toMatch(INVALID)
    } finally {
      hook.closeAllConnections()
      hook.close()
    }
  })

  it('Visitors', async () => {
    const { subject } = await server((await load('Visitors')).strategy)
    expect(await subject({})).toMatch(/^[\w-]{22}$/)
  })

  it('Signed channels', async () => {
    const loaded = await load('Signed channels', {
      PUSHER_KEY: 'app-key',
      PUSHER_SECRET: randomBytes(32).toString('hex'),
    })
    const { connect } = await server(loaded.strategy, loaded.rooms as Record<string, Rule<RoomRequest>>)
    const socket = connect({})
    expect(await outcome(socket)).toBeNull()
    const { auth } = (loaded.signer as PusherSigner).signChannel(socket.id ?? '', 'private-orders')
    expect(await socket.emitWithAck('auth:join', 'private-orders', { auth })).toMatchObject({
      joined: ['private-orders'],
    })
    expect(await socket.emitWithAck('auth:join', 'private-other', { auth })).toMatchObject({
      error: { code: 'AUTH_FORBIDDEN' },
    })
  })
})
