import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { redis as redisLog } from 'portcullis/revocations/redis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisIdempotency } from '../src/control/idempotency-redis.ts'
import type { IdempotencyStore } from '../src/control/idempotency-store.ts'
import type { ControlApiOptions } from '../src/control/options.ts'
import { alice, KEYS, onCleanup, soon, startNode } from './control-node.ts'

const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
const prefix = `control-${randomBytes(6).toString('hex')}`
const secret = randomBytes(32)
const newClient = () => createClient({ url }).on('error', () => {})
const clients = [newClient(), newClient(), newClient()] as const
const [client] = clients
const idempotency = redisIdempotency({ client, secret, keyPrefix: `${prefix}:once:` })

beforeAll(() => Promise.all(clients.map((each) => each.connect())))
afterAll(async () => {
  const keys = await client.keys(`*${prefix}*`)
  if (keys.length > 0) await client.del(keys)
  await Promise.all(clients.map((each) => each.close()))
})

/** Two nodes with one adapter, one log and one store of idempotency keys in Redis. */
async function twoNodes(options: Partial<ControlApiOptions> = {}) {
  const own = `${prefix}:${randomBytes(3).toString('hex')}`
  const log = () => redisLog({ client, secret: secret.toString('hex'), prefix: `${own}:log` })
  const cluster = { maxStalenessMs: 1_000, suspendedForMs: 60_000 }
  const start = (connection: (typeof clients)[number]) =>
    startNode(
      { idempotency, ...options },
      { revocations: log(), cluster },
      { adapter: createAdapter(connection, { streamName: `${own}:stream` }) },
    )
  const [a, b] = [await start(clients[1]), await start(clients[2])]
  // The adapter reads its stream from some moment on: until then a node hears nothing of the other.
  const probes = [await a.client('probe'), await b.client('probe')]
  for (const node of [a, b]) {
    const event = `ready-${node.port}`
    const body = { namespace: '/news', to: { room: 'user-of-probe' }, event }
    await soon(async () => {
      await node.call('POST', '/v1/publish', { body })
      return probes.every(({ heard }) => heard.some(([name]) => name === event))
    }).toBe(true)
  }
  return [a, b, log()] as const
}

const message = { namespace: '/news', to: { user: alice }, event: 'news', args: ['one'] }

describe('two nodes on one Redis', () => {
  it('publish reaches the sockets of both once, and sessions are those of both', async () => {
    const [a, b] = await twoNodes()
    const [here, there, other] = [await a.client('alice'), await b.client('alice'), await b.client('bob')]
    const call = { body: message, headers: { 'idempotency-key': 'k' } }
    const replies = await Promise.all([a, b, a, b].map((node) => node.call('POST', '/v1/publish', call)))
    expect(replies.map(({ status }) => status).filter((status) => status !== 409 && status !== 202)).toEqual([])
    expect((await b.call('POST', '/v1/publish', call)).headers.get('idempotency-replayed')).toBe('true')
    await soon(() => [here.heard, there.heard]).toEqual([[['news', 'one']], [['news', 'one']]])

    expect(other.heard).toEqual([])
    await soon(async () => {
      const { body } = await a.call<{ sessions: { node: string }[] }>('POST', '/v1/sessions', { body: { key: alice } })
      return new Set(body.sessions.map(({ node }) => node)).size
    }).toBe(2)
  })

  it('a receipt that is not complete in time is 503 with the receipt, and is not stored', async () => {
    const [a, b, log] = await twoNodes()
    await b.client('alice')
    // The log has heard of it, once.
    const heartbeat = { maxStalenessMs: 1_000, cursor: null, applied: [], awaiting: [] }
    await log.sync({ node: 'silent', ...heartbeat })
    onCleanup(() => log.leave('silent'))
    const call = { body: { key: alice, timeoutMs: 300 }, headers: { 'idempotency-key': 'revoke' } }
    const late = await a.call<{ code: string; receipt: { nodes: object[] } }>('POST', '/v1/revoke', call)
    expect(late).toMatchObject({ status: 503, body: { code: 'RECEIPT_INCOMPLETE', receipt: { complete: false } } })
    expect(late.body.receipt.nodes).toContainEqual({ node: 'silent', state: 'pending', closed: 0 })
    expect(late.headers.get('retry-after')).toBe('1')
    await log.leave('silent')
    // A new log proves nothing for its first second: until then it is tried again, under the same key.
    let again = late as { readonly status: number; readonly headers: Headers; readonly body: object }
    const tryAgain = async () => {
      again = await a.call('POST', '/v1/revoke', call)
      return again.status
    }
    await soon(tryAgain).toBe(200)
    expect(again.headers.get('idempotency-replayed')).toBe(null)
    const stored = await b.call('POST', '/v1/revoke', call)
    expect([stored.headers.get('idempotency-replayed'), stored.body]).toEqual(['true', again.body])
  })

  it('a script in PHP publishes once, is told what is wrong, and revokes with the receipt of both', async () => {
    const [a, b] = await twoNodes()
    const { heard } = await b.client('alice')
    const here = await a.client('alice')
    const script = fileURLToPath(new URL('./php/control-publish.php', import.meta.url))
    const env = { ...process.env, CONTROL_URL: a.url, CONTROL_KEY: KEYS.all }
    const { stdout } = await promisify(execFile)('php', [script, alice.issuer, alice.subject, 'Größe "1" €'], { env })
    expect(JSON.parse(stdout)).toMatchObject([
      { status: 202, replayed: null, body: { accepted: 1 } },
      { status: 202, replayed: 'true', body: { accepted: 1 } },
      { status: 422, body: { code: 'REQUEST_INVALID', errors: [{ pointer: '/event' }] } },
      { status: 200, body: { complete: true, closed: 2, nodes: [{ state: 'applied' }, { state: 'applied' }] } },
    ])
    for (const client of [heard, here.heard]) {
      await soon(() => client.at(-1)).toMatchObject(['auth:closed', { code: 'AUTH_REVOKED' }])
    }
    expect(heard.slice(0, -1)).toEqual([['news', { text: 'Größe "1" €' }]])
  })
})

