/** One connection: until when nobody has to admit it, what it may fail at, and what is taken out of what others log of it. */

import { EventEmitter } from 'node:events'
import type { Socket } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { AuthError } from '../../src/errors.ts'
import {
  type Admission,
  armDeadline,
  closeSoon,
  countFailure,
  createConnection,
  discardRequest,
  type EngineSocket,
  isIdle,
  without,
} from '../../src/server/connection.ts'
import type { EngineRequest } from '../../src/server/handshake-view.ts'
import { resolveLimits } from '../../src/server/limits.ts'
import { createRedaction } from '../../src/server/redact.ts'
import { allowQuery, fromAuth, fromAuthorization, fromCookie } from '../../src/strategies/from.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { handshakeOf } from '../../src/testing/handshake.ts'

function connected({ secure = false } = {}) {
  const events = new EventEmitter()
  let closes = 0
  const engineSocket = Object.assign(events, {
    id: 'e',
    request: { headers: {} } as object,
    close: () => {
      closes += 1
    },
  }) as unknown as EngineSocket
  const handshake = handshakeOf({ address: '192.0.2.1', secure })
  return {
    connection: createConnection(engineSocket, { handshake } as Admission),
    engineSocket,
    listening: () => events.listenerCount('data'),
    data: (frame: unknown = '2["news"]') => events.emit('data', frame),
    closes: () => closes,
  }
}

describe('a connection', () => {
  it('is idle while no namespace has a socket of it and it stands', () => {
    const { connection } = connected()
    expect(isIdle(connection)).toBe(true)
    expect(isIdle({ ...connection, connected: 1 })).toBe(false)
    expect(isIdle({ ...connection, deferred: ['/chat'] })).toBe(false)
    expect(isIdle({ ...connection, closed: true })).toBe(false)
    connection.cancelDeadline()
  })

  it('knows its namespaces, each by its name', () => {
    expect(without(['/a', '/b'], '/a')).toEqual(['/b'])
    expect(without(['/a'], '/b')).toEqual(['/a'])
    expect(without(['/a'], '/a')).toEqual([])
    expect(without(['/a'], '/a')).toBe(without(['/b'], '/b'))
  })

  it('is closed at its time, and not before', async () => {
    const { connection, closes } = connected()
    const clock = fakeClock()
    armDeadline(connection, resolveLimits({ connectTimeoutMs: 50 }), clock)
    await clock.advance(49)
    expect(closes()).toBe(0)
    await clock.advance(1)
    expect(closes()).toBe(1)
    armDeadline(connection, resolveLimits(), clock, 5)
    await clock.advance(5)
    expect(closes()).toBe(2)
  })

  it('is closed after so many packets', () => {
    const { connection, data, closes } = connected()
    armDeadline(connection, resolveLimits({ maxPacketsBeforeConnect: 2 }), fakeClock())
    for (let i = 0; i < 2; i += 1) data()
    expect(closes()).toBe(0)
    data()
    expect(closes()).toBe(1)
  })

  it('is closed at the first frame that announces attachments, unless a namespace waits for its credential', () => {
    for (const [frame, expected] of [
      ['51-["a",{"_placeholder":true,"num":0}]', 1],
      ['61-[]', 1],
      ['2["5"]', 0],
      [Buffer.from('5'), 0],
    ] as const) {
      const waiting = connected()
      waiting.connection.deferred = ['/chat']
      const { connection, data, closes } = connected()
      for (const each of [connection, waiting.connection]) armDeadline(each, resolveLimits(), fakeClock())
      data(frame)
      waiting.data(frame)
      expect([closes(), waiting.closes()]).toEqual([expected, 0])
    }
  })

  it('keeps nothing of the request that opened it but whether it was secure', () => {
    for (const secure of [false, true]) {
      const { connection, engineSocket } = connected({ secure })
      discardRequest(connection)
      expect(engineSocket.request).toEqual({ headers: {}, url: '', _query: {}, connection: { encrypted: secure } })
    }
  })

  it('is not closed once it was admitted, and has one deadline at a time', async () => {
    const { connection, data, closes, listening } = connected()
    const clock = fakeClock()
    const limits = resolveLimits({ maxPacketsBeforeConnect: 1 })
    for (let i = 0; i < 3; i += 1) armDeadline(connection, limits, clock)
    expect([clock.pending, listening()]).toEqual([1, 1])
    for (let i = 0; i < 2; i += 1) connection.cancelDeadline()
    expect([clock.pending, listening()]).toEqual([0, 0])
    for (let i = 0; i < 5; i += 1) data()
    await clock.advance(60_000)
    expect(closes()).toBe(0)
  })

  it('is closed after so many failures, each of which counts against its address', async () => {
    const { connection, closes } = connected()
    const failed: string[] = []
    const throttle = {
      handshake: async () => {},
      check: async () => {},
      failed: async (address: string) => {
        failed.push(address)
        throw new Error('not counted')
      },
    }
    const fail = (error: AuthError) =>
      countFailure(connection, error, { limits: resolveLimits({ maxConnectFailures: 2 }), throttle })
    fail(new AuthError('AUTH_RATE_LIMITED'))
    await new Promise(setImmediate)
    expect([connection.failures, failed, closes()]).toEqual([1, [], 0])
    fail(new AuthError('AUTH_FORBIDDEN'))
    expect([failed, closes()]).toEqual([['192.0.2.1'], 0])
    await new Promise(setImmediate)
    expect(closes()).toBe(1)
    closeSoon(connection)
    expect(closes()).toBe(1)
    await new Promise(setImmediate)
    expect(closes()).toBe(2)
  })
})

