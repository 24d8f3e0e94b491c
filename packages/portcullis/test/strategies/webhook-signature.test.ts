import { createHmac } from 'node:crypto'
import { type VerifyWebhookOptions, verifyWebhook, webhook } from 'portcullis/strategies/webhook'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { signatureOf } from '../../src/strategies/webhook-signature.ts'
import { answering, SECRET } from './webhook-fixtures.ts'

const NEXT = `whsec_${Buffer.from('the secret that comes after it..').toString('base64')}`
const OTHER = `whsec_${Buffer.from('somebody else has this secret...').toString('base64')}`
const NOW_MS = fakeClock().now()
const now = (seconds = 0): VerifyWebhookOptions => ({ now: () => NOW_MS + seconds * 1000 })

/** A request as the strategy sends it. */
async function sent(secret: Parameters<typeof verifyWebhook>[0] = SECRET) {
  const { origin, requests } = await answering({ permit: true, subject: '42' })
  const strategy = webhook({ url: origin, secret, issuer: 'app', clock: fakeClock() })
  await strategy.authenticate(handshakeOf({ headers: { authorization: 'Bearer käse' } }), null)
  const [seen] = requests
  if (seen === undefined) throw new Error('nothing was sent')
  return { headers: seen.request.headers, body: seen.body }
}

describe('W06: the signature of a request', () => {
  it('W06: is that of Standard Webhooks', () => {
    // The example of the libraries at github.com/standard-webhooks/standard-webhooks.
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
    const signature = signatureOf(key, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  it('W06: covers id, timestamp and body, and is new for each request', async () => {
    const { headers, body } = await sent()
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers
    expect(id).toMatch(/^msg_[\w-]{24}$/)
    expect(timestamp).toBe(String(NOW_MS / 1000))
    const hmac = createHmac('sha256', Buffer.from(SECRET.slice(6), 'base64'))
    expect(signature).toBe(`v1,${hmac.update(`${id}.${timestamp}.${body}`).digest('base64')}`)
    expect((await sent()).headers['webhook-id']).not.toBe(id)
  })

  it('W06: verifies, and gives the id by which a back end knows a copy', async () => {
    const { headers, body } = await sent()
    const verified = { id: headers['webhook-id'], timestamp: NOW_MS / 1000 }
    expect(verifyWebhook(SECRET, headers, body, now())).toEqual(verified)
    expect(verifyWebhook(SECRET, headers, body.toString(), now())).toEqual(verified)
    expect(verifyWebhook(Buffer.from(SECRET.slice(6), 'base64'), headers, body, now())).toEqual(verified)
    // A copy verifies as well: remembering the id is the back end's part.
    expect(verifyWebhook(SECRET, headers, body, now())).toEqual(verified)
  })

  it('W06: verifies for 5 minutes, either way, unless toleranceSeconds says otherwise', async () => {
    const { headers, body } = await sent()
    const holds = [-301, -300, 300, 301].map((seconds) => verifyWebhook(SECRET, headers, body, now(seconds)) !== null)
    expect(holds).toEqual([false, true, true, false])
    expect(verifyWebhook(SECRET, headers, body, { ...now(11), toleranceSeconds: 10 })).toBeNull()
    expect(verifyWebhook(SECRET, headers, body, { ...now(), toleranceSeconds: Number.NaN })).toBeNull()
    // The real clock is far from the one that signed.
    expect(verifyWebhook(SECRET, headers, body)).toBeNull()
  })

  it('W06: does not verify with another secret, body, id, timestamp or version', async () => {
    const { headers, body } = await sent()
    expect(verifyWebhook(OTHER, headers, body, now())).toBeNull()
    expect(verifyWebhook(SECRET, headers, `${body} `, now())).toBeNull()
    const signature = String(headers['webhook-signature'])
    for (const changed of [
      { 'webhook-id': 'msg_other' },
      { 'webhook-id': undefined },
      { 'webhook-timestamp': String(NOW_MS / 1000 + 1) },
      { 'webhook-timestamp': ` ${NOW_MS / 1000}` },
      { 'webhook-timestamp': undefined },
      { 'webhook-signature': undefined },
      { 'webhook-signature': '' },
      { 'webhook-signature': signature.replace('v1,', 'v1a,') },
      { 'webhook-signature': signature.slice(3) },
      { 'webhook-signature': signature.slice(0, -1) },
      { 'webhook-signature': `${'v1,x '.repeat(300)}${signature}` },
      { 'webhook-signature': [signature] },
    ]) {
      expect(verifyWebhook(SECRET, { ...headers, ...changed }, body, now()), JSON.stringify(changed)).toBeNull()
    }
  })

  it('W06: is made with each secret while one replaces another', async () => {
    const { headers, body } = await sent([SECRET, NEXT])
    expect(String(headers['webhook-signature']).split(' ')).toHaveLength(2)
    for (const secret of [SECRET, NEXT, [OTHER, NEXT]]) {
      expect(verifyWebhook(secret, headers, body, now())).not.toBeNull()
    }
    expect(verifyWebhook(OTHER, headers, body, now())).toBeNull()
  })

  it('W06: refuses a short secret with a TypeError that does not quote it', async () => {
    const { headers, body } = await sent()
    const start = () => verifyWebhook('whsec_c2hvcnQ=', headers, body, now())
    expect(start).toThrow(TypeError)
    expect(start).not.toThrow('c2hvcnQ')
  })
})
