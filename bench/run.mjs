// @ts-check
/**
 * Portcullis beside bare Socket.IO, beside what people write by hand and beside the packages they install.
 *
 * `--quick` takes fewer rounds, `--only name,…` measures some tables, `--write` makes bench/RESULTS.md and its plots. A variant that
 * does not admit all its clients, or not refuse them where that is measured, ends the run.
 */

import { sectionOf, whereItLost } from './report.mjs'
import { readSettings } from './settings.mjs'
import { clientSize } from './tables/client-size.mjs'
import { clusterKilled } from './tables/cluster-killed.mjs'
import { clusterLatency } from './tables/cluster-latency.mjs'
import { clusterLoss } from './tables/cluster-loss.mjs'
import { eventNet } from './tables/event-net.mjs'
import { expiry } from './tables/expiry.mjs'
import { handshakeAgain, handshakeAsymmetric, handshakeHs256 } from './tables/handshake-jwt.mjs'
import { sessionByPolling, sessionByWebSocket } from './tables/handshake-session.mjs'
import { inprocEvent } from './tables/inproc-event.mjs'
import { inprocHandshake } from './tables/inproc-handshake.mjs'
import { memory } from './tables/memory.mjs'
import { refusal } from './tables/refusal.mjs'
import { startUp } from './tables/start-up.mjs'
import { storm } from './tables/storm.mjs'
import { stormRestart } from './tables/storm-restart.mjs'
import { subjects } from './tables/subjects.mjs'
import { writeReport } from './write.mjs'

/** @typedef {import('./table.mjs').Table} Table */

/** @type {Record<string, (settings: import('./settings.mjs').Settings) => Promise<Table | Table[]>>} */
const TABLES = {
  'handshake-hs256': handshakeHs256,
  'handshake-asymmetric': handshakeAsymmetric,
  'handshake-again': handshakeAgain,
  'inproc-handshake': inprocHandshake,
  'session-websocket': sessionByWebSocket,
  'session-polling': sessionByPolling,
  refusal,
  'event-net': eventNet,
  'inproc-event': inprocEvent,
  memory,
  subjects,
  expiry,
  storm,
  'storm-restart': stormRestart,
  'cluster-latency': clusterLatency,
  'cluster-loss': clusterLoss,
  'cluster-killed': clusterKilled,
  'start-up': startUp,
  'client-size': clientSize,
}

const settings = readSettings(Object.keys(TABLES))
const started = performance.now()
/** @type {Table[]} */
const tables = []
for (const [name, measure] of Object.entries(TABLES)) {
  if (settings.only !== null && !settings.only.includes(name)) continue
  const before = performance.now()
  for (const table of [await measure(settings)].flat()) {
    tables.push(table)
    process.stdout.write(`${sectionOf(table)}\n\n`)
  }
  process.stderr.write(`${name}: ${secondsSince(before)} s\n`)
}
process.stdout.write(`${whereItLost(tables)}\n`)
if (settings.write) await writeReport(tables, settings, secondsSince(started))
process.stderr.write(`all: ${secondsSince(started)} s\n`)

/** @param {number} since */
function secondsSince(since) {
  return Math.round((performance.now() - since) / 1000)
}
