// @ts-check
/** Handshakes of real Socket.IO servers over a fake engine, in a process of their own: microseconds of CPU for each. */

import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { answer, cpuMicroseconds } from '../child.mjs'
import { enter } from '../fake-engine.mjs'
import { freshTokens } from '../tokens.mjs'

/** So many at a time, as with real clients: work in threads of the pool overlaps then. */
const WIDTH = 10
export const HANDSHAKES_PER_SLICE = 100

/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {string} group a module in `servers/`
 * @property {string} server a variant of that module
 * @property {boolean} [header] the token comes with the request; else in the CONNECT packet
 * @property {boolean} [seen] one token again and again
 */

/**
 * A round is made of slices that take turns, so that what slows the machine for a moment does not meet one variant alone.
 *
 * @param {{ variants: Variant[], rounds: number, slices: number, warmUps: number }} settings
 * @returns {Promise<number[][]>} of each variant, round by round
 */
async function run({ variants, rounds, slices, warmUps }) {
  const running = await Promise.all(variants.map(start))
  /** @type {number[][]} */
  const figures = variants.map(() => [])
  for (let round = -warmUps; round < rounds; round += 1) {
    const spent = variants.map(() => 0)
    for (let slice = 0; slice < slices; slice += 1) {
      for (let turn = 0; turn < running.length; turn += 1) {
        const index = (turn + slice + round + warmUps) % running.length
        spent[index] = (spent[index] ?? 0) + (await measure(running[index]))
      }
    }
    if (round < 0) continue
    for (const [index, microseconds] of spent.entries())
      figures[index]?.push(microseconds / (slices * HANDSHAKES_PER_SLICE))
  }
  for (const { io } of running) await io.close()
  return figures
}

/** @param {Awaited<ReturnType<typeof start>> | undefined} server @returns {Promise<number>} microseconds of CPU */
async function measure(server) {
  if (server === undefined) throw new Error('no such server')
  const tokens = server.tokensOf(HANDSHAKES_PER_SLICE)
  const before = cpuMicroseconds()
  await connectAll(server.io, tokens, server.header)
  return cpuMicroseconds() - before
}

/** @param {Variant} variant */
async function start({ group, server, header = false, seen = false }) {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'], serveClient: false })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { VARIANTS } = await import(`../servers/${group}.mjs`)
  VARIANTS[server](io, {})
  io.of('/chat').on('connection', (socket) => socket.on('ping', () => {}))
  const [same = ''] = freshTokens(1)
  const tokensOf = (/** @type {number} */ count) =>
    seen ? Array.from({ length: count }, () => same) : freshTokens(count)
  return { io, tokensOf, header }
}

/** Each is closed as soon as it is admitted; one that is refused ends the run. @param {Server} io @param {string[]} tokens @param {boolean} header */
async function connectAll(io, tokens, header) {
  let next = 0
  const worker = async () => {
    for (let token = tokens[next++]; token !== undefined; token = tokens[next++]) {
      const socket = header
        ? await enter(io, '/chat', {}, undefined, { authorization: `Bearer ${token}` })
        : await enter(io, '/chat', { token })
      socket.close()
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
  if (next < tokens.length) throw new Error('not all clients were admitted')
}

answer({ run })
