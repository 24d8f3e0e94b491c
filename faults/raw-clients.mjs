// @ts-check
/** Clients that speak frames, over WebSocket and by polling: each has an address of its own, and does what it likes. */

import { request } from 'node:http'
import { WebSocket } from 'ws'
import { ORIGIN } from './credentials.mjs'

const PATH = '/socket.io/?EIO=4&transport='

/** @typedef {{ address?: string, headers?: Record<string, string>, path?: string, method?: string, body?: string }} Told */

/** @param {Told} told */
const headersOf = ({ address = '198.51.100.1', headers = {} }) => ({
  origin: ORIGIN,
  'x-forwarded-for': address,
  ...headers,
})

/**
 * A WebSocket whose messages are kept until somebody waits for one.
 *
 * @param {number} port @param {Told} [told]
 */
export function rawSocket(port, told = {}) {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${told.path ?? `${PATH}websocket`}`, {
    headers: headersOf(told),
    perMessageDeflate: false,
  })
  /** @type {string[]} */
  const heard = []
  /** @type {{ isIt: (frame: string) => boolean, resolve: (frame: string | null) => void }[]} */
  let waiting = []
  let status = 0
  const closed = new Promise((resolve) => ws.once('close', () => resolve(performance.now())))
  ws.on('error', () => {})
  ws.on('unexpected-response', (_request, response) => {
    status = response.statusCode ?? 0
    response.resume()
    ws.terminate()
  })
  ws.on('message', (data) => {
    const frame = String(data)
    if (frame === '2') ws.send('3')
    const waited = waiting.find(({ isIt }) => isIt(frame))
    if (waited === undefined) heard.push(frame)
    else {
      waiting = waiting.filter((each) => each !== waited)
      waited.resolve(frame)
    }
  })
  ws.once('close', () => {
    for (const { resolve } of waiting.splice(0)) resolve(null)
  })
  return {
    ws,
    closed,
    /** Of an upgrade that was refused; 0 otherwise. */
    status: () => status,
    opened: new Promise((resolve) => {
      ws.once('open', () => resolve(true))
      ws.once('close', () => resolve(false))
    }),
    /** @param {string | Buffer} frame */
    send(frame) {
      if (ws.readyState === WebSocket.OPEN) ws.send(frame)
    },
    /** The next frame that begins so, also when it has come already; null when the connection closes before. @param {string[]} starts @returns {Promise<string | null>} */
    frame(...starts) {
      const isIt = (/** @type {string} */ frame) => starts.some((start) => frame.startsWith(start))
      const at = heard.findIndex(isIt)
      if (at >= 0) return Promise.resolve(heard.splice(at, 1)[0] ?? null)
      if (ws.readyState === WebSocket.CLOSED) return Promise.resolve(null)
      return new Promise((resolve) => waiting.push({ isIt, resolve }))
    },
    /** Asks for `/chat`; the answer, `40…` or `44…`. @param {object} auth */
    connect(auth, namespace = '/chat') {
      this.send(`40${namespace},${JSON.stringify(auth)}`)
      return this.frame(`40${namespace}`, `44${namespace}`)
    },
    /** Without a word. */
    vanish() {
      ws.terminate()
      return closed
    },
  }
}

/**
 * One HTTP request; resolves with status 0 when it was broken off.
 *
 * @param {number} port @param {Told} [told] @param {(request: import('node:http').ClientRequest) => void} [onSent]
 * @returns {Promise<{ status: number, body: string }>}
 */
export function ask(port, told = {}, onSent = () => {}) {
  const { path = `${PATH}polling`, method = 'GET', body } = told
  return new Promise((resolve) => {
    const asked = request(
      { host: '127.0.0.1', port, path, method, headers: headersOf(told), agent: false },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('error', () => {})
        response.on('close', () => resolve({ status: response.statusCode ?? 0, body: text }))
      },
    )
    asked.on('error', () => resolve({ status: 0, body: '' }))
    asked.end(body, () => onSent(asked))
  })
}

/** A polling session: the path of its later requests; null when it was refused. @param {number} port @param {Told} [told] */
export async function openPolling(port, told = {}) {
  const { status, body } = await ask(port, told)
  if (status !== 200) return null
  return `${PATH}polling&sid=${JSON.parse(body.slice(1)).sid}`
}
