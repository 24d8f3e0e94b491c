/** Functions that misbehave, and clients that do: everything is refused, and nothing ends the process. */

import { connect as connectTcp } from 'node:net'
import { type AuthorizationFunction, authorization } from 'portcullis/compat/socketio-0.9'
import { describe, expect, it, onTestFinished } from 'vitest'
import { next } from '../../harness.ts'
import { CLIENTS, type Connect, heard, POLLING, run, WEBSOCKET } from './setup.ts'

const connect4 = CLIENTS[0]?.[1] as Connect
const failing: readonly (readonly [string, AuthorizationFunction])[] = [
  ['throws', () => JSON.parse('{')],
  ['throws null', () => throwNull()],
  ['rejects', async () => Promise.reject(new Error('no database'))],
  ['never answers', () => {}],
  ['answers twice', (_data, callback) => twice(callback, true)],
  ['admits and refuses', (_data, callback) => twice(callback, false)],
  ['admits, then throws', (_data, callback) => admitAndThrow(callback)],
  ['admits, then rejects', async (_data, callback) => admitAndThrow(callback)],
  ['passes an error on', (_data, callback) => callback(new Error('no database'), true)],
  ['throws in a later turn of its promise', async (_data, callback) => afterwards(callback)],
]

function throwNull(): never {
  throw null
}
function twice(callback: (error: unknown, authorized: boolean) => void, second: boolean): void {
  callback(null, true)
  callback(null, second)
}
function admitAndThrow(callback: (error: unknown, authorized: boolean) => void): never {
  callback(null, true)
  throw new Error('after the answer')
}
async function afterwards(callback: (error: unknown, authorized: boolean) => void): Promise<never> {
  callback(null, true)
  await null
  throw new Error('after the answer')
}

describe.each(failing)('a function that %s', (_what, fn) => {
  it('is answered 500 on every transport, and refuses the namespace', async () => {
    const server = await run()
    const errors: unknown[] = []
    const options = { timeoutMs: 100, onError: (error: unknown) => errors.push(error) }
    authorization(server.io, fn, options)
    expect(await server.get(POLLING)).toMatchObject({ status: 500, body: 'handshake error' })
    expect(await server.upgrade(WEBSOCKET)).toMatchObject({ status: 500, body: 'handshake error' })
    expect(errors).toHaveLength(2)
    const guarded = await run()
    authorization(guarded.io.of('/x'), fn, options)
    for (const [, connect] of CLIENTS) expect(await heard(guarded.client(connect, '/x'))).toBe('authorization error')
  })
})

describe('a function that takes back what it said', () => {
  it.each([false, true])('ends the connection that it had admitted; as a namespace’s own: %s', async (own) => {
    const server = await run()
    let again: () => void = () => {}
    const fn: AuthorizationFunction = (_data, callback) => {
      callback(null, true)
      again = () => callback(null, false)
    }
    authorization(own ? server.io.of('/') : server.io, fn, { onError() {} })
    const client = server.client(connect4)
    const disconnected = next(client, 'disconnect')
    await next(client, 'connect')
    again()
    await disconnected
    await expect.poll(() => server.io.engine.clientsCount).toBe(0)
  })

  it('before the client has joined: no namespace admits it', async () => {
    const server = await run()
    const again: (() => void)[] = []
    authorization(
      server.io,
      (_data, callback) => {
        callback(null, true)
        again.push(() => callback(null, false))
      },
      { onError() {} },
    )
    const client = server.client(connect4, '/', { transports: ['websocket'] })
    server.io.engine.once('connection', () => again[0]?.())
    expect(await heard(client)).toBe('handshake error')
  })
})

