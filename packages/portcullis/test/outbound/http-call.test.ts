import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { AuthError } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { checkedLookup } from '../../src/outbound/address.ts'
import { createExchange } from '../../src/outbound/exchange.ts'
import { createHttpCall } from '../../src/outbound/http-call.ts'
import { settingsOf } from '../../src/outbound/options.ts'
import { backend, duration, failure, rawBackend } from '../strategies/webhook-fixtures.ts'

const POST = { method: 'POST', body: '{"credential":"hidden-credential"}' } as const
const HIDDEN = ['hidden-credential', 'hidden-query', 'hidden-header']

describe('a call', () => {
  it('sends method, headers and body, and gives status, headers and bytes', async () => {
    const { origin, requests } = await backend((_request, response) => {
      response.writeHead(418, { 'x-answer': 'yes' })
      response.end('teapot')
    })
    const call = createHttpCall({ url: `${origin}/hook?hidden-query` })
    const { status, headers, body } = await call({ ...POST, headers: { 'x-mine': '1' } })
    expect([status, headers['x-answer'], Buffer.from(body).toString()]).toEqual([418, 'yes', 'teapot'])
    const [seen] = requests
    expect([seen?.request.method, seen?.request.url, seen?.request.headers['x-mine']]).toEqual([
      'POST',
      '/hook?hidden-query',
      '1',
    ])
    expect(seen?.request.headers['accept-encoding']).toBe('identity')
    expect(seen?.body.toString()).toBe(POST.body)
  })

  it('keeps its connection for the next one', async () => {
    const { origin, connections } = await backend((_request, response) => response.end('ok'))
    const call = createHttpCall({ url: origin })
    for (let i = 0; i < 5; i += 1) await call(POST)
    expect(connections()).toBe(1)
  })

  it('gives what read makes of the answer, and throws what read throws', async () => {
    const { origin } = await backend((_request, response) => response.end('7'))
    const call = createHttpCall({ url: origin })
    expect(await call(POST, ({ body }) => Number(Buffer.from(body).toString()))).toBe(7)
    const refuse = () => {
      throw new AuthError('AUTH_FORBIDDEN', { reason: 'no' })
    }
    await failure(call(POST, refuse), ['AUTH_FORBIDDEN', 'no'])
  })

  it('throws AUTH_ERROR without a request when a header cannot be written', async () => {
    const { origin, requests } = await backend((_request, response) => response.end('ok'))
    const call = createHttpCall({ url: origin })
    await failure(
      call({ ...POST, headers: { 'x-bad': 'hidden-header\n' } }),
      ['AUTH_ERROR', 'request_malformed'],
      HIDDEN,
    )
    expect([requests.length, call.state().inFlight]).toEqual([0, 0])
  })

  it('does not keep the process alive once it is answered', async () => {
    const { origin, connections } = await rawBackend((socket) => {
      // The other end is in this process too.
      socket.unref()
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
    })
    const alive = (kind: string) => process.getActiveResourcesInfo().filter((name) => name === kind).length
    const timers = alive('Timeout')
    const call = createHttpCall({ url: origin })
    await call({ method: 'GET' })
    expect(alive('Timeout')).toBe(timers)
    // Those of other tests close soon; an idle one that holds the process would stay for 4 s.
    await expect.poll(() => alive('TCPSocketWrap')).toBe(0)
    await call({ method: 'GET' })
    expect(connections()).toBe(1)
  })
})

