/**
 * F22, Q03: the twelve secrets of the run as an application has them, shown well and badly, with their stores there and gone. Whatever that makes
 * anybody say is searched as it is said; what was stored, at the end of the run (`test/secret-watch.ts` of the workspace).
 */

import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { AuthError, createAuth, permit } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { describe, expect, it } from 'vitest'
import { type Harness, ORIGIN, onCleanup, outcome, start } from '../harness.ts'
import { planted, told } from '../planted.ts'
import { POLLING, TRANSPORTS, UPGRADE } from './leak-fixtures.ts'
import { plantedCases, type Shown } from './planted-credentials.ts'

/** What was found so far in what this file's tests made anybody say. */
function found(): readonly string[] {
  const { PORTCULLIS_TEST_LEAKS: file = '' } = process.env
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('leaks-planted.test.ts'))
}

/** Shows a credential over both transports, in HTTP by hand too; what came of it, connect by connect. */
async function show(
  server: Harness,
  { headers = {}, auth }: Shown,
  transports: readonly (typeof TRANSPORTS)[number][] = TRANSPORTS,
): Promise<readonly string[]> {
  if (auth === undefined) {
    await server.get(POLLING, headers)
    await server.upgrade(UPGRADE, headers)
  }
  const codes: string[] = []
  for (const transport of transports) {
    const options = { transports: [transport], extraHeaders: headers, ...(auth === undefined ? {} : { auth }) }
    const client = server.client('/chat', options)
    const refusal = await outcome(client)
    codes.push(refusal === null ? 'admitted' : 'refused')
    if (refusal === null) {
      // It is looked at from all sides while it is connected.
      await client.emitWithAck('auth:whoami')
      await client.emitWithAck('auth:join', 'room:1', headers)
      await client.emitWithAck('auth:refresh', auth ?? {})
      await client.emitWithAck('no such event', headers)
      for (const socket of await server.io.of('/chat').fetchSockets()) {
        told('fetchSockets', { handshake: socket.handshake, data: socket.data, rooms: [...socket.rooms] })
      }
      const { connections } = await server.auth.connections()
      told('connections()', connections)
      const [connection] = connections
      if (connection !== undefined) {
        const question = { identity: { socketId: connection.socketId }, namespace: '/chat', room: 'room:2' }
        told('explain()', await server.auth.explain(question))
      }
    }
    client.disconnect()
  }
  return codes
}

describe('F22, Q03: planted secrets', () => {
  it('show in no answer, frame, audit event, error, warning or output, whatever is shown and whatever fails', {
    timeout: 30_000,
  }, async () => {
    const kinds = new Set<string>()
    for (const { strategy, good, bad, breakDown, kinds: of } of await plantedCases()) {
      for (const kind of of) kinds.add(kind)
      const server = await start({
        strategies: [strategy as never],
        limits: { failuresPerMinute: Number.POSITIVE_INFINITY, handshakesPerMinute: Number.POSITIVE_INFINITY },
      })
      server.auth.protect(server.io.of('/chat'), { events: {}, rooms: { 'room:{id}': () => permit() } })
      const shown = await good()
      const [first] = shown
      for (const each of shown) {
        const codes = await show(server, each)
        // A ticket is used up by the first of them.
        expect([of, codes[0]]).toEqual([of, 'admitted'])
      }
      for (const [i, each] of bad.entries()) {
        // One transport after the other: each kind has several.
        expect([of, await show(server, each, TRANSPORTS.slice(i % 2, (i % 2) + 1))]).toEqual([of, ['refused']])
      }
      await breakDown?.()
      if (first !== undefined && breakDown !== undefined) {
        expect([of, await show(server, first, ['websocket'])]).toEqual([of, ['refused']])
      }
      told('the guard itself', inspect(server.auth, { depth: 8, showHidden: true }))
      told('the strategy itself', inspect(strategy, { depth: 8 }))
      expect(server.audit.length).toBeGreaterThan(0)
    }
    // All that are planted took part.
    expect([...kinds].sort()).toEqual(Object.keys(JSON.parse(process.env.PORTCULLIS_TEST_SECRETS ?? '{}')).sort())
    expect(found()).toEqual([])
  })

  it('show in no start-up error: a private key and short or misplaced secrets', () => {
    const issuer = 'https://id.example'
    for (const keys of [
      planted('pem-private-key'),
      planted('hmac-secret').slice(0, 20),
      { kty: 'oct', k: planted('hmac-secret') },
    ]) {
      try {
        jwt({ issuer, audience: 'chat', keys: keys as never })
      } catch (error) {
        told('an error at start', error as Error)
      }
    }
    expect(() => jwt({ issuer, audience: 'chat', keys: planted('hmac-secret').slice(0, 20) as never })).toThrow(
      TypeError,
    )
    expect(found()).toEqual([])
  })

  it('show in no warning where nobody listens to errors', async () => {
    const auth = createAuth({
      origins: [ORIGIN],
      strategies: [
        {
          scheme: 'broken',
          from: [],
          maxLifetimeSeconds: 60,
          authenticate: async () => {
            const cause = new Error(`postgres://app:${planted('dsn-password')}@db/app, password ${planted('password')}`)
            throw new AuthError('AUTH_UNAVAILABLE', { cause })
          },
        },
      ],
    })
    onCleanup(() => auth.close())
    const server = await start()
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    auth.protect(server.io.of('/chat'), { events: {} })
    expect((await server.get(POLLING)).status).toBe(503)
    expect(inspect(await warned)).not.toContain(planted('dsn-password'))
    expect(found()).toEqual([])
  })
})
