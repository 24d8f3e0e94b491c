/** What a credential is made of: names and passwords, signed session ids, encrypted cookies, signatures of webhooks. */

import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { sign } from 'cookie-signature'
import { describe, expect, it, vi } from 'vitest'
import { parseBasic } from '../../src/strategies/basic-credentials.ts'
import { cookieValue, type LaravelCipher, openEnvelope } from '../../src/strategies/laravel-session-envelope.ts'
import { requireSecrets, unsignSessionId } from '../../src/strategies/session-cookie.ts'
import { keysOf, signatureOf, signedHeaders, verifyWebhook } from '../../src/strategies/webhook-signature.ts'
import { verdict } from './refusal.ts'

describe('parseBasic', () => {
  const encoded = (pair: string | Uint8Array) => Buffer.from(pair as string).toString('base64')
  const read = (value: string) => verdict(() => parseBasic(value))

  it.each([
    ['alice:secret', 'alice', 'secret'],
    ['alice:a:b', 'alice', 'a:b'],
    [':secret', '', 'secret'],
    ['alice:', 'alice', ''],
    ['ålice:pæss 😀', 'ålice', 'pæss 😀'],
    ['\ufeffalice:x', '\ufeffalice', 'x'],
    [`alice:${'x'.repeat(1024)}`, 'alice', 'x'.repeat(1024)],
  ])('splits %j at the first colon', (pair, username, password) =>
    expect(read(encoded(pair))).toEqual({ username, password }),
  )

  it.each([
    ['', 'base64'],
    ['YWxpY2U6', 'none'],
    ['YWxpY2U6eA', 'base64'],
    ['YWxpY2U6eA=', 'base64'],
    ['YWxpY2U6eB==', 'base64'],
    ['YWxp Y2U6eA==', 'base64'],
    ['_-__', 'base64'],
    [encoded('alice'), 'no_colon'],
    [encoded('alice\n:x'), 'control_character'],
    [encoded('alice:x\u0000'), 'control_character'],
    [encoded('alice:\u007f'), 'control_character'],
    [encoded(Uint8Array.of(0x61, 0x3a, 0xff)), 'utf8'],
    [encoded(`alice:${'x'.repeat(1025)}`), 'password_too_long'],
    [encoded(`alice:${'é'.repeat(513)}`), 'password_too_long'],
    ['A'.repeat(8196), 'too_long'],
  ])('refuses %j with the reason %s', (value, reason) => {
    expect(read(value)).toEqual(
      reason === 'none' ? { username: 'alice', password: '' } : `AUTH_CREDENTIAL_INVALID ${reason}`,
    )
  })

  it('looks at 8,192 characters, and decodes no more', () => {
    expect(read('A'.repeat(8192))).toBe('AUTH_CREDENTIAL_INVALID control_character')
    expect(read('A'.repeat(8193))).toBe('AUTH_CREDENTIAL_INVALID too_long')
  })
})

describe('a signed session id', () => {
  const [newest, older] = ['n'.repeat(32), 'o'.repeat(32)]

  it('is what any of the secrets has signed', () => {
    for (const secret of [newest, older]) expect(unsignSessionId(`s:${sign('id', secret)}`, [newest, older])).toBe('id')
    expect(unsignSessionId(`s:${sign('a.b', newest)}`, [newest])).toBe('a.b')
  })

  it.each([
    ['unsigned', 'id'],
    ['signed with another secret', `s:${sign('id', 'x')}`],
    ['without its mark', sign('id', newest)],
    ['marked in upper case', `S:${sign('id', newest)}`],
    ['another id', `s:${sign('id', newest).replace('id', 'ie')}`],
    ['without a signature', 's:id'],
    ['empty', 's:'],
  ])('is none when it is %s', (_what, value) => expect(unsignSessionId(value, [newest, older])).toBe(null))

  it('needs secrets: one, or a list with the newest first', () => {
    expect(requireSecrets(newest)).toEqual([newest])
    const given = [newest, older]
    const secrets = requireSecrets(given)
    expect(secrets).toEqual(given)
    expect(secrets).not.toBe(given)
    expect(Object.isFrozen(secrets)).toBe(true)
    for (const secret of [[], '', undefined, null, 5, [newest, ''], [newest, 5]])
      expect(() => requireSecrets(secret)).toThrow(
        '"secret" must be a non-empty string, or a non-empty array of them with the newest first',
      )
  })

  it('warns of a secret of less than 32 bytes, without quoting it', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      requireSecrets(['x'.repeat(32), 'é'.repeat(16)])
      expect(warn).not.toHaveBeenCalled()
      requireSecrets(['x'.repeat(32), 'short-secret'])
      expect(warn.mock.calls).toEqual([
        [
          '"secret" is shorter than 32 bytes: whoever guesses it can sign any session',
          { type: 'SecurityWarning', code: 'PORTCULLIS_WEAK_SECRET' },
        ],
      ])
    } finally {
      warn.mockRestore()
    }
  })
})

