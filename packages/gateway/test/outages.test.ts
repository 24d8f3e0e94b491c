import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { createClient } from 'redis'
import { afterAll, describe, expect, it } from 'vitest'
import { startGateway } from '../src/demo/gateway.ts'
import { readSettings } from '../src/demo/settings.ts'
import { type CuttableProxy, cuttableProxy } from './cuttable-proxy.ts'
import { newDatabase, type Running, runGateway } from './running.ts'
import { client, connected, refused } from './socket-client.ts'

const REDIS_URL = process.env.REDIS_URL ?? ''

/** What the client says to the server it was made for, said to the proxy before it. */
function throughProxy(url: string, { port }: CuttableProxy): string {
  const { user, password, database } = new Client({ connectionString: url })
  const options = /[?&](options=[^&]+)/.exec(url)?.[1] ?? ''
  return `postgres://${user}${password ? `:${password}` : ''}@127.0.0.1:${port}/${database}?${options}`
}

async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise(setImmediate)
}

const healthOf = async ({ url }: Running) => (await fetch(`${url}/status`)).status

describe.runIf(process.env.DATABASE_URL)('while the database is away', { timeout: 60_000 }, () => {
  it('health is 503, logins and publishing are answered AUTH_UNAVAILABLE, whoever is connected stays', async () => {
    const url = (await newDatabase()) ?? ''
    const { host, port } = new Client({ connectionString: url })
    const proxy = await cuttableProxy(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port })
    const running = await runGateway({ DATABASE_URL: throughProxy(url, proxy) })
    const [token, cookie] = [await running.token('alice'), await running.login('alice')]
    const socket = await connected(client(running, '/news', 'websocket', { token }))
    expect(await healthOf(running)).toBe(200)

    proxy.cut()
    const health = await fetch(`${running.url}/status`)
    const unavailable = { code: 'AUTH_UNAVAILABLE', retry: 'backoff' }
    expect([health.status, await health.json()]).toMatchObject([503, unavailable])
    const login = await running.post('/login', { username: 'alice', password: running.passwords.alice })
    expect([login.status, await login.json()]).toMatchObject([503, unavailable])
    const me = await fetch(`${running.url}/me`, { headers: { cookie } })
    expect([me.status, await me.json()]).toMatchObject([503, unavailable])
    expect(await socket.emitWithAck('news:publish', 'acme', { title: 'x' })).toMatchObject({ error: unavailable })
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: expect.any(String) })
    await connected(client(running, '/news', 'websocket', { token }))

    proxy.mend()
    expect(await healthOf(running)).toBe(200)
    expect(await socket.emitWithAck('news:publish', 'acme', { title: 'Back' })).toMatchObject({
      item: { title: 'Back' },
    })
    const told = JSON.stringify(running.errors)
    for (const secret of [token, running.passwords.alice, decodeURIComponent(cookie)])
      expect(told).not.toContain(secret)
  })
})

describe.runIf(REDIS_URL)('with sessions in Redis', { timeout: 60_000 }, () => {
  const { hostname, port } = REDIS_URL === '' ? { hostname: '', port: '' } : new URL(REDIS_URL)
  const target = { host: hostname, port: Number(port === '' ? 6379 : port) }
  const through = (proxy: CuttableProxy) => {
    const url = new URL(REDIS_URL)
    url.host = `127.0.0.1:${proxy.port}`
    return url.href
  }

  it('a login outlives a restart, with the time that it has left', async () => {
    const running = await runGateway({ REDIS_URL, DATABASE_URL: '' })
    const cookie = await running.login('alice')
    const sid = decodeURIComponent(cookie).split('s:')[1]?.split('.')[0] ?? randomBytes(1).toString('hex')
    const redis = await createClient({ url: REDIS_URL }).connect()
    afterAll(() => redis.destroy())
    const ttl = await redis.ttl(`portcullis-gateway:session:${sid}`)
    expect(ttl).toBeGreaterThan(28_000)
    expect(ttl).toBeLessThanOrEqual(28_800)
    await running.gateway.close()

    const settings = readSettings({ PORT: '0', DATA_DIR: running.dataDir, REDIS_URL }, running.dataDir)
    const gateway = await startGateway(settings, { pageFolder: running.dataDir, onError: () => undefined })
    try {
      const url = `http://127.0.0.1:${gateway.port}`
      await connected(client({ url }, '/news', 'polling', { cookie }))
      await fetch(`${url}/logout`, { method: 'POST', headers: { cookie } })
      expect(await redis.exists(`portcullis-gateway:session:${sid}`)).toBe(0)
    } finally {
      await gateway.close()
    }
  })

  it('while Redis is away, cookies are answered AUTH_UNAVAILABLE, tokens still work, and nothing ends', async () => {
    const proxy = await cuttableProxy(target)
    const running = await runGateway({ REDIS_URL: through(proxy) })
    const [cookie, token] = [await running.login('bob'), await running.token('bob')]
    const socket = await connected(client(running, '/news', 'websocket', { cookie }))

    proxy.cut()
    expect((await refused(client(running, '/news', 'polling', { cookie }))).code).toBe('AUTH_UNAVAILABLE')
    const me = await fetch(`${running.url}/me`, { headers: { cookie } })
    expect([me.status, await me.json()]).toMatchObject([503, { code: 'AUTH_UNAVAILABLE', retry: 'backoff' }])
    const login = await running.post('/login', { username: 'bob', password: running.passwords.bob })
    expect([login.status, login.headers.get('set-cookie')]).toEqual([503, null])
    await connected(client(running, '/news', 'websocket', { token }))
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ scheme: 'session' })

    proxy.mend()
    await until(async () => (await fetch(`${running.url}/me`, { headers: { cookie } })).status === 200)
    await connected(client(running, '/news', 'polling', { cookie }))
  })
})
