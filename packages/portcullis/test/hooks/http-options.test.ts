import { type HookConnectOptions, type HttpHooksOptions, httpHooks, verifyHookRequest } from 'portcullis/hooks/http'
import { fromAuth } from 'portcullis/strategies/from'
import { describe, expect, it } from 'vitest'
import { hookBackend, hooksOf, joining, SECRET } from './hooks-fixtures.ts'

const NEW_SECRET = `whsec_${Buffer.from('another secret of 32 bytes, fixed').toString('base64')}`
const GOOD = { url: 'https://app.example/hooks', secret: SECRET }

describe('bad configuration is a TypeError that quotes the option', () => {
  const wrong: Record<string, object> = {
    url: { url: 'http://app.example/hooks' },
    secret: { secret: 'too short' },
    timeoutMs: { timeoutMs: 0 },
    maxConcurrent: { maxConcurrent: 0 },
    maxQueued: { maxQueued: -1 },
    batch: { batch: 50 },
    'batch.size': { batch: { size: 1_001 } },
    'batch.waitMs': { batch: { waitMs: 1.5 } },
    cache: { cache: null },
    'cache.maxEntries': { cache: { maxEntries: -1 } },
    'cache.maxSeconds': { cache: { maxSeconds: 301 } },
    graceMs: { graceMs: '60s' },
    maxNotices: { maxNotices: 0 },
    onError: { onError: true },
    clock: { clock: { now: Date.now } },
    ca: { ca: 'not a certificate' },
    allowPrivateAddresses: { allowPrivateAddresses: 1 },
    maxBodyBytes: { maxBodyBytes: 1 },
    seconds: { cache: { seconds: 1 } },
  }
  it.each(Object.keys(wrong))('%s of httpHooks', (option) => {
    const options = { ...GOOD, ...wrong[option] } as HttpHooksOptions
    expect(() => httpHooks(options)).toThrow(expect.objectContaining({ name: 'TypeError' }))
    expect(() => httpHooks(options)).toThrow(`"${option}"`)
  })

  const wrongConnects: Record<string, object> = {
    issuer: { issuer: '' },
    from: { from: [] },
    forward: { forward: { query: ['a'] } },
    'forward.headers': { forward: { headers: ['authorization'] } },
    'forward.cookies': { forward: { cookies: 'PHPSESSID' } },
    'forward.auth': { forward: { auth: 'yes' } },
    'from" must name no part of "auth': { from: [fromAuth()], forward: { auth: true } },
    claims: { claims: {} },
    scheme: { scheme: '' },
    refreshSeconds: { refreshSeconds: 0.5 },
    leaseSeconds: { leaseSeconds: 0 },
    maxLifetimeSeconds: { maxLifetimeSeconds: -1 },
    revalidateEveryMs: { revalidateEveryMs: 1 },
  }
  it.each(Object.keys(wrongConnects))('%s of hooks.connect', (option) => {
    const options = { issuer: 'app', ...wrongConnects[option] } as HookConnectOptions<never, 'hook'>
    const make = () => httpHooks(GOOD).connect(options)
    expect(make).toThrow(expect.objectContaining({ name: 'TypeError' }))
    expect(make).toThrow(option === 'forward' ? '"query"' : `"${option}"`)
  })
})

describe('verifyHookRequest', () => {
  async function sent(options: Partial<HttpHooksOptions> = {}) {
    const site = await hookBackend()
    await hooksOf(site, options).join(joining('room:1'))
    const [headers, body] = [site.headers[0] ?? {}, site.bodies[0] ?? '']
    return { headers, body, site }
  }

  it('gives the questions of a request, which says how long anybody waits for the answer', async () => {
    const { headers, body, site } = await sent({ timeoutMs: 1_500 })
    expect(verifyHookRequest(SECRET, headers, body)?.items).toEqual(site.items())
    expect(verifyHookRequest(SECRET, headers, Buffer.from(body))?.webhookId).toBe(headers['webhook-id'])
    expect([headers['content-type'], headers['portcullis-timeout-ms']]).toEqual(['application/json', '1500'])
  })

  it('refuses another secret, another body, another time, and no signature', async () => {
    const { headers, body } = await sent()
    const verify = (more: object, text = body, options = {}) =>
      verifyHookRequest(SECRET, { ...headers, ...more }, text, options)
    expect(verify({})).not.toBeNull()
    expect(verifyHookRequest(NEW_SECRET, headers, body)).toBeNull()
    expect(verify({}, body.replace('room:1', 'room:2'))).toBeNull()
    expect(verify({ 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) })).toBeNull()
    expect(verify({ 'webhook-signature': undefined })).toBeNull()
    expect(verify({}, body, { now: () => Date.now() + 301_000 })).toBeNull()
    expect(verify({}, body, { now: () => Date.now() - 301_000 })).toBeNull()
  })

  it('takes what either secret has signed, the old one and the new one', async () => {
    const secret = [NEW_SECRET, SECRET]
    const { headers, body } = await sent({ secret })
    for (const one of secret) expect(verifyHookRequest(one, headers, body)).not.toBeNull()
  })
})
