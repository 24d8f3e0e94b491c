// @ts-check
/** The clients of a cluster, in a process of their own: when each saw its end. */

import { answer } from '../child.mjs'
import { close, open } from '../wire.mjs'

/** @typedef {{ socket: import('ws').WebSocket, ended: Promise<string> }} Client */

/** @type {Map<string, Client>} by port and subject */
const clients = new Map()

answer({
  /** Answers with what became of it; one that is admitted stays. */
  async connect({ port, subject }) {
    const { socket, outcome } = await open(port, { headers: {}, auth: { token: subject } })
    if (outcome === 'admitted') clients.set(`${port} ${subject}`, { socket, ended: endOf(socket) })
    else await close(socket)
    return outcome
  },

  /** When the disconnection or the close came, by the clock that all processes share; null when it has not after so long. */
  async ended({ port, subject, timeoutMs }) {
    const client = clients.get(`${port} ${subject}`)
    if (client === undefined) throw new Error(`${subject} is not connected to ${port}`)
    const late = new Promise((resolve) => setTimeout(resolve, timeoutMs, null).unref())
    const ended = await Promise.race([client.ended, late])
    clients.delete(`${port} ${subject}`)
    await close(client.socket)
    return ended
  },
})

/** @param {import('ws').WebSocket} socket @returns {Promise<string>} */
function endOf(socket) {
  return new Promise((resolve) => {
    const end = () => resolve(String(process.hrtime.bigint()))
    socket.once('close', end)
    socket.on('message', (data) => {
      if (String(data).startsWith('41/chat')) end()
    })
  })
}
