// @ts-check
/** Raw Engine.IO and Socket.IO frames, so that what is measured is the server and not its client. */

import { Agent, request } from 'node:http'
import WebSocket from 'ws'

/** @typedef {import('./credentials.mjs').Presented} Presented */
/** @typedef {'admitted' | 'refused at CONNECT' | 'refused before the upgrade'} Outcome */

const PATH = '/socket.io/?EIO=4&transport='

/**
 * Opens a WebSocket, joins `/chat`, and resolves with it and with what became of it. Rejects when anything else happens.
 *
 * @param {number} port @param {Presented} presented
 * @returns {Promise<{ socket: WebSocket, outcome: Outcome, answer: string }>} `answer` is what the server said, for an error
 */
export function open(port, { headers, auth }) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${PATH}websocket`, { headers, perMessageDeflate: false })
    socket.on('unexpected-response', (_request, response) => {
      response.resume()
      if (response.statusCode === undefined || response.statusCode < 400)
        reject(new Error(`HTTP ${response.statusCode}`))
      else resolve({ socket, outcome: 'refused before the upgrade', answer: `HTTP ${response.statusCode}` })
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed by the server')))
    socket.on('message', (data) => {
      const frame = String(data)
      if (frame.startsWith('0')) socket.send(`40/chat,${JSON.stringify(auth)}`)
      else if (frame.startsWith('40/chat')) resolve({ socket, outcome: 'admitted', answer: frame })
      else if (frame.startsWith('44/chat')) resolve({ socket, outcome: 'refused at CONNECT', answer: frame })
      else if (frame === '2') socket.send('3')
    })
  })
}

/** Resolves when the server has let go of it too. @param {WebSocket} socket */
export function close(socket) {
  if (socket.readyState === WebSocket.CLOSED) return Promise.resolve()
  const closed = new Promise((resolve) => socket.once('close', () => resolve(undefined)))
  socket.terminate()
  return closed
}

/**
 * As browsers do it by default: four requests of polling, of which the last waits, and then an upgrade to WebSocket.
 *
 * @param {number} port @param {Presented} presented @param {Agent} agent
 * @returns {Promise<WebSocket>}
 */
export async function openByPolling(port, { headers, auth }, agent) {
  const ask = (/** @type {string} */ query, /** @type {string} */ body = '') =>
    http(port, `${PATH}polling${query}`, headers, agent, body)
  const opened = await ask('')
  if (!opened.startsWith('0')) throw new Error(`instead of a session: ${opened.slice(0, 200)}`)
  const sid = `&sid=${JSON.parse(opened.slice(1)).sid}`
  await ask(sid, `40/chat,${JSON.stringify(auth)}`)
  const joined = await ask(sid)
  if (!joined.startsWith('40/chat')) throw new Error(`instead of being admitted: ${joined.slice(0, 200)}`)
  const waiting = ask(sid)
  const socket = await upgrade(port, sid, headers)
  const last = await waiting
  if (last !== '6') throw new Error(`instead of a noop: ${last.slice(0, 200)}`)
  socket.send('5')
  return socket
}

/** @param {number} port @param {string} sid @param {Record<string, string>} headers @returns {Promise<WebSocket>} */
function upgrade(port, sid, headers) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${PATH}websocket${sid}`, { headers, perMessageDeflate: false })
    socket.on('error', reject)
    socket.on('open', () => socket.send('2probe'))
    socket.on('message', (data) => {
      if (String(data) === '3probe') resolve(socket)
      else if (String(data) === '2') socket.send('3')
    })
  })
}

/** @param {number} port @param {string} path @param {Record<string, string>} headers @param {Agent} agent @param {string} body @returns {Promise<string>} */
function http(port, path, headers, agent, body) {
  return new Promise((resolve, reject) => {
    const method = body === '' ? 'GET' : 'POST'
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`HTTP ${response.statusCode}: ${text.slice(0, 200)}`))
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** `count` events on one connection, in bursts of 100 whose last one is acknowledged. @param {WebSocket} socket @param {number} count */
export async function sendEvents(socket, count) {
  for (let sent = 0; sent < count; sent += 100) {
    const answered = new Promise((resolve, reject) => {
      socket.on('message', function hear(data) {
        const frame = String(data)
        if (!frame.startsWith('43/chat,')) return
        socket.off('message', hear)
        if (frame === '43/chat,1["done"]') resolve(undefined)
        else reject(new Error(`instead of the answer: ${frame}`))
      })
    })
    for (let i = 0; i < 99; i += 1) socket.send('42/chat,["ping",{"text":"hello"}]')
    socket.send('42/chat,1["ping",{"text":"hello"}]')
    await answered
  }
}