describe('W02: the deadline', () => {
  it('W02: ends a call that gets no answer, and its connection', async () => {
    const { origin, idle } = await rawBackend(() => {})
    const call = createHttpCall({ url: `${origin}/?hidden-query`, timeoutMs: 100 })
    await failure(
      call({ ...POST, headers: { authorization: 'hidden-header' } }),
      ['AUTH_UNAVAILABLE', 'timeout'],
      HIDDEN,
    )
    await idle()
  })

  it('W02: counts to the last byte: headers after 0.9 s and a body that drips fail at 1 s, socket destroyed', async () => {
    const { origin, idle } = await rawBackend((socket) => {
      setTimeout(() => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n')
        const drip = setInterval(() => socket.write('{'), 50)
        socket.on('close', () => clearInterval(drip))
      }, 900)
    })
    const call = createHttpCall({ url: origin })
    const took = await duration(failure(call(POST), ['AUTH_UNAVAILABLE', 'timeout']))
    expect(took).toBeGreaterThan(950)
    expect(took).toBeLessThan(1900)
    await idle()
  })

  it('W02: nothing is sent once it has passed', async () => {
    const { origin, connections } = await backend((_request, response) => response.end())
    const exchange = createExchange(settingsOf({ url: origin }), checkedLookup(false))
    const outcome = await exchange({ method: 'GET' }, AbortSignal.abort(), false)
    expect([outcome, connections()]).toEqual([{ reason: 'timeout', code: '', stale: false }, 0])
  })

  it('W02: an endless run of 1xx answers does not move it', async () => {
    const { origin, idle } = await rawBackend((socket) => {
      const drip = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 10)
      socket.on('close', () => clearInterval(drip))
    })
    await failure(createHttpCall({ url: origin, timeoutMs: 200 })(POST), ['AUTH_UNAVAILABLE', 'timeout'])
    await idle()
  })
})

