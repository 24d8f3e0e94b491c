// @ts-check
/** A generator of load, in a process of its own: what it is told to, and an error when a client is treated otherwise than expected. */

import { Agent } from 'node:http'
import { answer } from './child.mjs'
import { credentials } from './credentials.mjs'
import { close, open, openByPolling, sendEvents } from './wire.mjs'

/** @typedef {import('./credentials.mjs').Presented} Presented */

/** @type {Presented[]} */
let prepared = []
/** @type {Map<number, import('ws').WebSocket[]>} by the server's port */
const held = new Map()
const agent = new Agent({ keepAlive: true })

answer({
  /** Tokens take time to sign: not while somebody measures. */
  prepare({ credential, count }) {
    prepared = credentials(credential, count)
  },

  /** A handshake for each that is prepared, `width` at a time, closed as soon as it is decided. */
  async handshakes({ port, width, expected }) {
    await atOnce(width, async (presented) => {
      const { socket, outcome, answer: said } = await open(port, presented)
      if (outcome !== expected) throw new Error(`${outcome}, where it should have been ${expected}: ${said}`)
      await close(socket)
    })
  },

  async upgrades({ port, width }) {
    await atOnce(width, async (presented) => close(await openByPolling(port, presented, agent)))
  },

  /** All that are prepared, and they stay; answers how long that took, in milliseconds. */
  async hold({ port, width }) {
    const sockets = held.get(port) ?? []
    held.set(port, sockets)
    const started = performance.now()
    await atOnce(width, async (presented) => {
      const { socket, outcome, answer: said } = await open(port, presented)
      if (outcome !== 'admitted') throw new Error(`${outcome}, where it should have been admitted: ${said}`)
      sockets.push(socket)
    })
    return performance.now() - started
  },

  async release({ port }) {
    for (const socket of held.get(port) ?? []) socket.removeAllListeners('close')
    await Promise.all((held.get(port) ?? []).map(close))
    held.delete(port)
  },

  /** On the connection that is held. */
  async events({ port, count }) {
    const [socket] = held.get(port) ?? []
    if (socket === undefined) throw new Error('no connection is held')
    await sendEvents(socket, count)
  },
})

/** @param {number} width @param {(presented: Presented) => Promise<void>} work */
async function atOnce(width, work) {
  let next = 0
  const worker = async () => {
    for (let each = prepared[next++]; each !== undefined; each = prepared[next++]) await work(each)
  }
  await Promise.all(Array.from({ length: width }, worker))
}
