/** Whether a namespace or a room exists is not told to whoever may not use it. */

import { createServer } from 'node:http'
import { createAuth, deny, permit, permitIf } from 'portcullis'
import { Server } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { keys, next, ORIGIN, outcome, start } from '../harness.ts'
import { connectAnswers, TRANSPORTS } from './leak-fixtures.ts'

const hiding = (options: object = {}) =>
  start(
    { hideNamespaces: true, limits: { failuresPerMinute: Number.POSITIVE_INFINITY }, ...options },
    { cleanupEmptyChildNamespaces: true },
  )

describe('L05: with `hideNamespaces`', () => {
  const CREDENTIALS = [
    ['without a credential', {}, 'AUTH_CREDENTIAL_MISSING'],
    ['with a bad one', { token: 'wrong' }, 'AUTH_CREDENTIAL_INVALID'],
    ['with a good one', { token: 'alice-key' }, 'AUTH_FORBIDDEN'],
  ] as const

  it.each(TRANSPORTS)(
    'a namespace that denies, that is closed and that does not exist answer alike over %s',
    async (transport) => {
      const server = await hiding()
      server.io.of('/closed')
      server.auth.protect(server.io.of('/denied'), { connect: () => deny(), events: {} })
      server.auth.protect(server.io.of(/^\/tenant-\d$/), { connect: () => deny(), events: {} })
      for (const [, auth, code] of CREDENTIALS) {
        const answers: string[] = []
        for (const name of ['/denied', '/closed', '/unknown', '/tenant-1', '/tenant-x']) {
          const { heard, refusal } = await connectAnswers(server, name, auth, transport)
          expect([name, refusal?.code]).toEqual([name, code])
          answers.push(
            heard
              .filter((packet) => packet.startsWith('message'))
              .join()
              .replaceAll(name, '/name'),
          )
        }
        expect(new Set(answers).size).toBe(1)
      }
      expect([...server.io._nsps.keys()].filter((name) => /unknown|tenant/.test(name))).toEqual([])
    },
  )

  it('so they do for a socket that is deferred', async () => {
    const server = await hiding({ deferMs: 5_000 })
    server.auth.protect(server.io.of('/denied'), { connect: () => deny(), events: {} })
    for (const name of ['/denied', '/unknown']) {
      const client = server.client(name)
      expect([name, await outcome(client)]).toEqual([name, null])
      expect(await client.emitWithAck('auth:refresh', { token: 'alice-key' })).toHaveProperty(
        'error.code',
        'AUTH_FORBIDDEN',
      )
    }
  })

  it('what the application makes later, dynamic or not, is found, and stays', async () => {
    const server = await hiding()
    server.auth.protect(server.io.of('/first'), { events: {} })
    const ask = (name: string) => outcome(server.client(name, { auth: { token: 'alice-key' } }))
    expect([await ask('/first'), (await ask('/late'))?.code]).toEqual([null, 'AUTH_FORBIDDEN'])
    // Somebody asks for a name at the very moment when the application makes it.
    const asked = next(server.io.of('/'), 'new_namespace')
    const early = server.client('/late', { auth: { token: 'alice-key' } })
    await asked
    const late = server.auth.protect(server.io.of('/late'), { events: {} })
    await outcome(early)
    early.disconnect()
    await expect.poll(() => late.sockets.size).toBe(0)
    expect(server.io._nsps.get('/late')).toBe(late)
    server.auth.protect(server.io.of(/^\/tenant-\d$/), { events: {} })
    expect([await ask('/late'), await ask('/tenant-7'), (await ask('/tenant-x'))?.code]).toEqual([
      null,
      null,
      'AUTH_FORBIDDEN',
    ])
  })

  it('a probe counts as a failure, and ends the connection after five', async () => {
    const server = await hiding()
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const socket = server.client('/chat', { auth: { token: 'alice-key' } })
    await outcome(socket)
    const gone = next(socket.io.engine, 'close')
    for (const name of ['/n1', '/n2', '/n3', '/n4', '/n5']) socket.io.socket(name, { auth: { token: 'alice-key' } })
    await gone
    await expect.poll(() => server.io._nsps.size).toBe(2)
  })

  it('needs a server that lets go of dynamic namespaces', () => {
    const http = createServer()
    const auth = createAuth({ origins: [ORIGIN], strategies: [keys(new Map())], hideNamespaces: true })
    expect(() => auth.protect(new Server(http).of('/chat'), { events: {} })).toThrow(/"cleanupEmptyChildNamespaces"/)
    const wrong = { origins: [ORIGIN], strategies: [keys(new Map())], hideNamespaces: 1 as never }
    expect(() => createAuth(wrong)).toThrow(/"hideNamespaces"/)
  })
})

describe('L06: a room', () => {
  it.each(TRANSPORTS)(
    'where people are, that nobody is in, that has no rule and that cannot exist answer alike over %s',
    async (transport) => {
      const server = await start()
      server.auth.protect(server.io.of('/chat'), {
        events: {},
        memberships: ({ claims }) => [`org:${claims.org}`],
        rooms: {
          'org:{org}': ({ identity, params }) => permitIf(identity.claims.org === params.org),
          'open:{id}': () => permit(),
        },
      })
      const inside = server.client('/chat', { auth: { token: 'bob-key' } })
      await outcome(inside)
      expect(server.io.of('/chat').adapter.rooms.has('org:globex')).toBe(true)
      const { client, heard } = await connectAnswers(server, '/chat', { token: 'alice-key' }, transport)
      const before = heard.length
      const answers: unknown[] = []
      const asked = ['org:globex', 'org:nobody', 'no-rule', `${inside.id}`, 'a room', 'auth|x', '']
      for (const room of asked) answers.push(await client.emitWithAck('auth:join', room))
      for (const room of asked) answers.push(await client.emitWithAck('auth:join', ['open:1', room]))
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
      expect(answers[0]).toHaveProperty('error.code', 'AUTH_FORBIDDEN')
      // Nor does leaving one, or asking who one is, tell more.
      const left = await Promise.all(['org:globex', 'org:nobody'].map((room) => client.emitWithAck('auth:leave', room)))
      expect(left[0]).toEqual(left[1])
      expect((await client.emitWithAck('auth:whoami')).rooms).toEqual(['org:acme'])
      expect(heard.slice(before).join()).not.toMatch(/globex|bob/)
    },
  )
})
