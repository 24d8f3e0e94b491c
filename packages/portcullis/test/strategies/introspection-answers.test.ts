/** What an introspection endpoint may answer instead of an answer. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Handshake } from 'portcullis'
import { afterEach, describe, expect, it } from 'vitest'
import { keys, outcome, start } from '../harness.ts'
import {
  active,
  expectHidden,
  json,
  present,
  type Respond,
  raw,
  refusal,
  TOKEN,
  useEndpoint,
} from './introspection-fixtures.ts'
import { backend, selfSigned } from './webhook-fixtures.ts'

const endpoint = useEndpoint()
const good = JSON.stringify(active())
const unavailable = (reason: string) => ['AUTH_UNAVAILABLE', reason] as const

/** Answers that never end; cut off after the test. */
const open: ServerResponse[] = []
afterEach(() => {
  for (const response of open.splice(0)) response.destroy()
})
const silent: Respond = (_asked, response) => open.push(response)

describe('refuses with AUTH_UNAVAILABLE', () => {
  it.each([
    ['nothing', ''],
    ['HTML', '<!doctype html><title>Sign in</title>'],
    ['an array', `[${good}]`],
    ['null', 'null'],
    ['true', 'true'],
    ['no active', JSON.stringify(active({ active: undefined }))],
    ['active "true"', JSON.stringify(active({ active: 'true' }))],
    ['active 1', JSON.stringify(active({ active: 1 }))],
    ['active null', JSON.stringify(active({ active: null }))],
    ['active twice', good.replace('{', '{"active":false,')],
    ['active twice, once escaped', good.replace('{', '{"\\u0061ctive":false,')],
    ['sub twice', good.replace('{', '{"sub":"user-1",')],
    ['a byte order mark', `\uFEFF${good}`],
    ['two documents', good + good],
    ['a document cut off', good.slice(0, -1)],
    ['nesting 20,000 deep', `{"active":true,"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    ['invalid UTF-8', Buffer.from(good.replace('user-42', 'user-\xff'), 'latin1')],
  ])('I01: %s, which is no answer', async (_what, body) => {
    endpoint.answer = raw(body)
    const error = await refusal(endpoint.strategy(), unavailable('answer_malformed'))
    expect([error.status, error.retry]).toEqual([503, 'backoff'])
  })

  it.each([100, 201, 204, 206, 301, 302, 303, 307, 308, 403, 404, 405, 429, 500, 502, 503])(
    'I01: F7: status %i, whatever the body says',
    async (status) => {
      endpoint.answer = (_asked, response) => {
        if (status === 100) response.writeContinue(() => response.writeHead(599).end(good))
        else response.writeHead(status, { location: `${endpoint.url}/elsewhere` }).end(good)
      }
      await refusal(endpoint.strategy(), unavailable('status'))
      // A redirect is not followed.
      expect(endpoint.asked).toHaveLength(1)
    },
  )

  it('I01: 400 with an error that is not about the kind of token', async () => {
    endpoint.answer = json({ error: 'invalid_request' }, 400)
    await refusal(endpoint.strategy(), unavailable('status'))
  })

  it('I01: more than 64 KiB, announced or not', async () => {
    const huge = good.replace('{', `{"a":"${'x'.repeat(65_536)}",`)
    endpoint.answer = raw(huge)
    await refusal(endpoint.strategy(), unavailable('too_large'))
    endpoint.answer = (_asked, response) => {
      response.write(huge.slice(0, 10))
      response.end(huge.slice(10))
    }
    await refusal(endpoint.strategy(), unavailable('too_large'))
  })

  it('I01: a compressed answer, which was not asked for', async () => {
    endpoint.answer = raw(gzipSync(good), 200, { 'content-encoding': 'gzip' })
    await refusal(endpoint.strategy(), unavailable('encoding'))
  })

  it('I01: an answer that breaks off', async () => {
    endpoint.answer = (_asked, response) => {
      response.writeHead(200, { 'content-length': String(good.length + 1) })
      response.write(good, () => response.destroy())
    }
    await refusal(endpoint.strategy(), unavailable('truncated'))
  })

  it('I01: something that is not HTTP', async () => {
    const server = createTcpServer((socket) => {
      // Read, or the socket would never see its end.
      socket
        .on('error', () => undefined)
        .resume()
        .end('220 mail.example ESMTP\r\n')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    await refusal(endpoint.strategy({ endpoint: url }), unavailable('answer_malformed'))
    await new Promise((resolve) => server.close(resolve))
  })

  it('F7: no server', async () => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    await new Promise((resolve) => server.close(resolve))
    await refusal(endpoint.strategy({ endpoint: url }), unavailable('connect'))
  })

  it('F7: within a second when nothing comes, and within timeoutMs when that is shorter', async () => {
    endpoint.answer = silent
    for (const [options, limitMs] of [
      [{}, 1000],
      [{ timeoutMs: 50 }, 50],
    ] as const) {
      const startedAt = performance.now()
      await refusal(endpoint.strategy(options), unavailable('timeout'))
      const tookMs = performance.now() - startedAt
      expect(tookMs).toBeGreaterThan(limitMs - 10)
      // On a busy machine a timer is late.
      expect(tookMs).toBeLessThan(limitMs + 700)
    }
  })

  it('F7: within timeoutMs when the answer trickles', async () => {
    endpoint.answer = (_asked, response) => {
      open.push(response)
      response.write(good.slice(0, -1))
      const timer = setInterval(() => response.write(' '), 10)
      response.on('close', () => clearInterval(timer))
    }
    await refusal(endpoint.strategy({ timeoutMs: 100 }), unavailable('timeout'))
  })
})

describe('a server that answers 400', () => {
  it('unsupported_token_type has said that this is no token of its', async () => {
    endpoint.answer = json({ error: 'unsupported_token_type' }, 400)
    await refusal(endpoint.strategy(), ['AUTH_CREDENTIAL_INVALID', 'unsupported_token_type'])
    endpoint.answer = json({ error: 'unsupported_token_type' }, 403)
    await refusal(endpoint.strategy(), unavailable('status'))
  })

  it('to the tokens of one sender is asked about those of others all the same', async () => {
    const strategy = endpoint.strategy()
    const bad: Respond = json({ error: 'invalid_request' }, 400)
    endpoint.answer = ((asked, response) =>
      (asked.form.get('token') === TOKEN ? json(active()) : bad)(asked, response)) satisfies Respond
    for (let i = 0; i < 20; i += 1) await refusal(strategy, unavailable('status'), `odd-token-${i}`)
    expect(await present(strategy)).not.toBeNull()
  })

  it('with 5xx instead is left alone for a while, and then asked again', async () => {
    const strategy = endpoint.strategy()
    endpoint.answer = json({}, 500)
    for (let i = 0; i < 5; i += 1) await refusal(strategy, unavailable('status'))
    const error = await refusal(strategy, unavailable('breaker_open'))
    expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1)
    expect(endpoint.asked).toHaveLength(5)
  })
})

describe('the connection', () => {
  it('is kept, and made anew when the server closed it between two questions', async () => {
    const strategy = endpoint.strategy()
    await present(strategy)
    endpoint.answer = (asked, response) => {
      if (endpoint.asked.length === 2) response.socket?.destroy()
      else json(active())(asked, response)
    }
    expect(await present(strategy)).not.toBeNull()
    expect(endpoint.asked).toHaveLength(3)
  })

  it('over TLS is made only to a server that a trusted authority vouches for', async () => {
    const certificate = selfSigned()
    const { origin, requests } = await backend((_request, response) => response.end(good), certificate)
    await refusal(endpoint.strategy({ endpoint: origin }), unavailable('tls'))
    expect(requests).toEqual([])
    expect(await present(endpoint.strategy({ endpoint: origin, ca: certificate.cert }))).not.toBeNull()
  })

  it('is one of maxConcurrent: more questions wait, and beyond maxQueued are AUTH_UNAVAILABLE at once', async () => {
    endpoint.answer = silent
    const strategy = endpoint.strategy({ maxConcurrent: 1, maxQueued: 0, timeoutMs: 200 })
    const first = present(strategy, 'token-1').catch((error: unknown) => error)
    await refusal(strategy, unavailable('busy'), 'token-2')
    expect(await first).toMatchObject({ reason: 'timeout' })
  })
})

describe('on a real server, while the endpoint hangs', () => {
  it('F7: handshakes are answered 503 within a second, and other strategies answer as ever', async () => {
    endpoint.answer = silent
    // A header of its own, so that the bearer tokens are the other strategy's.
    const source = { in: 'header', name: 'x-token', ambient: false } as const
    const read = ({ headers }: Handshake) => (typeof headers['x-token'] === 'string' ? headers['x-token'] : null)
    const strategy = endpoint.strategy({ from: [{ ...source, read }] })
    const records = new Map([['alice-key', { subject: 'alice' }]])
    const server = await start({
      strategies: [strategy as never, keys(records)],
    })
    server.auth.protect(server.io.of('/'), { events: {} })
    const startedAt = performance.now()
    let answered = 0
    const hanging = Array.from({ length: 20 }, async (_, i) => {
      const headers = { 'x-token': `hanging-token-${i}` }
      const answer = await server.get('/socket.io/?EIO=4&transport=polling', headers)
      answered += 1
      return answer
    })
    const alice = server.client('/', { auth: { token: 'alice-key' } })
    expect(await outcome(alice)).toBeNull()
    expect(answered).toBe(0)
    for (const { status, body, headers } of await Promise.all(hanging)) {
      expect(status).toBe(503)
      expect(JSON.parse(body)).toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff' })
      expectHidden(body + JSON.stringify(headers), ['hanging-token'])
    }
    expect(performance.now() - startedAt).toBeLessThan(2000)
    expectHidden(JSON.stringify([server.audit, server.errors]), ['hanging-token'])
  })
})
