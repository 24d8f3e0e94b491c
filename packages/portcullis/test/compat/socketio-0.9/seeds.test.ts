/** The systems of the documents 000 and 001 run on Socket.IO 4, for clients of three generations: rows S1 to S5 of the scope. */

import type { AddressInfo } from 'node:net'
import legacy, { type LegacyServer } from 'portcullis/compat/socketio-0.9'
import { legacyClient } from 'portcullis/compat/socketio-0.9-client'
import { io as io4 } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { onCleanup } from '../../harness.ts'
import * as code from './seeds-code.ts'
import { verbatim } from './seeds-code.ts'
import { around, CLIENTS, type Connect, heard, POLLING, type Running, WEBSOCKET } from './setup.ts'

function listen(options: object = {}): LegacyServer {
  const io = legacy.listen(0, { allowEIO3: true, ...options })
  onCleanup(() => io.io.close())
  return io
}

async function reach(io: LegacyServer): Promise<Running> {
  if (!io.server.listening) await new Promise((resolve) => io.server.once('listening', resolve))
  return around(io.io, (io.server.address() as AddressInfo).port)
}

/** Keeps what the code prints, and the server that it makes with what it requires. */
function surroundings() {
  const lines: unknown[][] = []
  const print = (...values: unknown[]) => {
    lines.push(values)
  }
  const made: LegacyServer[] = []
  const require = (name: string) => {
    expect(name).toBe('portcullis/compat/socketio-0.9')
    return {
      listen(address: unknown) {
        expect(address).toBe(0)
        const io = listen()
        made.push(io)
        return io
      },
    }
  }
  return { lines, made, require, console: { log: print, info: print, error: print, dir: print } }
}

describe.each(CLIENTS)('document 000, with socket.io-client %i', (_version, connect) => {
  it('admits by parameters in the query, written as JSON (S1)', async () => {
    const io = listen({ timeoutMs: 300, onError() {} })
    verbatim(code.MIDDLEWARE, { io })
    const server = await reach(io)
    const join = (parameters: string) =>
      heard(server.client(connect, '/', { query: `joinServerParameters=${encodeURIComponent(parameters)}` }))
    expect(await join('{"token":"xxx"}')).toBe('connect')
    // The document never answers: that ends in time. What is no JSON would have ended the process.
    expect(await join('{"token":"yyy"}')).toBe('unauthorized')
    expect(await join('{')).toBe('unauthorized')
    expect(await join('null')).toBe('unauthorized')
    const client = { connect: (_url: string, options: object) => server.client(connect, '/', options) }
    const page = new Promise((resolve) => {
      const scope = {
        io: { connect: (url: string, options: object) => resolve(heard(client.connect(url, options))) },
      }
      verbatim(code.MIDDLEWARE_CLIENT, scope)
    })
    expect(await page).toBe('connect')
  })

  it('admits by middlewares of Socket.IO 1, for a server and a namespace', async () => {
    const io = listen()
    verbatim(code.MIDDLEWARES_OF_1, { io })
    const server = await reach(io)
    expect(await heard(server.client(connect))).toBe('connect')
    expect(await heard(server.client(connect, '/namespace'))).toBe('connect')
  })

  it('admits everybody with callback(null, true) (S2)', async () => {
    const io = listen()
    verbatim(code.ADMITS_ALL, { io })
    expect(await heard((await reach(io)).client(connect))).toBe('connect')
  })

  it('has on socket.handshake what authorization added (S3)', async () => {
    const io = listen()
    const { lines, console } = surroundings()
    verbatim(code.STORES, { io, console })
    await heard((await reach(io)).client(connect))
    expect(lines).toEqual([['bar']])
  })

  it('admits by domain (S5)', async () => {
    const io = listen({ onError() {} })
    verbatim(code.DOMAIN, { io })
    const server = await reach(io)
    const from = (Referer: string) => ({
      extraHeaders: { Referer },
      transportOptions: { polling: { extraHeaders: { Referer } } },
    })
    expect(await heard(server.client(connect, '/', from('https://myDomain.com/chat?x#y')))).toBe('connect')
    expect(await heard(server.client(connect, '/', from('https://myDomain.com.evil.example/')))).toBe('xhr poll error')
    const denied = await server.get(POLLING, { Referer: 'http://evil.example/' })
    expect(denied).toMatchObject({ status: 500, body: 'handshake error' })
    // Without a Referer the document's function throws.
    expect((await server.get(POLLING)).status).toBe(500)
    expect((await server.upgrade(WEBSOCKET)).status).toBe(500)
  })
})

