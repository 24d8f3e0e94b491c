/** R19: who logs in again in the second of a revocation. R23: what was on its way when one came. */

import { createSecretKey, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import { createAuth } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { describe, expect, it } from 'vitest'
import { fakeTime, gate, next, ORIGIN, onCleanup, outcome, start } from '../harness.ts'
import { heardBy, POLLING, TRANSPORTS } from './leak-fixtures.ts'

const ISSUER = 'https://issuer.example'
const alice = { issuer: ISSUER, subject: 'alice' }
/** Half a second past a whole one: `iat` cannot say so. */
const HALF = 0.5

async function atHalfASecond() {
  const time = fakeTime()
  const server = await start({ clock: time.clock, limits: { failuresPerMinute: Number.POSITIVE_INFINITY } })
  server.auth.protect(server.io.of('/chat'), { events: {} })
  time.advance(HALF * 1000)
  const revokedAt = time.seconds()
  expect(revokedAt % 1).toBe(HALF)
  /** What a credential of this moment hears, in HTTP and in a connect. */
  async function present(issuedAt: number) {
    const key = `key-${issuedAt}`
    server.records.set(key, { subject: 'alice', issuedAt })
    const answer = await server.get(POLLING, { authorization: `Bearer ${key}` })
    const refusal = await outcome(server.client('/chat', { auth: { token: key } }))
    return [answer.status, refusal?.code ?? null]
  }
  return { ...server, time, revokedAt, present }
}

describe('R19: a revocation in the middle of a second', () => {
  const REFUSED = [401, 'AUTH_REVOKED']
  const ADMITTED = [200, null]

  it('covers a token of that whole second, before or after it, and no moment from its own on', async () => {
    const { auth, present, revokedAt } = await atHalfASecond()
    await auth.revoke(alice)
    // A token of that second says `iat: floor(now)`, whenever in it that was: it may be the old one, so it is.
    expect(await present(Math.floor(revokedAt))).toEqual(REFUSED)
    expect(await present(revokedAt - 0.001)).toEqual(REFUSED)
    expect(await present(revokedAt)).toEqual(ADMITTED)
    expect(await present(revokedAt + 0.001)).toEqual(ADMITTED)
    expect(await present(Math.floor(revokedAt) + 1)).toEqual(ADMITTED)
  })

  it('of one token lets another of the same second in at once: by its id there is nothing ambiguous', async () => {
    const secret = createSecretKey(randomBytes(32))
    const server = await start()
    const auth = createAuth({
      origins: [ORIGIN],
      strategies: [jwt({ issuer: ISSUER, audience: 'chat', keys: secret })],
    })
    onCleanup(() => auth.close())
    auth.protect(server.io.of('/chat'), { events: {} })
    const second = Math.floor(Date.now() / 1000)
    const sign = (jti: string) =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
        .setIssuer(ISSUER)
        .setAudience('chat')
        .setSubject('alice')
        .setJti(jti)
        .setIssuedAt(second)
        .setExpirationTime(second + 300)
        .sign(secret)
    const [old, fresh] = [await sign('old'), await sign('fresh')]
    await auth.revoke({ tokenId: 'old' }, { issuedBefore: second + 300 })
    const ask = (token: string) => outcome(server.client('/chat', { auth: { token } }))
    expect([(await ask(old))?.code, await ask(fresh)]).toEqual(['AUTH_REVOKED', null])
    // Of the principal it is ambiguous, and both are dead.
    await auth.revoke(alice, { issuedBefore: second + HALF })
    expect([(await ask(old))?.code, (await ask(fresh))?.code]).toEqual(['AUTH_REVOKED', 'AUTH_REVOKED'])
  })

  it('is not taken back by a later one that reaches less far', async () => {
    const { auth, present, revokedAt } = await atHalfASecond()
    await auth.revoke(alice)
    await auth.revoke(alice, { issuedBefore: revokedAt - 10 })
    await auth.revoke(alice, { issuedBefore: revokedAt - 10, until: revokedAt + 1 })
    expect(await present(revokedAt - 0.001)).toEqual(REFUSED)
    expect(await present(revokedAt + 0.001)).toEqual(ADMITTED)
  })

  it('and a login a millisecond later ends nobody who came by it, when the revocation is heard again', async () => {
    const { auth, client, present, time, revokedAt } = await atHalfASecond()
    await auth.revoke(alice)
    time.advance(1)
    expect(await present(time.seconds())).toEqual(ADMITTED)
    const again = client('/chat', { auth: { token: `key-${time.seconds()}` } })
    expect(await outcome(again)).toBe(null)
    expect((await auth.revoke(alice, { issuedBefore: revokedAt })).closed).toBe(0)
    expect(await again.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })
})

describe('R23: what was emitted', () => {
  it.each(TRANSPORTS)(
    'before a revocation may still arrive, ahead of its reason; nothing after it, over %s',
    async (transport) => {
      const server = await start()
      const chat = server.auth.protect(server.io.of('/chat'), { events: {}, memberships: () => ['org:acme'] })
      const client = server.client('/chat', { auth: { token: 'alice-key' }, transports: [transport] })
      const other = server.client('/chat', { auth: { token: 'bob-key' } })
      expect(await Promise.all([client, other].map(outcome))).toEqual([null, null])
      const [socket] = [...chat.sockets.values()].filter(({ data }) => data.identity.subject === 'alice')
      const heard = heardBy(client)
      const gone = next(client, 'disconnect')
      const afterwards = next(other, 'after all')
      const say = (text: string) => {
        chat.emit('to all', text)
        chat.to('org:acme').emit('to a room', text)
        socket?.emit('to one', text)
        chat.to(server.auth.room(alice)).emit('to a principal', text)
      }
      say('before')
      const revoked = server.auth.revoke(alice)
      // In the same turn, when nothing has left this process yet.
      say('after')
      await revoked
      say('after')
      chat.emit('after all')
      expect((await gone)[0]).toBe('io server disconnect')
      await afterwards
      const messages = heard.filter((packet) => packet.startsWith('message 2')).map((packet) => packet.slice(9))
      expect(messages.map((packet) => JSON.parse(packet.slice(packet.indexOf('[')))[0])).toEqual([
        'to all',
        'to a room',
        'to one',
        'to a principal',
        'auth:closed',
      ])
      expect(heard.join()).not.toContain('after')
    },
  )

  it('while a polling client was away is what was written before the close, then its reason, then nothing', async () => {
    const server = await start()
    const joined = gate()
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    chat.on('connection', () => joined.open())
    const { sid } = JSON.parse((await server.get(POLLING)).body.slice(1))
    const session = `${POLLING}&sid=${sid}`
    await fetch(server.url + session, { method: 'POST', body: '40/chat,{"token":"alice-key"}' })
    await joined.promise
    chat.emit('news', 'before')
    await server.auth.revoke(alice)
    chat.emit('news', 'after')
    const { status, body } = await server.get(session)
    const packets = body.split('\x1e').map((packet) => packet.replace(/\{.*\}/, '{}'))
    expect(status).toBe(200)
    expect(packets).toEqual(['40/chat,{}', '42/chat,["news","before"]', '42/chat,["auth:closed",{}]', '41/chat,'])
    // Engine.IO's own close, with a noop before it, then nothing.
    expect((await server.get(session)).body).toBe('6\x1e1')
    expect((await server.get(session)).status).toBe(400)
  })
})
