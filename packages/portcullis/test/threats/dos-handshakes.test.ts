/** Handshakes without end, without a credential, or never finished. */

import { once } from 'node:events'
import { connect as tcp } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { keys } from '../harness.ts'
import { besieged, from, openByHand, openRaw, POLLING, refusedWith, WEBSOCKET } from './dos-fixtures.ts'

const UNLIMITED = { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY }
const bad = { authorization: 'Bearer wrong' }
const good = { authorization: 'Bearer alice-key' }

/** The keys of a test, and how often they were asked. */
function counting() {
  const strategy = keys(new Map([['alice-key', { subject: 'alice' }]]))
  let count = 0
  return {
    asked: () => count,
    strategy: {
      ...strategy,
      authenticate(...args: Parameters<typeof strategy.authenticate>) {
        count += 1
        return strategy.authenticate(...args)
      },
    },
  }
}

describe('D02: bad handshakes from one address', () => {
  it('are answered 429 after 60 failures without asking a strategy, and everybody else is served', async () => {
    const { strategy, asked } = counting()
    const { get, upgrade, audit } = await besieged({ strategies: [strategy] })
    const statuses: number[] = []
    const flood = async () => {
      for (let i = 0; i < 20; i += 1) {
        const ask = i % 2 === 0 ? get : upgrade
        const { status, headers } = await ask(POLLING, from('203.0.113.9', bad))
        statuses.push(status)
        if (status === 429) expect(Number(headers['retry-after'])).toBeGreaterThan(0)
      }
    }
    const served: number[] = []
    const others = async () => {
      for (let i = 0; i < 20; i += 1) served.push((await get(POLLING, from(`198.51.100.${i}`, good))).status)
    }
    await Promise.all([...Array.from({ length: 10 }, flood), others()])
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
    // Ten at a time may be under way when the last failure is counted.
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(70)
    expect(asked()).toBeLessThanOrEqual(70 + served.length)
    expect(served).toEqual(Array(20).fill(200))
    expect(audit).toHaveLength(220)
  })
})

describe('D19: a client with a /64 of its own', () => {
  it('is one client to every limit', async () => {
    const { get } = await besieged({ limits: { failuresPerMinute: 5, maxUnadmittedPerAddress: 3 } })
    for (let i = 1; i <= 5; i += 1) await get(POLLING, from(`2001:db8:0:1::${i}`, bad))
    expect((await get(POLLING, from('2001:db8:0:1:ffff::1', good))).status).toBe(429)
    for (let i = 1; i <= 3; i += 1) expect((await get(POLLING, from(`2001:db8:0:2:${i}::`))).status).toBe(200)
    expect((await get(POLLING, from('2001:0db8:0000:0002::99'))).status).toBe(429)
    expect((await get(POLLING, from('2001:db8:0:3::1', good))).status).toBe(200)
  })
})

describe('D03: connections that never authenticate', () => {
  it('are at most 100 of an address by default', async () => {
    const { get, io } = await besieged()
    const opened: number[] = []
    for (let i = 0; i < 101; i += 1) opened.push((await get(POLLING, from('203.0.113.9'))).status)
    expect(opened).toEqual([...Array(100).fill(200), 429])
    expect((await get(POLLING, from('203.0.113.10'))).status).toBe(200)
    expect(io.engine.clientsCount).toBe(101)
  })

  it('are bounded for all addresses together, make room for each other, and are closed after ten seconds', async () => {
    const server = await besieged({ limits: { ...UNLIMITED, maxUnadmitted: 6, maxUnadmittedPerAddress: 4 } })
    const open = (address: string) => refusedWith(openRaw(server, address))
    expect(await Promise.all([1, 2, 3, 4].map(() => open('203.0.113.1')))).toEqual([null, null, null, null])
    expect(await open('203.0.113.1')).toBe(429)
    const last = await openRaw(server, '203.0.113.2')
    expect(await open('203.0.113.3')).toBe(null)
    expect(await open('203.0.113.4')).toBe(503)
    // Whoever is admitted, or leaves, is counted no longer.
    last.socket.send('40/chat,{"token":"alice-key"}')
    await expect.poll(() => last.received.join()).toContain('40/chat,{"sid"')
    const leaving = await openRaw(server, '203.0.113.4')
    expect(await open('203.0.113.5')).toBe(503)
    leaving.socket.close()
    await leaving.closed
    await expect.poll(() => open('203.0.113.5')).toBe(null)
    server.time.advance(10_000)
    await expect.poll(() => server.io.engine.clientsCount).toBe(1)
    expect(await open('203.0.113.1')).toBe(null)
    expect(last.socket.readyState).toBe(last.socket.OPEN)
  })
})

describe('D07: a handshake that is never finished', () => {
  const connections = ({ io }: Awaited<ReturnType<typeof besieged>>) =>
    new Promise<number>((resolve) => io.httpServer.getConnections((_error, count) => resolve(count)))

  it('on polling: opened and left alone, it is closed after ten seconds', async () => {
    const server = await besieged()
    await server.get(POLLING)
    expect([server.io.engine.clientsCount, server.time.pending()]).toEqual([1, 1])
    server.time.advance(10_000)
    await expect.poll(() => server.io.engine.clientsCount).toBe(0)
    expect(server.time.pending()).toBe(0)
  })

  it('on WebSocket: it is closed whether or not the client agrees', async () => {
    const server = await besieged()
    const socket = await openByHand(server)
    await expect.poll(() => server.io.engine.clientsCount).toBe(1)
    // What answers no closing frame is kept by `ws` for another 30 s.
    const ended = once(socket, 'close')
    server.time.advance(10_000)
    await ended
    expect([server.io.engine.clientsCount, server.time.pending()]).toEqual([0, 0])
  })

  it('in the middle of an upgrade: both transports are closed with it', async () => {
    const server = await besieged()
    const { sid } = JSON.parse((await server.get(POLLING)).body.slice(1))
    // It never sends the probe that would make it the transport of the session.
    const upgrading = new WebSocket(`${server.url.replace('http', 'ws')}${WEBSOCKET}&sid=${sid}`)
    await once(upgrading, 'open')
    const ended = once(upgrading, 'close')
    server.time.advance(10_000)
    await ended
    expect([server.io.engine.clientsCount, server.time.pending()]).toEqual([0, 0])
  })

  it('with headers that do not end: nothing of the guard runs, and nothing is kept', async () => {
    const { strategy, asked } = counting()
    const server = await besieged({ strategies: [strategy] })
    const socket = tcp(Number(new URL(server.url).port), '127.0.0.1')
    for (const byte of `GET ${POLLING} HTTP/1.1\r\nAuthorization: Bearer x`) socket.write(byte)
    await expect.poll(() => connections(server)).toBe(1)
    expect((await server.get(POLLING, bad)).status).toBe(401)
    expect([asked(), server.io.engine.clientsCount, server.time.pending()]).toEqual([1, 0, 0])
    const gone = once(socket, 'close')
    socket.destroy()
    await gone
  })
})
