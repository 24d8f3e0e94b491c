// @ts-check
/** Handshakes of those who must not get in, or do not finish. Each resolves when the client has done its worst; none may be admitted. */

import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { cookieOf, SESSION_ID, tokenOf } from '../credentials.mjs'
import { ask, openPolling, rawSocket } from '../raw-clients.mjs'

/** @typedef {import('./good.mjs').Attempt} Attempt */

const forged = await tokenOf('intruder', { by: randomBytes(32) })
const ended = await tokenOf('intruder-late', { expiresInSeconds: -3_600 })
const noSession = cookieOf('nobody kept this')
const forgedCookie = cookieOf(SESSION_ID, 'another secret')

/** Those that leave a connection to the server's own time limits: nobody waits for their end. */
export const LINGERING = new Set([
  'opens and is silent',
  'polls once and is silent',
  'asks for the upgrade and is silent',
])

/** @type {Record<string, (attempt: Attempt) => Promise<unknown>>} */
export const HOSTILE = {
  'forged token in the header': (attempt) => refusedAtDoor(attempt, { authorization: `Bearer ${forged}` }),
  'forged cookie': (attempt) => refusedAtDoor(attempt, { cookie: forgedCookie }),
  'cookie of no session': (attempt) => refusedAtDoor(attempt, { cookie: noSession }),
  'foreign origin': (attempt) =>
    refusedAtDoor(attempt, { origin: 'https://evil.example', cookie: cookieOf(SESSION_ID) }),
  'forged token in auth': (attempt) => refusedAtConnect(attempt, '/chat', { token: forged }),
  'ended token in auth': (attempt) => refusedAtConnect(attempt, '/chat', { token: ended }),
  'bad look-up': (attempt) => refusedAtConnect(attempt, '/chat', { lookup: 'bad' }),
  'good token, wrong namespace': (attempt) => refusedAtConnect(attempt, '/admin', { token: attempt.token }),
  'good token, namespace of its own': (attempt) =>
    refusedAtConnect(attempt, `/chat-${Math.floor(attempt.random() * 1e9)}`, { token: attempt.token }),
  'vanishes with the request': ({ port, address }) => vanishMidRequest(port, address),
  'vanishes with the upgrade': ({ port, address }) => vanishWithUpgrade(port, address),
  async 'vanishes once open'({ port, address }) {
    const socket = rawSocket(port, { address })
    await socket.opened
    await socket.vanish()
  },
  async 'vanishes while it is looked up'({ port, address }) {
    const socket = rawSocket(port, { address })
    await socket.opened
    socket.send('40/chat,{"lookup":"good-but-gone"}')
    // The server has read the frame before when it answers a ping of the protocol.
    await new Promise((resolve) => socket.ws.once('pong', resolve).once('close', resolve).ping())
    await socket.vanish()
  },
  async 'vanishes with its connect'({ port, address, token }) {
    const socket = rawSocket(port, { address })
    await socket.opened
    socket.ws.send(`40/chat,${JSON.stringify({ token })}`, () => socket.ws.terminate())
    await socket.closed
  },
  async 'polls once and breaks off the second'({ port, address }) {
    const path = await openPolling(port, { address })
    if (path !== null) await ask(port, { address, path }, (request) => setImmediate(() => request.destroy()))
  },
  async 'floods with connects'({ port, address }) {
    const socket = rawSocket(port, { address })
    await socket.opened
    for (let i = 0; i < 30; i += 1) socket.send(`40/chat,${JSON.stringify({ token: forged })}`)
    await socket.closed
  },
  async 'floods with events before its connect'({ port, address }) {
    const socket = rawSocket(port, { address })
    await socket.opened
    for (let i = 0; i < 100; i += 1) socket.send(`42/chat,${i}["ping",{}]`)
    await socket.closed
  },
  async 'sends garbage'({ port, address, random }) {
    const socket = rawSocket(port, { address })
    await socket.opened
    for (let i = 0; i < 5; i += 1) {
      const bytes = randomBytes(1 + Math.floor(random() * 200))
      socket.send(random() < 0.5 ? bytes : `4${bytes.toString('latin1')}`)
    }
    socket.ws.close()
    await socket.closed
  },
  async 'posts garbage'({ port, address }) {
    const path = await openPolling(port, { address })
    if (path !== null) await ask(port, { address, path, method: 'POST', body: randomBytes(100).toString('latin1') })
  },
  async 'opens and is silent'({ port, address }) {
    const socket = rawSocket(port, { address })
    await socket.opened
    await socket.closed
  },
  async 'polls once and is silent'({ port, address }) {
    const path = await openPolling(port, { address })
    if (path !== null) await ask(port, { address, path })
  },
  async 'asks for the upgrade and is silent'({ port, address }) {
    const path = await openPolling(port, { address })
    if (path === null) return
    const socket = rawSocket(port, { address, path: path.replace('polling', 'websocket') })
    await socket.opened
    socket.send('2probe')
    await socket.closed
  },
}

/** @param {Attempt} attempt @param {Record<string, string>} headers */
async function refusedAtDoor({ port, address }, headers) {
  const socket = rawSocket(port, { address, headers })
  if (await socket.opened) throw new Error('a bad request was let through')
}

/** @param {Attempt} attempt @param {string} namespace @param {object} auth */
async function refusedAtConnect({ port, address }, namespace, auth) {
  const socket = rawSocket(port, { address })
  await socket.opened
  const answer = await socket.connect(auth, namespace)
  await socket.vanish()
  if (answer?.startsWith('40')) throw new Error(`a bad connect was answered ${answer}`)
}

/** @param {number} port @param {string} address @returns {Promise<void>} */
function vanishMidRequest(port, address) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      const head = `GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${address}\r\nCook`
      socket.write(head, () => socket.destroy())
    })
    socket.on('error', () => {}).once('close', () => resolve())
  })
}

/** @param {number} port @param {string} address */
async function vanishWithUpgrade(port, address) {
  const socket = rawSocket(port, { address, headers: { authorization: `Bearer ${forged}` } })
  await new Promise((resolve) => setImmediate(resolve))
  socket.ws.terminate()
  await socket.closed
}
