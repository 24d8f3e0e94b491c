/** What any implementation of the old authorization must do, as named checks that a wrong one fails. */

import assert from 'node:assert/strict'
import type { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { heard, POLLING, run, WEBSOCKET } from './setup.ts'

type Callback = (error?: unknown, authorized?: unknown) => void
// What each function adds to its handshake is its own affair.
type Handshake = Record<string, unknown> & { query: Record<string, string> }
type Authorize = (target: never, fn: (handshakeData: Handshake, callback: Callback) => unknown) => unknown

export interface Facade {
  readonly authorization: Authorize
}

export interface Check {
  readonly name: string
  run(): Promise<void>
}

export function checks({ authorization }: Facade): readonly Check[] {
  const authorize = (target: unknown, fn: (handshakeData: Handshake, callback: Callback) => unknown) =>
    authorization(target as never, fn)
  const byKey = (server: Server) =>
    authorize(server, ({ query }, callback) => callback(query.key === 'broken' ? 'Deny' : null, query.key === 'good'))

  return [
    {
      name: 'admits a handshake that the function accepts',
      async run() {
        const server = await run()
        byKey(server.io)
        assert.equal((await server.get(`${POLLING}&key=good`)).status, 200)
        assert.equal((await server.upgrade(`${WEBSOCKET}&key=good`)).status, 101)
      },
    },
    {
      name: 'answers 403 to a handshake that the function refuses, on polling and on WebSocket',
      async run() {
        const server = await run()
        byKey(server.io)
        for (const answer of [await server.get(POLLING), await server.upgrade(WEBSOCKET)]) {
          assert.equal(answer.status, 403)
          assert.equal(answer.body, 'handshake unauthorized')
        }
      },
    },
    {
      name: 'answers 500 to an error, also one that comes with true',
      async run() {
        const server = await run()
        authorize(server.io, ({ query }, callback) => callback(query.key, true))
        for (const answer of [await server.get(`${POLLING}&key=db`), await server.upgrade(`${WEBSOCKET}&key=db`)]) {
          assert.equal(answer.status, 500)
          assert.equal(answer.body, 'handshake error')
        }
      },
    },
    {
      name: 'waits for a function that answers later',
      async run() {
        const server = await run()
        authorize(server.io, ({ query }, callback) => setTimeout(callback, 20, null, query.key === 'good'))
        assert.equal((await server.get(POLLING)).status, 403)
        assert.equal((await server.get(`${POLLING}&key=good`)).status, 200)
      },
    },
    {
      name: 'refuses where the function throws',
      async run() {
        const server = await run()
        const quiet = { onError() {} }
        const authorizeQuietly = authorization as unknown as (target: unknown, fn: unknown, options: object) => unknown
        authorizeQuietly(
          server.io,
          () => {
            throw new Error('the database is away')
          },
          quiet,
        )
        assert.equal((await server.get(POLLING)).status, 500)
      },
    },
    {
      name: 'asks a namespace’s own function, which refuses with "unauthorized"',
      async run() {
        const server = await run()
        authorize(server.io.of('/private'), ({ query }, callback) => callback(null, query.key === 'good'))
        assert.equal(await heard(server.client(io, '/private')), 'unauthorized')
        assert.equal(await heard(server.client(io, '/private', { query: { key: 'good' } })), 'connect')
        assert.equal(await heard(server.client(io, '/')), 'connect')
      },
    },
    {
      name: 'shows the socket what the function has added',
      async run() {
        const server = await run()
        authorize(server.io, (handshakeData, callback) => {
          handshakeData.foo = true
          callback(null, true)
        })
        const seen = new Promise((resolve) => server.io.on('connection', ({ handshake }) => resolve(handshake)))
        server.client(io)
        assert.equal(((await seen) as { foo?: unknown }).foo, true)
      },
    },
  ]
}
