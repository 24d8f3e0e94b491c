import { describe, expect, it } from 'vitest'
import { next, outcome } from '../harness.ts'
import {
  comeBack,
  judgements,
  KINDS,
  type Kind,
  lose,
  nodes,
  present,
  say,
  settled,
  WAIT,
} from './recovery-fixtures.ts'

const MANY = 100

const newsOf = (heard: readonly unknown[][]) =>
  heard.filter(([event]) => event === 'news').map(([, message]) => message)

describe.each(KINDS)('many, and much, %s', (kind) => {
  it('F11: of 100 sockets whose authority stands, at least 95 recover, with all that they missed, in order and once', async () => {
    const { from, to } = await nodes(kind)
    const listeners = await Promise.all(Array.from({ length: MANY }, () => present(from, 'alice-key', 'room:acme:a')))
    await Promise.all(listeners.map((listener) => lose(from, listener)))
    const sent = Array.from({ length: 20 }, (_none, i) => i)
    for (const i of sent) await say(i % 2 === 0 ? from : to, i % 3 === 0 ? 'room:acme:a' : 'org:acme', i)
    const again = await Promise.all(listeners.map((listener) => comeBack(to, listener)))
    const heard = await Promise.all(again.map(async (listener) => newsOf(await settled(to, listener))))
    const whole = again.filter(
      ({ recovered }, i) => recovered && JSON.stringify(heard[i]) === JSON.stringify(sent),
    ).length
    expect(whole).toBeGreaterThanOrEqual(95)
    // Who is not recovered has not got any of it.
    for (const [i, { recovered }] of again.entries()) if (!recovered) expect(heard[i]).toEqual([])
  })

  it('loses and repeats nothing while both nodes go on sending, however long the application thinks', async () => {
    const { from, to } = await nodes(kind)
    to.io.of('/chat').use((_socket, pass) => {
      setImmediate(() => setImmediate(() => setImmediate(pass)))
    })
    const listeners = await Promise.all(Array.from({ length: 20 }, () => present(from)))
    await Promise.all(listeners.map((listener) => lose(from, listener)))
    const [stop, sent] = [sender(kind, from, to), [] as unknown[]]
    const again = await Promise.all(
      listeners.map(async (listener, i) => {
        await expect.poll(() => stop.count(), WAIT).toBeGreaterThan(i * 5)
        return comeBack(to, listener)
      }),
    )
    await expect.poll(() => stop.count(), WAIT).toBeGreaterThan(150)
    sent.push(...stop.stop())
    expect(new Set(judgements(to))).toEqual(new Set(['recovered']))
    for (const listener of again) {
      await expect.poll(() => newsOf(listener.heard).length, WAIT).toBeGreaterThanOrEqual(sent.length)
      // Each node's own are in its order; between nodes, live ones have none.
      for (const node of ['from', 'to']) {
        const ofNode = (messages: readonly unknown[]) => messages.filter((message) => String(message).startsWith(node))
        expect(ofNode(newsOf(listener.heard))).toEqual(ofNode(sent))
      }
      expect(newsOf(listener.heard).length).toBe(sent.length)
    }
  })

  it('an event that asked for an acknowledgement is not sent again without one', async () => {
    const { from, to } = await nodes(kind)
    const listener = await present(from)
    const away = from.io.of('/chat').sockets.get(listener.client.id as string)
    const id = await lose(from, listener)
    const failed = away?.timeout(50).emitWithAck('question', 1)
    await expect(failed).rejects.toThrow(/timed out/)
    await say(from, 'org:acme', 'missed')
    const again = await comeBack(to, listener)
    again.client.on('question', (_what, answer) => answer('yes'))
    expect(again.recovered).toBe(true)
    expect(await to.io.of('/chat').sockets.get(id)?.timeout(1_000).emitWithAck('question', 2)).toBe('yes')
    expect((await settled(to, again)).map(([event]) => event)).toEqual(['news', 'question'])
  })

  it('a client of Socket.IO comes back by itself', async () => {
    const { from } = await nodes(kind)
    const client = from.client('/chat', { auth: { token: 'alice-key' }, reconnection: true, reconnectionDelay: 1 })
    expect(await outcome(client)).toBe(null)
    const heard: unknown[] = []
    client.on('news', (message) => heard.push(message))
    from.io.of('/chat').emit('news', 1)
    await expect.poll(() => heard, WAIT).toEqual([1])
    client.io.engine.close()
    await next(client, 'connect')
    expect(client.recovered).toBe(true)
    from.io.of('/chat').emit('news', 2)
    await expect.poll(() => heard, WAIT).toEqual([1, 2])
  })
})

/** Both nodes send, one message each in a millisecond. */
function sender(kind: Kind, from: Awaited<ReturnType<typeof nodes>>['from'], to: typeof from) {
  const sent: string[] = []
  let running = true
  let count = 0
  const turn = () => {
    if (!running) return
    for (const [name, { io }] of Object.entries(kind === 'memory' ? { from } : { from, to })) {
      const message = `${name} ${count}`
      io.of('/chat').to('org:acme').emit('news', message)
      sent.push(message)
    }
    count += 1
    setTimeout(turn, 1)
  }
  turn()
  return {
    count: () => count,
    stop() {
      running = false
      return sent
    },
  }
}
