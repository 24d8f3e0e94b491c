// @ts-check
/** F15: a crowd that connects and never says who it is. */

import { tokensOf } from '../credentials.mjs'
import { startCrowd, startGuarded, until } from '../processes.mjs'
import { rawSocket } from '../raw-clients.mjs'
import { fault, missedOf, ms, quantile } from '../scenario.mjs'

/** After the time in which a connection must have been admitted somewhere. */
const LATE_MS = 1_000

export const scenario = fault({
  id: 'F15',
  fault: '5,000 connections that never say who they are',
  done: 'every fourth a polling session that is not polled, the others WebSockets, while good clients connect (quick: 1,000)',
  goal: 'all closed 10 s + 1 s after they came; handshakes of good clients: p99 at most twice that without the crowd',
  seconds: 120,
  play: ({ quick }) => idleCrowd({ count: quick ? 1_000 : 5_000, connectTimeoutMs: 10_000, samples: 1_000 }),
})

/** `samples`: handshakes by which the calm is judged. @param {{ count: number, connectTimeoutMs: number, samples: number }} options */
export async function idleCrowd({ count, connectTimeoutMs, samples }) {
  const [server, crowd] = await Promise.all([
    startGuarded({ unlimited: true, limits: { connectTimeoutMs } }),
    startCrowd(),
  ])
  try {
    const tokens = await tokensOf(100)
    const calm = await visit(server.port, tokens, (done) => done >= samples)
    const members = Array.from({ length: count }, (_, i) => ({
      port: server.port,
      kind: i % 4 === 3 ? 'polling' : 'silent',
    }))
    const came = await crowd.ask('come', members)
    const cameAt = performance.now()
    let gone = false
    const empty = until(
      () => server.ask('facts'),
      ({ clients }) => clients <= 1,
      connectTimeoutMs + LATE_MS + 60_000,
      50,
    ).then((facts) => {
      gone = true
      return facts
    })
    const beside = await visit(server.port, tokens, () => gone)
    const emptyAfterMs = performance.now() - cameAt
    await empty
    // Before and after: what else runs on the machine changes meanwhile.
    const calmAgain = await visit(server.port, tokens, (done) => done >= samples)
    const notes = /** @type {{ openAt: number, closedAt: number | null }[]} */ (await crowd.ask('members'))
    const lives = notes.flatMap(({ openAt, closedAt }) => (closedAt === null ? [] : [closedAt - openAt]))
    const calmMs = Math.max(quantile(calm, 0.99), quantile(calmAgain, 0.99))
    const besideMs = quantile(beside, 0.99)
    const { complaints } = await server.ask('facts')
    return {
      seen: `${came.open} came; the longest WebSocket was open for ${ms(Math.max(...lives))}, the last of all gone ${ms(emptyAfterMs)} after all had come; good handshakes p99 ${ms(calmMs)} without and ${ms(besideMs)} beside them (${beside.length})`,
      missed: missedOf({
        'all came': came.open === count,
        'all WebSockets are closed in time': lives.every((life) => life <= connectTimeoutMs + LATE_MS),
        'nobody is left, polling or not': emptyAfterMs <= connectTimeoutMs + LATE_MS,
        'p99 at most twice': besideMs <= 2 * calmMs,
        'no complaint': complaints.length === 0,
      }),
    }
  } finally {
    await Promise.all([server.stop(), crowd.stop()])
  }
}

/** Good handshakes one after another; milliseconds of each. @param {number} port @param {string[]} tokens @param {(done: number) => boolean} isOver */
async function visit(port, tokens, isOver) {
  const took = []
  while (!isOver(took.length)) {
    const startedMs = performance.now()
    const socket = rawSocket(port)
    await socket.opened
    const answer = await socket.connect({ token: tokens[took.length % tokens.length] })
    took.push(performance.now() - startedMs)
    if (!answer?.startsWith('40')) throw new Error(`a good client was answered ${answer}`)
    await socket.vanish()
  }
  return took
}
