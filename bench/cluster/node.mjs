// @ts-check
/** One node of a cluster, in a process of its own, with a server for each way of ending a subject. */

import { answer } from '../child.mjs'
import { redisClient } from '../servers/redis.mjs'
import { WAYS } from './ways.mjs'

/** @type {Map<string, import('./ways.mjs').Way>} */
const ways = new Map()
/** Subjects whose authentication waits. @type {Map<string, { waiting: (() => void)[] }>} */
const held = new Map()
/** @type {Awaited<ReturnType<typeof redisClient>>[]} */
const subscribers = []
/** What comes after all that a way has sent, on the same connections. @type {Map<string, { count: number, send: () => Promise<unknown> }>} */
const fences = new Map()

answer({
  /** All that subscribes goes through `busPort`; commands go to Redis directly. Answers with the port of each way. */
  async start({ busPort, prefix }) {
    const socket = { host: '127.0.0.1', port: busPort, reconnectStrategy: () => 20 }
    for (const [name, open] of Object.entries(WAYS)) {
      const client = await redisClient({ disableOfflineQueue: true })
      const subscriber = await redisClient({ url: `redis://127.0.0.1:${busPort}`, socket })
      subscribers.push(subscriber)
      ways.set(name, await open({ client, subscriber, prefix, pause }))
      const channel = `${prefix}${name}:fence`
      const fence = { count: 0, send: () => client.publish(channel, '') }
      await subscriber.subscribe(channel, () => {
        fence.count += 1
      })
      fences.set(name, fence)
    }
    return Object.fromEntries([...ways].map(([name, { port }]) => [name, port]))
  },

  /** When it was begun, by the clock that all processes share, and what came of it. */
  async end({ way, subject }) {
    const startedAt = process.hrtime.bigint()
    const outcome = await ways.get(way)?.end(subject)
    return { startedAt: String(startedAt), doneAt: String(process.hrtime.bigint()), outcome }
  },

  hold({ subject }) {
    held.set(subject, { waiting: [] })
  },
  /** How many authentications of a held subject have begun. */
  begun: ({ subject }) => held.get(subject)?.waiting.length ?? 0,
  letGo({ subject }) {
    const { waiting } = held.get(subject) ?? { waiting: [] }
    held.delete(subject)
    for (const go of waiting) go()
  },

  sendFence: ({ way }) => fences.get(way)?.send(),
  fences: ({ way }) => fences.get(way)?.count ?? 0,

  /** Whether all that subscribe have their connection. */
  hears: () => subscribers.every(({ isReady }) => isReady),
})

/** @param {string} subject @returns {Promise<void>} */
function pause(subject) {
  const waiting = held.get(subject)?.waiting
  return waiting === undefined ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))
}
