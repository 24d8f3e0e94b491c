// @ts-check
/** Plays an input to the server, and says what came back. */

import { LAST_OFFSET, LAST_PID, RECONNECT, STRANGER } from './input.mjs'
import { encodeFrame } from './raw-frames.mjs'
import { dial, exchange, readHead, readMessage } from './wire.mjs'

/** @typedef {import('./input.mjs').Input} Input */
/** @typedef {import('./input.mjs').Frame} Frame */
/** @typedef {{ status: number, received: string[] }} Played */

const UPGRADE = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]

/** How long an answer to a CONNECT is waited for, and a poll for something to fetch. Milliseconds. */
const ANSWER_MS = 250
const POLL_MS = 60

/**
 * @param {import('./target.mjs').Target} target
 * @param {Input} input
 * @param {number} number under which the server knows it
 * @returns {Promise<Played>}
 */
export async function play(target, input, number) {
  const own = input.php === null ? input : withOwnSession(input, input.php, number)
  if (own.php !== null) await target.ask('put', own.php)
  return own.transport === 'websocket' ? overWebSocket(target, own, number) : overPolling(target, own, number)
}

/**
 * With the number in the session's id: an input that has the cookie of another must not find the other's session.
 *
 * @param {Input} input
 * @param {NonNullable<Input['php']>} php
 * @param {number} number
 * @returns {Input}
 */
function withOwnSession(input, { sid, bytes }, number) {
  const own = sid.slice(0, -8) + number.toString(16).padStart(8, '0')
  const headers = input.headers.map(
    ([name, value]) => /** @type {[string, string]} */ ([name, value.replaceAll(sid, own)]),
  )
  return { ...input, headers, php: { sid: own, bytes } }
}

/** @param {import('./target.mjs').Target} target @param {Input} input @param {number} number @returns {Promise<Played>} */
async function overWebSocket(target, input, number) {
  /** @type {string[]} */
  const received = []
  let status = 0
  // Each connection has the frames up to the next that asks for another one.
  for (let from = 0; from <= input.frames.length; ) {
    const next = input.frames.indexOf(RECONNECT, from)
    const to = next === -1 ? input.frames.length : next
    const line = dial(target.ports[input.server], requestOf(input, number, 'GET', input.query, UPGRADE))
    const head = await line.take(readHead)
    if (head?.status === 101) await converse(target, line, input.frames.slice(from, to), received)
    line.close(to % 2 === 0)
    if (from === 0) status = head?.status ?? 0
    from = to + 1
    if (next === -1) break
  }
  return { status, received }
}

/** @param {import('./target.mjs').Target} target @param {import('./wire.mjs').Line} line @param {readonly Frame[]} frames @param {string[]} received */
async function converse(target, line, frames, received) {
  let isOver = false
  for (const frame of frames) {
    line.write(onTheWire(typeof frame === 'string' ? filled(frame, received) : frame))
    // Mostly each comes by itself; a frame that ends the connection would take those along that came with it.
    await new Promise((resolve) => setImmediate(resolve))
    if (typeof frame !== 'string' || !frame.startsWith('40')) continue
    isOver = await hear(line, received, /^4[04]/)
    if (isOver) break
  }
  await target.ask('turn')
  if (!isOver) await hear(line, received, null)
}

/** @param {string} frame @param {readonly string[]} received */
function filled(frame, received) {
  if (!frame.includes(LAST_PID)) return frame
  const last = (/** @type {RegExp} */ pattern) =>
    received.map((message) => pattern.exec(message)?.[1]).findLast((found) => found !== undefined) ?? ''
  return frame.replace(LAST_PID, last(/"pid":"([\w-]+)"/)).replace(LAST_OFFSET, last(/^42.*"([\w.-]+)"\]$/))
}

/**
 * Takes all that has come; or what comes, up to the first message that is `awaited`. True when the server has closed.
 *
 * @param {import('./wire.mjs').Line} line
 * @param {string[]} received
 * @param {RegExp | null} awaited
 */
async function hear(line, received, awaited) {
  for (;;) {
    const message = await line.take(readMessage, awaited === null ? 0 : ANSWER_MS)
    if (message === null) return line.isOver
    if (message.isClose) return true
    received.push(message.text)
    if (awaited?.test(message.text)) return false
  }
}

/** @param {import('./target.mjs').Target} target @param {Input} input @param {number} number @returns {Promise<Played>} */
async function overPolling(target, input, number) {
  const port = target.ports[input.server]
  const { status, body } = await exchange(port, requestOf(input, number, 'GET', input.query, []))
  const sid = /"sid":"([\w-]+)"/.exec(body)?.[1]
  if (sid === undefined) return { status, received: [body] }
  const query = `${input.query}&sid=${sid}`
  const received = []
  for (const frame of input.frames) {
    if (frame === STRANGER) {
      const words = Buffer.from('42/chat,["hijacked"]')
      await exchange(port, requestOf({ ...input, headers: [] }, number, 'POST', query, [], words))
      continue
    }
    const data = typeof frame === 'string' ? Buffer.from(frame) : postOf(frame)
    const answer = await exchange(port, requestOf(input, number, 'POST', query, [], data))
    if (answer.status !== 200) break
    if (typeof frame === 'string' && frame.startsWith('40')) {
      const fetched = await exchange(port, requestOf(input, number, 'GET', query, []), ANSWER_MS)
      received.push(...fetched.body.split('\x1e'))
    }
  }
  await target.ask('turn')
  const last = await exchange(port, requestOf(input, number, 'GET', query, []), POLL_MS)
  received.push(...last.body.split('\x1e'))
  await exchange(port, requestOf(input, number, 'POST', query, [], Buffer.from('1')))
  return { status, received }
}

/** @param {Frame} frame @returns {Buffer} */
function onTheWire(frame) {
  if (typeof frame === 'string') return encodeFrame(frame)
  const bytes = Buffer.from(frame.bytes, 'base64')
  return frame.raw ? bytes : encodeFrame(bytes)
}

/** @param {{ bytes: string, raw: boolean }} frame */
function postOf({ bytes, raw }) {
  return raw ? Buffer.from(bytes, 'base64') : Buffer.from(`b${bytes}`)
}

/**
 * @param {Input} input
 * @param {number} number
 * @param {string} method
 * @param {string} query
 * @param {string[][]} more headers
 * @param {Buffer} [body]
 */
function requestOf(input, number, method, query, more, body) {
  const forwarded = input.headers.some(([name]) => name.toLowerCase() === 'x-forwarded-for')
  const headers = [
    ['Host', '127.0.0.1'],
    ['X-Input', String(number)],
    // Each input comes from somewhere else, so that what is refused to one does not use up what the next may try.
    ...(forwarded ? [] : [['X-Forwarded-For', `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`]]),
    ...(more.length > 0 ? more : [['Connection', 'close']]),
    ...(body === undefined
      ? []
      : [
          ['Content-Type', 'text/plain;charset=UTF-8'],
          ['Content-Length', String(body.length)],
        ]),
    ...input.headers,
  ]
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const head = Buffer.from(`${method} /socket.io/?${query} HTTP/1.1\r\n${lines}\r\n`, 'latin1')
  return body === undefined ? head : Buffer.concat([head, body])
}
