// @ts-check
/** From the call on one node to the close that a client of another node sees, and to the receipt. */

import { nodeOf, portOf, startCluster } from '../cluster/start.mjs'
import { percentile, summarize } from '../statistics.mjs'
import { within } from '../table.mjs'

const RAW = 'pub/sub and a Map'
const ADAPTER = '@socket.io/redis-adapter, disconnectSockets'
const OURS = 'portcullis'
const WARM_UPS = 10

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function clusterLatency({ quick }) {
  const count = quick ? 60 : 2_000
  const cluster = await startCluster(3)
  /** @type {Map<string, number[]>} */
  const seen = new Map([RAW, ADAPTER, OURS].map((way) => [way, []]))
  /** @type {number[]} */
  const receipts = []
  try {
    for (let round = -WARM_UPS; round < count; round += 1) {
      for (const way of [RAW, ADAPTER, OURS]) {
        const { seenMs, doneMs } = await endOnce(cluster, way, round)
        if (round < 0) continue
        seen.get(way)?.push(seenMs)
        if (way === OURS) receipts.push(doneMs)
      }
    }
  } finally {
    await cluster.stop()
  }
  const raw = seen.get(RAW) ?? []
  const ours = seen.get(OURS) ?? []
  const ratio = summarize(ours).median / summarize(raw).median
  return {
    name: 'cluster-latency',
    title: 'Ending a subject on another node',
    method: `Three processes on one Redis; from the call on one node to the moment at which a client of another has been told or closed. ${count.toLocaleString('en-US')} times each, taking turns.`,
    unit: 'ms',
    digits: 2,
    compare: 'none',
    columns: ['p99, ms'],
    rows: [
      row(RAW, 'peer', raw),
      row(ADAPTER, 'peer', seen.get(ADAPTER) ?? []),
      { ...row(OURS, 'ours', ours), goal: within(`p50 ≤ 1.25 of ${RAW}`, ratio, 1.25, 'of it') },
      {
        ...row('portcullis, the receipt of all three nodes', 'ours', receipts),
        group: 'receipt',
        goal: within('p99 ≤ 50 ms', percentile(receipts, 0.99), 50, 'ms'),
      },
    ],
    notes: [
      'Of the three only Portcullis keeps what it was told, refuses the credential afterwards, and says when every node has done so.',
    ],
  }
}

/** @param {string} variant @param {import('../table.mjs').Row['role']} role @param {number[]} values @returns {import('../table.mjs').Row} */
function row(variant, role, values) {
  return { variant, role, values, more: [percentile(values, 0.99).toFixed(2)] }
}

/** @param {import('../cluster/start.mjs').Cluster} cluster @param {string} way @param {number} round */
async function endOnce({ nodes, clients }, way, round) {
  const subject = `user-${round}`
  const port = portOf(nodes[1 + (Math.abs(round) % 2)], way)
  const outcome = await clients.ask('connect', { port, subject })
  if (outcome !== 'admitted') throw new Error(`${way}: a client was ${outcome}`)
  const seen = clients.ask('ended', { port, subject, timeoutMs: 10_000 })
  const { startedAt, doneAt, outcome: receipt } = await nodeOf(nodes[0]).ask('end', { way, subject })
  const endedAt = await seen
  if (endedAt === null) throw new Error(`${way}: a client was not ended`)
  if (way === OURS && !(receipt.complete && receipt.closed === 1)) throw new Error('a receipt was not complete')
  return { seenMs: milliseconds(startedAt, endedAt), doneMs: milliseconds(startedAt, doneAt) }
}

/** @param {string} from @param {string} to nanoseconds */
function milliseconds(from, to) {
  return Number(BigInt(to) - BigInt(from)) / 1e6
}