describe("an envelope of Laravel's", () => {
  const key = (letter: string, bytes: number) => Buffer.from(letter.repeat(bytes))
  const base64 = (value: string | Uint8Array) => Buffer.from(value as string).toString('base64')

  /** As `Illuminate\Encryption\Encrypter` makes them. */
  function sealed(text: string, secret: Buffer, cipher: LaravelCipher) {
    const isGcm = cipher.endsWith('gcm')
    const iv = randomBytes(isGcm ? 12 : 16)
    const cipheriv = createCipheriv(cipher as 'aes-256-gcm', secret, iv)
    const value = Buffer.concat([cipheriv.update(text), cipheriv.final()]).toString('base64')
    const tag = isGcm ? base64(cipheriv.getAuthTag()) : ''
    const mac = isGcm
      ? ''
      : createHmac('sha256', secret)
          .update(base64(iv) + value)
          .digest('hex')
    return { iv: base64(iv), value, mac, tag }
  }
  const open = (envelope: unknown, keys: readonly Buffer[], cipher: LaravelCipher) => {
    const opened = openEnvelope(base64(JSON.stringify(envelope)), keys, cipher)
    return opened === null ? null : opened.toString()
  }

  const ciphers = [
    ['aes-128-cbc', 16],
    ['aes-256-cbc', 32],
    ['aes-128-gcm', 16],
    ['aes-256-gcm', 32],
  ] as const

  it.each(ciphers)('of %s is opened by the key that made it, the newest or an older', (cipher, bytes) => {
    const [newest, older] = [key('n', bytes), key('o', bytes)]
    for (const maker of [newest, older])
      expect(open(sealed('hello', maker, cipher), [newest, older], cipher)).toBe('hello')
    expect(open(sealed('hello', key('x', bytes), cipher), [newest, older], cipher)).toBe(null)
    expect(open(sealed('hello', newest, cipher), [], cipher)).toBe(null)
  })

  it.each(ciphers)('of %s is not opened when anything of it has been changed', (cipher, bytes) => {
    const keys = [key('n', bytes)]
    const envelope = sealed('hello', keys[0] as Buffer, cipher)
    const other = sealed('other', keys[0] as Buffer, cipher)
    for (const field of ['iv', 'value', cipher.endsWith('gcm') ? 'tag' : 'mac'] as const) {
      expect(open({ ...envelope, [field]: other[field] }, keys, cipher)).toBe(null)
      expect(open({ ...envelope, [field]: '' }, keys, cipher)).toBe(null)
      expect(open({ ...envelope, [field]: undefined }, keys, cipher)).toBe(null)
      expect(open({ ...envelope, [field]: 5 }, keys, cipher)).toBe(null)
    }
    for (const field of ['iv', 'value'] as const) {
      expect(open({ ...envelope, [field]: `${envelope[field]} ` }, keys, cipher)).toBe(null)
    }
  })

  it('is authenticated in full before it is opened', () => {
    const keys = [key('n', 32)]
    const envelope = sealed('hello', keys[0] as Buffer, 'aes-256-cbc')
    expect(open({ ...envelope, mac: envelope.mac.toUpperCase() }, keys, 'aes-256-cbc')).toBe(null)
    expect(open({ ...envelope, mac: `${envelope.mac}0` }, keys, 'aes-256-cbc')).toBe(null)
    expect(open({ ...envelope, mac: `0${envelope.mac}` }, keys, 'aes-256-cbc')).toBe(null)
    expect(open({ ...envelope, tag: 'AAAA' }, keys, 'aes-256-cbc')).toBe(null)
    const gcm = sealed('hello', keys[0] as Buffer, 'aes-256-gcm')
    expect(open({ ...gcm, tag: base64(Buffer.from(gcm.tag, 'base64').subarray(0, 12)) }, keys, 'aes-256-gcm')).toBe(
      null,
    )
  })

  it('with the right MAC and the wrong padding or iv is null, and no error', () => {
    const secret = key('n', 32)
    const macOf = (iv: string, value: string) =>
      createHmac('sha256', secret)
        .update(iv + value)
        .digest('hex')
    const [iv, short, value] = [base64(Buffer.alloc(16)), base64(Buffer.alloc(8)), base64(Buffer.alloc(15))]
    expect(open({ iv, value, mac: macOf(iv, value) }, [secret], 'aes-256-cbc')).toBe(null)
    expect(open({ iv: short, value, mac: macOf(short, value) }, [secret], 'aes-256-cbc')).toBe(null)
  })

  it('has one spelling', () => {
    const secret = key('n', 32)
    const json = JSON.stringify(sealed('hello', secret, 'aes-256-cbc'))
    // White space at the end of JSON, until its base64 is padded.
    const text = [json, `${json} `].map((each) => base64(each)).find((each) => each.endsWith('=')) ?? ''
    const opened = (spelt: string) => openEnvelope(spelt, [secret], 'aes-256-cbc')
    expect(String(opened(text))).toBe('hello')
    for (const spelt of [text.replaceAll('=', ''), `${text.slice(0, 8)}\n${text.slice(8)}`, ` ${text}`, `${text}\n`])
      expect(opened(spelt)).toBe(null)
  })

  it.each(['', 'e30', 'e30=', '{}', 'AAA', 'AAAA=', 'bnVsbA==', 'W10=', ' e30=', 'e30=\n'])('is none as %j', (text) => {
    expect(openEnvelope(text, [key('n', 32)], 'aes-256-cbc')).toBe(null)
  })

  it('names the cookie that it was made for', () => {
    const keys = [key('n', 32), key('o', 32)]
    const proof = (name: string, secret = keys[0] as Buffer) =>
      createHmac('sha1', secret).update(`${name}v2`).digest('hex')
    const value = (text: string) => cookieValue(Buffer.from(text), 'session', keys)
    expect(value(`${proof('session')}|a|b`)).toBe('a|b')
    expect(value(`${proof('session', keys[1])}|x`)).toBe('x')
    expect(value(`${proof('session')}|`)).toBe('')
    expect(value(`${proof('other')}|x`)).toBe(null)
    expect(value(`${proof('session', key('x', 32))}|x`)).toBe(null)
    expect(value(`${proof('session')}x`)).toBe(null)
    expect(value('|x')).toBe(null)
    expect(value('')).toBe(null)
    expect(cookieValue(Buffer.from(`${proof('session')}|\xe9`, 'latin1'), 'session', keys)).toBe('\xe9')
  })
})

