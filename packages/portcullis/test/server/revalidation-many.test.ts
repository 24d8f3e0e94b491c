import { Manager } from 'socket.io-client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { gate, onCleanup, outcome } from '../harness.ts'
import { turns, watched } from './revalidation-fixtures.ts'

/** Everybody falls due after this part of the interval. */
function dueAt(part: number): void {
  const random = vi.spyOn(Math, 'random').mockReturnValue(part)
  onTestFinished(() => random.mockRestore())
}

/** So many connections, each with a socket in every one of so many namespaces; `sidOf` says with which session. */
async function crowd(
  connections: number,
  namespaces: number,
  sidOf: (connection: number, namespace: number) => string,
) {
  const server = await watched()
  const { auth, io, logins, url } = server
  const names = Array.from({ length: namespaces }, (_, n) => `/n${n}`)
  for (const name of names) auth.protect(io.of(name), { events: {} })
  for (let i = 0; i < connections; i += 1) {
    const manager = new Manager(url, { transports: ['websocket'], reconnection: false })
    onCleanup(() => manager._close())
    const admitted = names.map((name, n) => {
      const sid = sidOf(i, n)
      logins.set(sid, {})
      return outcome(manager.socket(name, { auth: { sid } }))
    })
    expect(new Set(await Promise.all(admitted))).toEqual(new Set([null]))
  }
  const connected = () => names.reduce((sum, name) => sum + io.of(name).sockets.size, 0)
  return { ...server, connected }
}

describe('many that fall due together', () => {
  it('are one question for each session: 1,000 sockets of 100 sessions ask for 100', async () => {
    dueAt(0.5)
    const { asked, pass, connected, logins } = await crowd(100, 10, (connection) => `session-${connection}`)
    await pass(15)
    expect(asked.map((handles) => handles.length)).toEqual([100])
    expect(new Set(asked[0]).size).toBe(100)
    await pass(30)
    expect(asked.map((handles) => handles.length)).toEqual([100, 100])
    for (let i = 0; i < 50; i += 1) logins.delete(`session-${i}`)
    await pass(30)
    await expect.poll(connected).toBe(500)
    await pass(30)
    expect(asked.map((handles) => handles.length)).toEqual([100, 100, 100, 50])
  })

  it('are 500 at most in a question, and one question at a time', async () => {
    dueAt(0.5)
    const { asked, pass, store, lookAt } = await crowd(90, 12, (connection, n) => `session-${connection}-${n}`)
    const gates = [gate(), gate()]
    let underWay = 0
    let most = 0
    store.instead = async (handles) => {
      underWay += 1
      most = Math.max(most, underWay)
      await gates[asked.length - 1]?.promise
      underWay -= 1
      return handles.map(lookAt)
    }
    await pass(16)
    const sizes = () => asked.map((handles) => handles.length)
    expect(sizes()).toEqual([500])
    gates[0]?.open()
    await turns()
    expect(sizes()).toEqual([500, 500])
    gates[1]?.open()
    await turns()
    expect([sizes(), most]).toEqual([[500, 500, 80], 1])
    expect(new Set(asked.flat()).size).toBe(1080)
  })

  it('X13: that learn nothing are asked for 500 a second, and not as fast as a store can fail', async () => {
    dueAt(0.5)
    const { asked, pass, store, time } = await crowd(90, 12, (connection, n) => `session-${connection}-${n}`)
    store.instead = () => Promise.reject(new Error('ECONNREFUSED'))
    await pass(14)
    const began = time.seconds()
    const at: number[] = []
    for (let i = 0; i < 4; i += 1) {
      await pass(1)
      at.push(asked.length)
    }
    expect(time.seconds() - began).toBe(4)
    expect(at).toEqual([1, 2, 3, 3])
  })

  it('do not fall due together when they connected together, and each is looked at in every interval', async () => {
    const { asked, pass, time } = await crowd(10, 12, (connection, n) => `session-${connection}-${n}`)
    const seenAt = new Map<unknown, number[]>()
    const began = time.seconds()
    const perSecond: number[] = []
    for (let second = 1; second <= 90; second += 1) {
      asked.length = 0
      await pass(1)
      perSecond.push(asked.flat().length)
      for (const handle of asked.flat()) seenAt.set(handle, [...(seenAt.get(handle) ?? [began]), time.seconds()])
    }
    expect(seenAt.size).toBe(120)
    for (const times of seenAt.values()) {
      const gaps = times.slice(1).map((at, i) => at - (times[i] as number))
      expect(Math.max(...gaps)).toBeLessThanOrEqual(30)
      // After the first, which is anywhere, exactly: what shares a second goes on to share it.
      expect(gaps.slice(1).every((gap) => gap === 30)).toBe(true)
    }
    expect(Math.max(...perSecond)).toBeLessThan(30)
    expect(perSecond.filter((count) => count > 0).length).toBeGreaterThan(45)
  })

  it('leave nothing behind when they have gone', async () => {
    const { io, time, connected, asked, pass } = await crowd(10, 3, (connection) => `session-${connection}`)
    expect(time.pending()).toBeGreaterThan(0)
    io.disconnectSockets(true)
    for (let n = 0; n < 3; n += 1) io.of(`/n${n}`).disconnectSockets(true)
    await expect.poll(connected).toBe(0)
    await expect.poll(time.pending).toBe(0)
    await pass(60)
    expect([asked, time.pending()]).toEqual([[], 0])
  })
})
