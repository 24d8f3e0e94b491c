/** A lease on its way to its end, and a revocation put into force, on sockets that stand. */

import { describe, expect, it } from 'vitest'
import { permit } from '../../src/core/decision.ts'
import { next } from '../harness.ts'
import { chatting, refused } from './gate-fixture.ts'

const names = (heard: readonly unknown[][]) => heard.map(([event]) => event)

/** A client whose lease ends in 100 seconds. */
async function leased(lease: Record<string, number> = {}) {
  const chat = await chatting({ events: { news: () => permit() } }, { lease })
  const end = chat.time.seconds() + 100
  chat.records.set('short', { subject: 'short', expiresAt: end })
  const client = await chat.join('short')
  /** All that was sent to it so far, without a question of its own: it may be gone. */
  const heard = async () => {
    await chat.ask('auth:whoami')
    return client.heard
  }
  return { ...chat, ...client, end, told: heard, closed: next(client.socket, 'disconnect') }
}

describe('a lease', () => {
  it('is told of before its end, within the last third of the time for that, and ends with AUTH_EXPIRED', async () => {
    const { time, told, closed, serverSocket, end, heard } = await leased({ expiringMs: 30_000 })
    time.advance(69_999)
    expect(names(await told())).toEqual([])
    time.advance(11_001)
    await expect.poll(() => names(heard)).toEqual(['auth:expiring'])
    const [, notice] = heard[0] as [string, { expiresAt: number; expiresInMs: number }]
    expect(notice.expiresAt).toBe(end)
    expect(notice.expiresInMs).toBeGreaterThanOrEqual(19_000)
    expect(notice.expiresInMs).toBeLessThanOrEqual(31_000)
    time.advance(18_999)
    expect(serverSocket.connected).toBe(true)
    time.advance(1_001)
    expect(serverSocket.connected).toBe(false)
    await closed
    expect(heard.at(-1)).toEqual([
      'auth:closed',
      { code: 'AUTH_EXPIRED', message: 'The credential has expired.', retry: 'refresh' },
    ])
  })

  it('ends unannounced where that is wanted', async () => {
    const { time, closed, heard, serverSocket } = await leased({ expiringMs: 0 })
    time.advance(99_999)
    expect(serverSocket.connected).toBe(true)
    time.advance(1_001)
    await closed
    expect(names(heard)).toEqual(['auth:closed'])
  })

  it('within its grace is hidden: nothing reaches it, what it sends is AUTH_EXPIRED, and then it ends', async () => {
    const { time, chat, ask, closed, heard, serverSocket, seen } = await leased({ expiringMs: 0, graceMs: 50_000 })
    await serverSocket.join('room')
    time.advance(101_000)
    expect(serverSocket.connected).toBe(true)
    chat.to('room').emit('secret')
    chat.emit('secret')
    serverSocket.emit('secret')
    expect(await ask('news')).toEqual(refused('AUTH_EXPIRED'))
    expect([seen, names(heard), await chat.fetchSockets()]).toEqual([[], [], [expect.anything()]])
    time.advance(50_000)
    await closed
    expect(names(heard)).toEqual(['auth:closed'])
  })

  it('that is renewed within its grace shows its socket again', async () => {
    const { time, chat, ask, heard, records, serverSocket } = await leased({ expiringMs: 0, graceMs: 50_000 })
    await serverSocket.join('room')
    time.advance(101_000)
    chat.to('room').emit('missed')
    records.set('fresh', { subject: 'short', expiresAt: time.seconds() + 100 })
    expect(await ask('auth:refresh', { token: 'fresh' })).toMatchObject({ expiresAt: time.seconds() + 100 })
    chat.to('room').emit('news')
    serverSocket.emit('direct')
    await expect.poll(() => names(heard)).toEqual(['news', 'direct'])
    time.advance(60_000)
    expect(serverSocket.connected).toBe(true)
  })
})