describe('a webhook', () => {
  const NOW_MS = 1_800_000_000_400
  const key = Uint8Array.from({ length: 32 }, (_, i) => i)
  const secret = `whsec_${Buffer.from(key).toString('base64')}`
  /** As the code under test makes them; within a test, since what it throws elsewhere is nobody's failure. */
  const made = () => signedHeaders([key], 'body', NOW_MS)
  type Changed = Record<string, string | string[] | undefined>
  const verify = (changed: Changed = {}, body = 'body', of: unknown = secret, headers: Changed = made()) =>
    verifyWebhook(of as string, { ...headers, ...changed } as Record<string, string>, body, { now: () => NOW_MS })

  it('verifies as it was signed', () => {
    const headers = made()
    expect(verify({}, 'body', secret, headers)).toEqual({ id: headers['webhook-id'], timestamp: 1_800_000_000 })
    expect(headers['webhook-id']).toMatch(/^msg_[\w-]{24}$/)
    expect(signedHeaders([key], 'body', NOW_MS)['webhook-id']).not.toBe(headers['webhook-id'])
    expect(headers['webhook-signature']).toBe(signatureOf(key, headers['webhook-id'], 1_800_000_000, 'body'))
    expect(verifyWebhook(key, made(), Buffer.from('body'), { now: () => NOW_MS })).not.toBe(null)
  })

  it('has the signature of Standard Webhooks', () => {
    // The example of https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
    const bytes = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
    expect(signatureOf(bytes, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    )
  })

  it('verifies by any of the secrets and any of the signatures', () => {
    const other = randomBytes(32)
    expect(verify({}, 'body', [other, secret])).not.toBe(null)
    expect(verify({}, 'body', [other])).toBe(null)
    const both = signedHeaders([other, key], 'body', NOW_MS)
    expect(both['webhook-signature'].split(' ')).toHaveLength(2)
    expect(verify({ ...both })).not.toBe(null)
    const headers = made()
    expect(verify({ 'webhook-signature': `v2,x ${headers['webhook-signature']}` }, 'body', secret, headers)).not.toBe(
      null,
    )
  })

  it.each<[string, (headers: ReturnType<typeof made>) => Changed]>([
    ['another id', () => ({ 'webhook-id': 'msg_other' })],
    ['another moment', () => ({ 'webhook-timestamp': '1800000001' })],
    ['no id', () => ({ 'webhook-id': undefined })],
    ['no moment', () => ({ 'webhook-timestamp': undefined })],
    ['no signature', () => ({ 'webhook-signature': undefined })],
    ['two signatures', (headers) => ({ 'webhook-signature': [headers['webhook-signature']] })],
    ['an empty signature', () => ({ 'webhook-signature': '' })],
    ['half a signature', (headers) => ({ 'webhook-signature': headers['webhook-signature'].slice(0, -1) })],
    ['a moment that is none', () => ({ 'webhook-timestamp': '1800000000.0' })],
    ['a moment of 13 digits', () => ({ 'webhook-timestamp': '0001800000000' })],
    ['a moment with a space', () => ({ 'webhook-timestamp': ' 1800000000' })],
    [
      'no id, signed as if it were called undefined',
      () => ({ 'webhook-id': undefined, 'webhook-signature': signatureOf(key, 'undefined', 1_800_000_000, 'body') }),
    ],
  ])('does not verify with %s', (_what, change) => {
    const headers = made()
    expect(verify(change(headers), 'body', secret, headers)).toBe(null)
  })

  it('does not verify with another body', () => expect(verify({}, 'bodx')).toBe(null))

  it('reads signatures of up to 1,024 characters', () => {
    const headers = made()
    const padded = (length: number) => ({
      'webhook-signature': `${headers['webhook-signature']} `.padEnd(length, 'x'),
    })
    expect(verify(padded(1024), 'body', secret, headers)).not.toBe(null)
    expect(verify(padded(1025), 'body', secret, headers)).toBe(null)
  })

  it('verifies within the tolerance, either way, its very border included', () => {
    const at = (offsetMs: number, toleranceSeconds?: number) =>
      verifyWebhook(secret, made(), 'body', {
        now: () => 1_800_000_000_000 + offsetMs,
        ...(toleranceSeconds === undefined ? {} : { toleranceSeconds }),
      }) !== null
    expect([-300_001, -300_000, 300_000, 300_001].map((offset) => at(offset))).toEqual([false, true, true, false])
    expect([at(5_000, 5), at(5_001, 5), at(0, Number.NaN)]).toEqual([true, false, false])
    expect(verifyWebhook(secret, signedHeaders([key], 'body', Date.now()), 'body')).not.toBe(null)
  })

  it('takes secrets of 32 bytes and more, up to eight of them', () => {
    const bytesOf = (given: unknown) => keysOf(given).map((one) => [...one])
    expect(bytesOf(secret)).toEqual([[...key]])
    expect(bytesOf([secret, key])).toEqual([[...key], [...key]])
    expect(keysOf(Array(8).fill(key))).toHaveLength(8)
    for (const length of [33, 34, 64]) {
      const longer = randomBytes(length)
      expect(bytesOf(`whsec_${longer.toString('base64')}`)).toEqual([[...longer]])
    }
    const [copy] = keysOf(key)
    expect(copy).not.toBe(key)
  })

  it.each([
    ['none', []],
    ['nine', Array(9).fill(secret)],
    ['text without the prefix', secret.slice(6)],
    ['text with another prefix', secret.replace('whsec_', 'whsk_')],
    ['31 bytes', key.slice(1)],
    ['31 bytes in text', `whsec_${Buffer.from(key.slice(1)).toString('base64')}`],
    ['one byte 32 times', new Uint8Array(32).fill(7)],
    ['what is no base64', `${secret.slice(0, -2)}!=`],
    ['something else after base64', `${secret}!`],
    ['base64 after something else', `whsec_!${secret.slice(6)}`],
    ['the other alphabet', `whsec_${'-_'.repeat(22)}`],
    ['a number', 5],
    ['nothing', undefined],
    ['an empty text', ''],
    ['one good and one bad', [secret, '']],
  ])('refuses %s as a secret', (_what, wrong) => {
    expect(() => keysOf(wrong)).toThrow(TypeError)
    expect(() => keysOf(wrong)).toThrow(
      '"secret" must be "whsec_" and at least 32 random bytes in base64, such bytes, or an array of these',
    )
  })
})