describe.each(CLIENTS)('document 001, with socket.io-client %i', (_version, connect) => {
  it('configures an authorization that admits (S2)', async () => {
    const io = listen()
    verbatim(code.CONFIGURED, { io })
    expect(await heard((await reach(io)).client(connect))).toBe('connect')
  })

  it('looks the address up, and copies what it finds onto the handshake (S2, S3)', async () => {
    const { lines, made, require, console } = surroundings()
    const addresses: string[] = []
    let found: [unknown, object?] = [null, { authorized: true, foo: true }]
    const findDatabyIP = (address: string, done: (...found: unknown[]) => void) => {
      addresses.push(address)
      setImmediate(done, ...found)
    }
    verbatim(code.LOOK_UP, { require, findDatabyIP })
    const [io] = made as [LegacyServer]
    verbatim(code.PRINTS, { io, console })
    io.sockets.on('connection', ({ handshake }) => lines.push([handshake.foo === true]))
    const server = await reach(io)
    expect(await heard(server.client(connect))).toBe('connect')
    expect(lines).toEqual([[true], ['127.0.0.1'], [true]])
    expect(addresses).toEqual(['127.0.0.1'])
    found = [null, { authorized: false }]
    expect(await server.get(POLLING)).toMatchObject({ status: 403, body: 'handshake unauthorized' })
    expect(await heard(server.client(connect))).toBe('xhr poll error')
    found = ['no database']
    expect(await server.get(POLLING)).toMatchObject({ status: 500, body: 'handshake error' })
  })

  it('authorizes a namespace, chained (S4)', async () => {
    const { lines, made, require, console } = surroundings()
    verbatim(code.NAMESPACE, { require, console })
    const server = await reach(made[0] as LegacyServer)
    expect(await heard(server.client(connect, '/private'))).toBe('connect')
    expect(lines).toEqual([[expect.objectContaining({ xdomain: false, foo: 'baz' })], ['baz']])
  })
})

describe('document 001, in the page', () => {
  /** `io.connect()` of a page means the host that it came from. */
  function pageOf(server: Running, options: object = {}) {
    const io = legacyClient(io4 as Connect)
    return {
      connect() {
        const socket = io.connect(server.url, { 'force new connection': true, ...options })
        onCleanup(() => {
          socket.disconnect()
        })
        return socket
      },
    }
  }

  it('hears error on the connection where the handshake is refused, and connect where it is not', async () => {
    const io = listen()
    io.set('authorization', ({ query }, callback) => callback(null, query.key === 'good'))
    const server = await reach(io)
    const { lines, console } = surroundings()
    verbatim(code.CLIENT, { io: pageOf(server), console })
    await expect.poll(() => lines).toEqual([['Unable to connect Socket.IO', 'handshake unauthorized']])
    lines.length = 0
    verbatim(code.CLIENT, { io: pageOf(server, { query: 'key=good' }), console })
    await expect.poll(() => lines).toEqual([['successfully established a working connection o/']])
  })

  it('hears connect_failed on a namespace that refuses, and connect on one that does not', async () => {
    const io = listen()
    let open = false
    io.of('/example').authorization((_data, callback) => callback(null, open))
    const server = await reach(io)
    const { lines, console } = surroundings()
    verbatim(code.NAMESPACE_CLIENT, { io: pageOf(server), console })
    await expect.poll(() => lines).toEqual([['unable to connect to namespace', 'unauthorized']])
    lines.length = 0
    open = true
    verbatim(code.NAMESPACE_CLIENT, { io: pageOf(server), console })
    await expect.poll(() => lines).toEqual([['sucessfully established a connection with the namespace']])
  })
})