describe('what is logged of a connection', () => {
  const redaction = () =>
    createRedaction([
      fromAuthorization(),
      fromCookie('sid'),
      fromCookie('key'),
      allowQuery('token'),
      allowQuery('a b'),
      fromAuth('ticket'),
    ])
  const urlOf = (url: string | undefined, of = redaction()) => {
    const request = { url, _query: { token: 't', EIO: '4' } } as unknown as EngineRequest
    of.request(request)
    return [request.url, request._query]
  }

  it.each([
    ['/socket.io/?token=secret&EIO=4', '/socket.io/?token=redacted&EIO=4'],
    ['/socket.io/?EIO=4&tok%65n=secret', '/socket.io/?EIO=4&tok%65n=redacted'],
    ['/?token=a=b&token=c', '/?token=redacted&token=redacted'],
    ['/?a+b=secret&a%20b=secret&ab=x', '/?a+b=redacted&a%20b=redacted&ab=x'],
    ['/?tokens=x&other', '/?tokens=x&other'],
    ['/?token', '/?token=redacted'],
    ['/token=secret', '/token=secret'],
    ['/?', '/?'],
    ['?token=secret', '?token=redacted'],
  ])('has no credential in its URL: %s', (url, redacted) => {
    expect(urlOf(url)).toEqual([redacted, { EIO: '4' }])
  })

  it('is left as it is where nothing is read from the query', () => {
    const none = createRedaction([fromAuthorization()])
    expect(urlOf('/?token=secret', none)).toEqual(['/?token=secret', { token: 't', EIO: '4' }])
    expect(urlOf(undefined)).toEqual([undefined, { token: 't', EIO: '4' }])
    const request = { url: '/?token=x' } as EngineRequest
    redaction().request(request)
    expect(request.url).toBe('/?token=redacted')
  })

  function handshakeAfter(
    headers: Record<string, string>,
    {
      protocol = 4,
      of = redaction(),
      auth = {},
    }: { protocol?: number; of?: ReturnType<typeof redaction>; auth?: Record<string, unknown> } = {},
  ) {
    const handshake = { headers, auth }
    of.socket({ handshake, conn: { protocol } } as unknown as Socket)
    return handshake
  }

  it.each([
    ['sid=secret', undefined],
    ['a=1; sid=secret; b=2', 'a=1; b=2'],
    ['sid=secret;key=secret;c=3', 'c=3'],
    [' sid =secret; d=4', 'd=4'],
    ['sid', undefined],
    ['e=sid=5', 'e=sid=5'],
  ])('has no credential in its cookies: %s', (cookie, others) => {
    expect(handshakeAfter({ cookie, host: 'h' }).headers).toEqual(
      others === undefined ? { host: 'h' } : { host: 'h', cookie: others },
    )
  })

  it('has no credential in its headers and its auth', () => {
    const headers = { authorization: 'Bearer secret', host: 'h' }
    const after = handshakeAfter(headers, { auth: { ticket: 'secret', token: 't' } })
    expect(after).toEqual({ headers: { host: 'h' }, auth: { token: 't' } })
    expect(headers).toHaveProperty('authorization')
  })

  it('has no credential in what clients of protocol 3 say of their query', () => {
    const auth = { token: 'secret', ticket: 'secret', other: 'o' }
    expect(handshakeAfter({}, { protocol: 3, auth }).auth).toEqual({ other: 'o' })
  })

  it('keeps its headers, the very object, where nothing has to go', () => {
    const headers = { host: 'h', cookie: 'sid=x' }
    expect(handshakeAfter(headers, { of: createRedaction([allowQuery('token'), fromAuthorization()]) }).headers).toBe(
      headers,
    )
    const plain = { host: 'h' }
    expect(handshakeAfter(plain).headers).toBe(plain)
  })
})