describe('a revocation', () => {
  const ISSUER = 'https://issuer.example'

  it('ends who was there before, and nobody else', async () => {
    const { auth, socket, join, heard, serverSocket } = await chatting()
    const bob = await join('bob-key')
    const closed = next(socket, 'disconnect')
    expect(await auth.revoke({ issuer: ISSUER, subject: 'alice' })).toMatchObject({ complete: true, closed: 1 })
    await closed
    expect([serverSocket.connected, bob.serverSocket.connected]).toEqual([false, true])
    expect(heard.at(-1)).toMatchObject(['auth:closed', { code: 'AUTH_REVOKED' }])
    expect(await auth.revoke({ session: 'session-of-bob' })).toMatchObject({ closed: 1 })
    expect(bob.serverSocket.connected).toBe(false)
  })

  it('spares what was issued at its moment or later', async () => {
    const { auth, time, records, join } = await chatting()
    const now = time.seconds()
    records.set('before', { subject: 'carol', issuedAt: now - 0.001 })
    records.set('at', { subject: 'carol', issuedAt: now })
    const [before, at] = [await join('before'), await join('at')]
    expect(await auth.revoke({ issuer: ISSUER, subject: 'carol' })).toMatchObject({ closed: 1 })
    expect([before.serverSocket.connected, at.serverSocket.connected]).toEqual([false, true])
  })

  it('spares the one socket that is excepted, by its own id or that of its connection', async () => {
    const { auth, serverSocket, join } = await chatting()
    const second = await join('alice-key')
    const key = { issuer: ISSUER, subject: 'alice' }
    expect(await auth.disconnect(key, { exceptSocket: serverSocket.id })).toMatchObject({ closed: 1 })
    expect([serverSocket.connected, second.serverSocket.connected]).toEqual([true, false])
    const id = (serverSocket.conn as unknown as { id: string }).id
    expect(await auth.disconnect(key, { exceptSocket: id })).toMatchObject({ closed: 0 })
    expect(serverSocket.connected).toBe(true)
  })

  it('as a disconnection is AUTH_REPLACED, and lets the same credential connect again', async () => {
    const { auth, heard, socket, join } = await chatting()
    const closed = next(socket, 'disconnect')
    expect(await auth.disconnect({ issuer: ISSUER, subject: 'alice' })).toMatchObject({ closed: 1 })
    await closed
    expect(heard.at(-1)).toMatchObject(['auth:closed', { code: 'AUTH_REPLACED' }])
    expect((await join('alice-key')).serverSocket.connected).toBe(true)
  })

  it('with a grace is told at once, and ends who has not refreshed by then', async () => {
    const { auth, time, heard, ask, serverSocket, socket, records, join } = await chatting()
    const saved = await join('alice-key')
    const now = time.seconds()
    expect(await auth.revoke({ issuer: ISSUER, subject: 'alice' }, { graceMs: 10_000 })).toMatchObject({ closed: 2 })
    await ask('auth:whoami')
    expect(heard).toEqual([['auth:expiring', { expiresAt: now + 10, expiresInMs: 10_000 }]])
    records.set('newer', { subject: 'alice', issuedAt: now + 1 })
    expect(await saved.ask('auth:refresh', { token: 'newer' })).toHaveProperty('expiresAt')
    const closed = next(socket, 'disconnect')
    time.advance(9_999)
    expect(serverSocket.connected).toBe(true)
    time.advance(1_001)
    await closed
    expect(heard.at(-1)).toMatchObject(['auth:closed', { code: 'AUTH_REVOKED' }])
    expect(saved.serverSocket.connected).toBe(true)
  })

  it('that has ended already ends nobody', async () => {
    const { auth, ask, time, serverSocket } = await chatting()
    const key = { issuer: ISSUER, subject: 'alice' }
    const revoked = auth.revoke(key, { until: time.seconds(), timeoutMs: 1_000 })
    await ask('auth:whoami')
    time.advance(1_000)
    expect(await revoked).toMatchObject({ closed: 0 })
    expect(serverSocket.connected).toBe(true)
  })
})
