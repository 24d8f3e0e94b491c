/** A24: whoever can write to the store of the revocation log, or to the adapter's Redis, and what that is worth. */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdapter } from '@socket.io/redis-adapter'
import { createAuth, permitIf } from 'portcullis'
import { redis as redisLog } from 'portcullis/revocations/redis'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { io as connect } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { gate, keys, next, ORIGIN, onCleanup, outcome } from '../harness.ts'

const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'

async function client() {
  const made = createClient({ url })
  made.on('error', () => {})
  await made.connect()
  onCleanup(() => made.close().catch(() => {}))
  return made
}

/** A guarded node on the Redis adapter with a sealed log, and an unguarded one that speaks to its sockets by the same Redis. */
async function node() {
  const prefix = `threats-bus-${randomBytes(6).toString('hex')}`
  const admin = await client()
  onCleanup(async () => {
    const left = await admin.keys(`*${prefix}*`)
    if (left.length > 0) await admin.del(left)
  })
  const adapter = async () => createAdapter(await client(), await client(), { key: prefix })
  const http = createServer().listen(0, '127.0.0.1')
  await once(http, 'listening')
  const io = new Server(http, { adapter: await adapter() })
  const reported = gate()
  const auth = createAuth({
    origins: [ORIGIN],
    strategies: [keys(new Map([['alice-key', { subject: 'alice' }]]))],
    revocations: redisLog({
      client: await client(),
      prefix: `${prefix}:log`,
      secret: randomBytes(32).toString('hex'),
    }),
    onError: (_error, where) => {
      if (where === 'revocations') reported.open()
    },
  })
  auth.protect(io.of('/chat'), {
    rooms: { 'org:{org}': ({ identity, params }) => permitIf(identity.claims.org === params.org) },
    events: { say: ({ identity }) => permitIf(identity.claims.org === 'globex') },
  })
  const attacker = new Server({ adapter: await adapter() })
  onCleanup(async () => {
    await auth.close()
    await io.close()
  })
  const socket = connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}/chat`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    auth: { token: 'alice-key' },
  })
  onCleanup(() => void socket.disconnect())
  expect(await outcome(socket)).toBe(null)
  return { prefix, admin, io, auth, socket, attacker, reported }
}

describe('A24: a compromised Redis', () => {
  it('cannot revoke, nor lift a revocation, by writing to the log: an entry without the seal is refused and reported', async () => {
    const { prefix, admin, auth, socket, reported } = await node()
    // Receipts are not waited for: of a log that is new they take as long as a node may be silent.
    const soon = { timeoutMs: 100 }
    await auth.revoke({ session: 'somebody-else' }, soon)
    const stream = `{${prefix}:log}:entries`
    const [entry] = (await admin.xRange(stream, '-', '+')) ?? []
    const fields = { ...entry?.message }
    // The same entry about alice, under the seal of the other.
    for (const [field, value] of Object.entries(fields)) {
      fields[field] = String(value).replace(
        /session:[\w-]+/,
        `subject:${JSON.stringify(['https://issuer.example', 'alice']).replaceAll('"', '\\"')}`,
      )
    }
    expect(fields).not.toEqual({ ...entry?.message })
    await admin.xAdd(stream, '*', fields)
    await auth.revoke({ session: 'one more, so that the node reads' }, soon)
    await reported.promise
    expect(socket.connected).toBe(true)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })

  it('can move a socket into a room and speak to it, as SECURITY.md says, and gives it no authority by that', async () => {
    const { io, auth, socket, attacker } = await node()
    const heard: unknown[] = []
    socket.onAny((...args) => heard.push(args))
    attacker
      .of('/chat')
      .in(socket.id as string)
      .socketsJoin('org:globex')
    await expect.poll(() => io.of('/chat').adapter.rooms.has('org:globex')).toBe(true)
    const said = next(socket, 'said')
    attacker.of('/chat').to('org:globex').emit('said', 'by whoever can write there')
    await said
    expect(await socket.emitWithAck('say')).toHaveProperty('error.code', 'AUTH_FORBIDDEN')
    expect(await socket.emitWithAck('auth:join', 'org:globex')).toHaveProperty('error.code', 'AUTH_FORBIDDEN')
    expect((await socket.emitWithAck('auth:whoami')).rooms).toEqual([])
    const [info] = (await auth.connections()).connections
    // An operator sees whose word it was.
    expect(info?.rooms).toEqual([{ room: 'org:globex', by: 'server', expiresAt: null }])
    expect(heard).toEqual([['said', 'by whoever can write there']])
    const security = await readFile(new URL('../../../../SECURITY.md', import.meta.url), 'utf8')
    expect(security).toContain("The Socket.IO adapter's own Redis has no such seal")
  })

  it('cannot make a node revoke, admit or reload by `serverSideEmit`', async () => {
    const { io, socket, attacker, auth } = await node()
    const asked = next(io.of('/chat'), 'revoke')
    for (const event of ['auth:closed', 'auth:refresh', 'portcullis', 'revoke']) {
      attacker.of('/chat').serverSideEmit(event, { issuer: 'https://issuer.example', subject: 'alice' })
    }
    await asked
    expect(socket.connected).toBe(true)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
    expect(auth.sockets({ issuer: 'https://issuer.example', subject: 'alice' })).toHaveLength(1)
  })
})