describe('idempotency keys in Redis', () => {
  const newId = () => randomBytes(32).toString('base64url')
  const claim = 'c'.repeat(22)
  const record = { fingerprint: 'f', answer: { status: 201, body: '{"ticket":"s3cret"}' } }

  it('are claimed by one of many, kept, replayed on another node, and end by themselves', async () => {
    const id = newId()
    const other = redisIdempotency({ client: clients[1], secret, keyPrefix: `${prefix}:once:` })
    const stores = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? idempotency : other))
    const claims = await Promise.all(
      stores.map((store, i) => store.claim(id, String(i).padStart(22, 'x'), 'f', 60_000)),
    )
    const winner = claims.indexOf(null)
    expect(claims.filter((found) => found === null)).toHaveLength(1)
    await idempotency.release(id, claim)
    expect(await other.claim(id, claim, 'f', 60_000)).toEqual({ fingerprint: 'f', answer: null })
    await idempotency.keep(id, claim, record, 60_000)
    expect(await other.claim(id, claim, 'f', 60_000)).toEqual({ fingerprint: 'f', answer: null })
    await idempotency.keep(id, String(winner).padStart(22, 'x'), record, 60_000)
    expect(await other.claim(id, claim, 'f', 60_000)).toEqual(record)
    expect(await client.pTTL(`${prefix}:once:${id}`)).toBeGreaterThan(50_000)
    const brief = newId()
    expect(await other.claim(brief, claim, 'f', 60_000)).toBe(null)
    await other.release(brief, claim)
    expect(await client.exists(`${prefix}:once:${brief}`)).toBe(0)
  })

  it('hold nothing that Redis could read, and what somebody else wrote is no answer', async () => {
    const [id, copy] = [newId(), newId()]
    await idempotency.claim(id, claim, 'f', 60_000)
    await idempotency.keep(id, claim, record, 60_000)
    const kept = (await client.get(`${prefix}:once:${id}`)) ?? ''
    expect(Buffer.from(kept.slice(22), 'base64url').toString('latin1') + kept).not.toContain('s3cret')
    // An answer under another key's id, one that was changed, and one that is none.
    for (const forged of [kept, kept.slice(0, -2), `${claim}e30`, '']) {
      await client.set(`${prefix}:once:${copy}`, forged, { PX: 60_000 })
      await expect(idempotency.claim(copy, claim, 'f', 60_000)).rejects.toThrow()
    }
    const stranger = redisIdempotency({ client, secret: randomBytes(32), keyPrefix: `${prefix}:once:` })
    await expect(stranger.claim(id, claim, 'f', 60_000)).rejects.toThrow()
  })

  it('that do not open, and a Redis that does not answer, are 503 and nothing is done', async () => {
    const never: IdempotencyStore = { ...idempotency, claim: () => Promise.reject(new Error('no connection')) }
    const node = await startNode({ idempotency: never })
    const { heard } = await node.client('alice')
    const refused = await node.call('POST', '/v1/publish', { body: message, headers: { 'idempotency-key': 'k' } })
    expect(refused).toMatchObject({ status: 503, body: { code: 'AUTH_UNAVAILABLE' } })
    expect(refused.text).not.toContain('no connection')
    await node.call('POST', '/v1/publish', { body: { ...message, event: 'last' } })
    await soon(() => heard.map(([event]) => event)).toEqual(['last'])
  })

  it('need a secret of 32 bytes', () => {
    expect(() => redisIdempotency({ client, secret: new Uint8Array(31) })).toThrow(
      new TypeError('"secret" must have at least 32 bytes'),
    )
  })
})
