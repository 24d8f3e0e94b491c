// @ts-check
/** F7: a backend that is asked about credentials hangs or fails, and others are admitted meanwhile. */

import { createServer } from 'node:http'
import { tokensOf } from '../credentials.mjs'
import { startGuarded } from '../processes.mjs'
import { ask, rawSocket } from '../raw-clients.mjs'
import { fault, missedOf, ms, quantile } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

/** Between two handshakes that ask the backend. */
const EVERY_MS = 10
/** A second, and what a busy machine adds to it. */
const ANSWERED_WITHIN_MS = 1_500
const UNCHANGED = 1.1

export const scenario = fault({
  id: 'F7',
  fault: 'a webhook or an introspection endpoint hangs, or answers 5xx',
  done: '100 handshakes a second by webhook, in turns with a backend that answers and one that hangs, and handshakes with tokens beside them (quick: fewer); and tests of each failure',
  goal: 'answered 503 at the deadline of 1 s; p99 of the other strategies within 10 % of what it is while the backend answers, or of two halves of that',
  seconds: 180,
  play: ({ quick }) => hangingBackend({ rounds: quick ? 2 : 6, perRound: quick ? 250 : 700 }),
})

/** @param {{ rounds: number, perRound: number }} options */
async function hangingBackend({ rounds, perRound }) {
  let hangs = false
  const backend = createServer((_request, response) => {
    if (!hangs) response.setHeader('content-type', 'application/json').end('{"permit":false}')
  })
  backend.listen(0, '127.0.0.1')
  await new Promise((resolve) => backend.once('listening', () => resolve(undefined)))
  const { port: hookPort } = /** @type {import('node:net').AddressInfo} */ (backend.address())
  const server = await startGuarded({ unlimited: true, hookUrl: `http://127.0.0.1:${hookPort}/` })
  try {
    const tokens = await tokensOf(perRound)
    /** @type {Record<'answers' | 'hangs', number[][]>} */
    const others = { answers: [], hangs: [] }
    /** @type {{ status: number, tookMs: number }[]} */
    const hung = []
    for (let round = 0; round < rounds * 2; round += 1) {
      hangs = round % 2 === 1
      const asked = askSteadily(server.port, round)
      const took = await visit(server.port, tokens)
      others[hangs ? 'hangs' : 'answers'].push(took)
      const answers = await asked.stop()
      if (hangs) hung.push(...answers)
      // Until the backend answers the breaker's question again, the next round would not be a calm one.
      hangs = false
      while ((await ask(server.port, { headers: { authorization: `Hook settled-${round}` } })).status !== 401)
        await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const p99 = (/** @type {number[][]} */ all) => quantile(all.flat(), 0.99)
    const [calm, beside] = [p99(others.answers), p99(others.hangs)]
    const halves = [0, 1].map((half) => p99(others.answers.filter((_, i) => i % 2 === half)))
    const noise = Math.max(...halves) / Math.min(...halves)
    const slowest = Math.max(...hung.map(({ tookMs }) => tookMs))
    const statuses = [...new Set(hung.map(({ status }) => status))]
    const tests = await playTests({
      files: ['webhook', 'webhook-server', 'webhook-load', 'introspection-answers'].map(
        (name) => `packages/portcullis/test/strategies/${name}.test.ts`,
      ),
      named: 'F7\\b',
    })
    return {
      seen: `${hung.length} answered ${statuses}, the slowest after ${ms(slowest)}; others p99 ${ms(calm)} and ${ms(beside)} (ratio ${(beside / calm).toFixed(2)}; of two calm halves ${noise.toFixed(2)}); ${tests.passed} tests`,
      missed: [
        ...missedOf({
          'all answered 503': statuses.length === 1 && statuses[0] === 503,
          'answered at the deadline': slowest <= ANSWERED_WITHIN_MS,
          'p99 of others unchanged': beside / calm <= Math.max(UNCHANGED, noise),
        }),
        ...tests.missed,
      ],
    }
  } finally {
    await server.stop()
    backend.closeAllConnections()
    backend.close()
  }
}

/** Handshakes that ask the backend, at one pace whatever becomes of them. @param {number} port @param {number} round */
function askSteadily(port, round) {
  /** @type {Promise<{ status: number, tookMs: number }>[]} */
  const asked = []
  const timer = setInterval(() => {
    const startedMs = performance.now()
    const headers = { authorization: `Hook token-${round}-${asked.length}` }
    asked.push(ask(port, { headers }).then(({ status }) => ({ status, tookMs: performance.now() - startedMs })))
  }, EVERY_MS)
  return {
    stop() {
      clearInterval(timer)
      return Promise.all(asked)
    },
  }
}

/** Handshakes with tokens, one after another; milliseconds of each. @param {number} port @param {string[]} tokens */
async function visit(port, tokens) {
  const took = []
  for (const token of tokens) {
    const startedMs = performance.now()
    const socket = rawSocket(port)
    await socket.opened
    const answer = await socket.connect({ token })
    took.push(performance.now() - startedMs)
    if (!answer?.startsWith('40')) throw new Error(`a good client was answered ${answer}`)
    await socket.vanish()
  }
  return took
}