describe('a client', () => {
  const paths = [
    '/socket.io/?EIO=4&transport=polling&__proto__=x&constructor=y&toString=z&hasOwnProperty=1',
    '/socket.io/?EIO=4&transport=polling&key=1&key=2&key[]=3&%00=%ff',
    `/socket.io/?EIO=4&transport=polling&key=${'x'.repeat(8000)}`,
    '/socket.io/?transport=polling',
    '/socket.io/',
    '/socket.io/?EIO=4&transport=__proto__',
    '/socket.io/?EIO=4&transport=websocket',
  ]

  it.each(paths)('asking for %s is refused, and the next one served', async (path) => {
    const server = await run()
    const queries: object[] = []
    authorization(server.io, ({ query }, callback) => {
      queries.push(query)
      callback(null, query.key === 'good')
    })
    const { status } = await server.get(path)
    expect([400, 403]).toContain(status)
    expect((await server.upgrade(path)).status).toBeGreaterThanOrEqual(400)
    expect(({} as { x?: unknown }).x).toBeUndefined()
    for (const query of queries) expect(Object.getPrototypeOf(query)).toBe(Object.prototype)
    expect((await server.get(`${POLLING}&key=good`)).status).toBe(200)
  })

  it('whose auth is nested deeper than the stack connects as others do', async () => {
    const server = await run()
    authorization(server.io, (_data, callback) => callback(null, true))
    const opened = await server.get(POLLING)
    const { sid } = JSON.parse(opened.body.slice(1)) as { sid: string }
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const bodies = [`40{"a":${deep}}`, `40/x,{"a":${deep}}`]
    server.io.of('/x')
    const body = bodies.join('\x1e')
    const posted = await fetch(`${server.url}${POLLING}&sid=${sid}`, { method: 'POST', body })
    expect(posted.status).toBe(200)
    await expect.poll(() => server.io.of('/x').sockets.size).toBe(1)
    expect(await heard(server.client(connect4))).toBe('connect')
  })

  it.each(['40null', '40[]', '4012', '40"x"', '40{"__proto__":{"x":1}}'])('sending %s harms nobody', async (packet) => {
    const server = await run()
    authorization(server.io, (_data, callback) => callback(null, true))
    const opened = await server.get(POLLING)
    const { sid } = JSON.parse(opened.body.slice(1)) as { sid: string }
    await fetch(`${server.url}${POLLING}&sid=${sid}`, { method: 'POST', body: packet })
    expect(await heard(server.client(connect4))).toBe('connect')
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  it('that leaves while it is asked about gets no connection', async () => {
    const server = await run()
    const callbacks: (() => void)[] = []
    authorization(server.io, (_data, callback) => {
      callbacks.push(() => callback(null, true))
    })
    const lines = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
    for (const request of [
      `GET ${POLLING} HTTP/1.1\r\nHost: x\r\n\r\n`,
      `GET ${WEBSOCKET} HTTP/1.1\r\nHost: x\r\n${[...lines, key].join('\r\n')}\r\n\r\n`,
    ]) {
      const before = callbacks.length
      const tcp = connectTcp(server.port, '127.0.0.1', () => tcp.write(request))
      tcp.on('error', () => {})
      await expect.poll(() => callbacks.length).toBe(before + 1)
      tcp.resetAndDestroy()
    }
    await expect
      .poll(() => new Promise((done) => server.io.httpServer.getConnections((_error, count) => done(count))))
      .toBe(0)
    for (const callback of callbacks) callback()
    expect(await heardAfterwards(server)).toBe(0)
  })
})

async function heardAfterwards(server: Awaited<ReturnType<typeof run>>): Promise<number> {
  // Two turns after the answers: a connection would have been opened by then.
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  return server.io.engine.clientsCount
}

describe('unusable arguments', () => {
  it.each([
    ['a missing function', undefined, {}, /"authorization" must be a function/],
    ['a time of 0', () => {}, { timeoutMs: 0 }, /"timeoutMs"/],
    ['a time past the timers', () => {}, { timeoutMs: 2 ** 31 }, /"timeoutMs"/],
    ['another place to refuse at', () => {}, { refuseAt: 'nowhere' }, /"refuseAt"/],
    ['origins of another shape', () => {}, { origins: ['app.example:*'] }, /"origins"/],
    ['identify that is no function', () => {}, { identify: 'user' }, /"identify"/],
  ])('%s is a TypeError that quotes it', async (_what, fn, options, message) => {
    const server = await run()
    expect(() => authorization(server.io, fn as never, options as never)).toThrow(message)
    expect(() => authorization(server.io.of('/x'), fn as never, options as never)).toThrow(TypeError)
  })

  it.each([null, 'socket.io', 80, {}])('%j is no server', (target) => {
    expect(() => authorization(target as never, () => {})).toThrow(/needs a Server or a Namespace/)
  })

  it('a warning is given of what a function threw, where nobody asked to be told', async () => {
    const server = await run()
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    onTestFinished(() => {
      process.off('warning', onWarning)
    })
    authorization(server.io, () => JSON.parse('{'))
    expect((await server.get(POLLING)).status).toBe(500)
    await expect.poll(() => warnings.map(({ message }) => message).join()).toContain('socketio-0.9: SyntaxError')
  })
})