describe('an answer that is none', () => {
  const answers: readonly [name: string, bytes: string, reason: string][] = [
    [
      'W01: shorter than its content-length',
      'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"permit":true}',
      'truncated',
    ],
    ['W01: chunks without the last', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n', 'truncated'],
    ['W01: a head that breaks off', 'HTTP/1.1 200 OK\r\nconte', 'reset'],
    ['W01: nothing', '', 'reset'],
    ['W01: no HTTP', 'hidden-credential\r\n\r\n', 'answer_malformed'],
    ['W01: two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}', 'answer_malformed'],
    ['W01: an upgrade', 'HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n', 'reset'],
    ['W12: a declared length above the cap', 'HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n{', 'too_large'],
    ['W12: a coded body', 'HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n{}', 'encoding'],
    ['W12: 1 MiB of headers', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(1_048_576)}\r\n\r\n`, 'answer_malformed'],
  ]
  for (const [name, bytes, reason] of answers) {
    it(`${name} is AUTH_UNAVAILABLE, and shows in no error`, async () => {
      const { origin, idle } = await rawBackend((socket) => socket.end(bytes))
      const call = createHttpCall({ url: `${origin}/?hidden-query` })
      await failure(call(POST), ['AUTH_UNAVAILABLE', reason], HIDDEN)
      expect(call.state()).toEqual({ breaker: 'closed', inFlight: 0, waiting: 0 })
      await idle()
    })
  }

  it('W12: an endless body is cut off at 64 KiB, and the connection closed', async () => {
    let sent = 0
    const { origin, idle } = await rawBackend((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      const more = () => {
        if (socket.destroyed) return
        sent += 1024
        socket.write(`400\r\n${'a'.repeat(1024)}\r\n`)
        setImmediate(more)
      }
      more()
    })
    await failure(createHttpCall({ url: origin })(POST), ['AUTH_UNAVAILABLE', 'too_large'])
    await idle()
    expect(sent).toBeLessThan(8_388_608)
  })

  it('W12: exactly 64 KiB is an answer', async () => {
    const { origin } = await backend((_request, response) => response.end('a'.repeat(65_536)))
    expect((await createHttpCall({ url: origin })(POST)).body.byteLength).toBe(65_536)
  })

  it('W12: a gzip bomb is refused unread', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    const { origin } = await backend((_request, response) => {
      response.setHeader('content-encoding', 'gzip')
      response.end(bomb)
    })
    const call = createHttpCall({ url: origin })
    const before = process.memoryUsage().arrayBuffers
    await failure(call(POST), ['AUTH_UNAVAILABLE', 'encoding'])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_048_576)
  })
})

describe('W03: redirects', () => {
  it('W03: 301, 302, 303, 307 and 308 are answers like others, and nobody is called', async () => {
    const canary = await backend((_request, response) => response.end('{"permit":true}'))
    for (const status of [301, 302, 303, 307, 308]) {
      const { origin } = await backend((_request, response) => {
        response.writeHead(status, { location: `${canary.origin}/` })
        response.end()
      })
      expect((await createHttpCall({ url: origin })(POST)).status).toBe(status)
    }
    expect(canary.connections()).toBe(0)
  })
})

describe('W09: a kept connection that was closed meanwhile', () => {
  /** Answers `good` requests of a connection, then destroys it at the next. */
  const closing = (good: number, onClosed: (socket: Socket) => void = (socket) => socket.resetAndDestroy()) => {
    let requests = 0
    const perSocket = new WeakMap<object, number>()
    return {
      requests: () => requests,
      server: rawBackend((socket) => {
        requests += 1
        const served = (perSocket.get(socket) ?? 0) + 1
        perSocket.set(socket, served)
        if (served > good) return onClosed(socket)
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      }),
    }
  }

  it('W09: is replaced once, for a request that may be repeated', async () => {
    const { server, requests } = closing(1)
    const { origin, connections } = await server
    const call = createHttpCall({ url: origin })
    await call({ ...POST, idempotent: true })
    expect((await call({ ...POST, idempotent: true })).status).toBe(200)
    expect([connections(), requests()]).toEqual([2, 3])
  })

  it('W09: is a failure for a request that may not be repeated', async () => {
    const { server, requests } = closing(1)
    const call = createHttpCall({ url: (await server).origin })
    await call(POST)
    await failure(call(POST), ['AUTH_UNAVAILABLE', 'reset'])
    expect(requests()).toBe(2)
  })

  it('W09: a new connection that is reset is not tried again', async () => {
    const { server, requests } = closing(0)
    await failure(createHttpCall({ url: (await server).origin })({ ...POST, idempotent: true }), [
      'AUTH_UNAVAILABLE',
      'reset',
    ])
    expect(requests()).toBe(1)
  })

  it('W09: is tried at most once more', async () => {
    let answer = true
    let requests = 0
    const { origin } = await rawBackend((socket) => {
      requests += 1
      if (answer) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      else socket.resetAndDestroy()
    })
    const call = createHttpCall({ url: origin })
    await Promise.all([1, 2, 3].map(() => call(POST)))
    answer = false
    await failure(call({ ...POST, idempotent: true }), ['AUTH_UNAVAILABLE', 'reset'])
    expect(requests).toBe(5)
  })

  it('W09: is not replaced once a byte of the answer came', async () => {
    const { server, requests } = closing(1, (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'))
    const call = createHttpCall({ url: (await server).origin })
    await call({ ...POST, idempotent: true })
    await failure(call({ ...POST, idempotent: true }), ['AUTH_UNAVAILABLE', 'truncated'])
    expect(requests()).toBe(2)

    const head = 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'
    const hard = closing(1, (socket) => socket.write(head, () => socket.resetAndDestroy()))
    const other = createHttpCall({ url: (await hard.server).origin })
    await other({ ...POST, idempotent: true })
    const { reason } = await failure(other({ ...POST, idempotent: true }), ['AUTH_UNAVAILABLE'])
    // A reset may overtake the bytes before it; then nothing of an answer was seen.
    expect(hard.requests()).toBe(reason === 'truncated' ? 2 : 3)
  })

  it('W09: is replaced by a new one, and not by another that was kept', async () => {
    const { server } = closing(1)
    const { origin, connections } = await server
    const call = createHttpCall({ url: origin })
    await Promise.all([call(POST), call(POST)])
    expect((await call({ ...POST, idempotent: true })).status).toBe(200)
    expect(connections()).toBe(3)
  })

  it('W09: does not get more time', async () => {
    let requests = 0
    const { origin, idle } = await rawBackend((socket) => {
      requests += 1
      if (requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      if (requests === 2) socket.resetAndDestroy()
    })
    const call = createHttpCall({ url: origin, timeoutMs: 200 })
    await call(POST)
    const again = failure(call({ ...POST, idempotent: true }), ['AUTH_UNAVAILABLE', 'timeout'])
    expect(await duration(again)).toBeLessThan(2000)
    expect(requests).toBe(3)
    await idle()
  })

  it('W09: is closed from this end when nobody used it for 4 s', async () => {
    const { origin, idle } = await rawBackend((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
    await createHttpCall({ url: origin })(POST)
    await idle()
  })
})
