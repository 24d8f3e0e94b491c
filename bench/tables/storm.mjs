// @ts-check
/** Many clients at once, as after a restart: how long until all are back, and what that costs the server. */

import { startChild } from '../child.mjs'
import { startServer, stopServer } from '../net.mjs'
import { putTokens } from '../servers/postgres.mjs'
import { putSessions, sessionId } from '../servers/redis.mjs'
import { beside, summarize } from '../statistics.mjs'
import { atMost, within } from '../table.mjs'

/** @typedef {import('../settings.mjs').Settings} Settings */
/** @typedef {import('../table.mjs').Table} Table */
/** @typedef {import('../net.mjs').Variant} Variant */
/** @typedef {{ seconds: number[], cpuUs: number[], asked: number[] }} Outcome */

/** How many clients connect at a time. */
const WIDTH = 500
const RECIPE = 'io.engine.use(express-session)'

/** @param {Settings} settings */
function sizeOf({ quick }) {
  return quick ? { rounds: 1, count: 500 } : { rounds: 5, count: 5_000 }
}

/** @param {Settings} settings @returns {Promise<Table>} */
async function sessions(settings) {
  const { rounds, count } = sizeOf(settings)
  const servers = /** @type {const} */ ([
    ['bare', 'bare', 'base'],
    [RECIPE, 'express-session on each request', 'peer'],
    ['passport.socketio', 'passport.socketio', 'peer'],
    ['portcullis', 'portcullis', 'ours'],
  ])
  const credential = /** @type {const} */ ({ in: 'cookie', sessionId: sessionId('#') })
  const variants = servers.map(([name, variant]) => variantOf(name, 'session', variant, credential))
  const removeSessions = await putSessions(count)
  const outcomes = await storms(variants, rounds, count).finally(removeSessions)
  const cpu = outcomes.map(({ cpuUs }) => cpuUs)
  const added = (/** @type {number} */ index) => summarize(beside(cpu[index] ?? [], cpu[0] ?? [], 'ratio')).median - 1
  return {
    name: 'storm-session',
    title: `${count.toLocaleString('en-US')} clients come back at once, Express session in Redis`,
    method: `CPU of the server’s process from the first connection to the last admission, ${WIDTH} at a time by WebSocket; ${rounds} times.`,
    unit: 'µs per client',
    compare: 'ratio',
    columns: ['all back after, s', 'reads of sessions'],
    rows: servers.map(([variant, , role], index) => ({
      ...{
        variant,
        role,
        values: cpu[index] ?? [],
        more: [secondsOf(outcomes[index]), medianOf(outcomes[index]?.asked)],
      },
      ...(role === 'ours'
        ? { goal: within(`at most half of what ${RECIPE} adds`, added(index) / added(1), 0.5, 'of it') }
        : {}),
    })),
    notes: [
      'Portcullis reads the session of each connection again every 30 s, and begins with that while others still connect.',
    ],
  }
}

/** @param {Settings} settings @returns {Promise<Table>} */
async function accessTokens(settings) {
  const { rounds, count } = sizeOf(settings)
  const servers = /** @type {const} */ ([
    ['bare', 'bare', 'base'],
    ['one query for each, by hand', 'one query each', 'peer'],
    ['portcullis', 'portcullis', 'ours'],
  ])
  const variants = servers.map(([name, variant]) => variantOf(name, 'access-token', variant, { in: 'opaque' }))
  const removeTokens = await putTokens(count)
  const outcomes = await storms(variants, rounds, count).finally(removeTokens)
  return {
    name: 'storm-token',
    title: `${count.toLocaleString('en-US')} clients come back at once, access tokens in PostgreSQL`,
    method: `From the first connection to the last admission, ${WIDTH} at a time by WebSocket; each query takes the database 5 ms, over a pool of ten connections. Each client has a token of its own; ${rounds} times.`,
    unit: 's until all are back',
    digits: 2,
    compare: 'ratio',
    columns: ['queries', 'µs of server CPU per client'],
    rows: servers.map(([variant, , role], index) => ({
      ...{ variant, role, values: outcomes[index]?.seconds ?? [] },
      more: [medianOf(outcomes[index]?.asked), medianOf(outcomes[index]?.cpuUs)],
      ...(role === 'ours' ? { goal: atMost(1.25) } : {}),
    })),
  }
}

/** @param {Settings} settings @returns {Promise<Table[]>} */
export async function storm(settings) {
  return [await sessions(settings), await accessTokens(settings)]
}

/** A round warms up, with a tenth of the clients. @param {Variant[]} variants @param {number} rounds @param {number} count @returns {Promise<Outcome[]>} */
async function storms(variants, rounds, count) {
  const load = startChild('load.mjs')
  /** @type {Outcome[]} */
  const outcomes = variants.map(() => ({ seconds: [], cpuUs: [], asked: [] }))
  const servers = await Promise.all(variants.map(startServer))
  try {
    for (let round = -1; round < rounds; round += 1) {
      for (const [index, server] of servers.entries()) {
        const measured = await stormOf(load, server, round < 0 ? count / 10 : count)
        const outcome = outcomes[index]
        if (round < 0 || outcome === undefined) continue
        outcome.seconds.push(measured.seconds)
        outcome.cpuUs.push(measured.cpuUs / count)
        outcome.asked.push(measured.asked)
      }
    }
  } finally {
    await load.stop()
    await Promise.all(servers.map(stopServer))
  }
  return outcomes
}

/** @param {import('../child.mjs').Child} load @param {import('../net.mjs').Running} server @param {number} count */
async function stormOf(load, { port, child, variant }, count) {
  await load.ask('prepare', { credential: variant.credential, count })
  const asked = async () => (await child.ask('stats'))?.asked ?? 0
  const askedBefore = await asked()
  const before = await child.ask('cpu')
  const seconds = (await load.ask('hold', { port, width: WIDTH })) / 1000
  const cpuUs = (await child.ask('cpu')) - before
  const measured = { seconds, cpuUs, asked: (await asked()) - askedBefore }
  await load.ask('release', { port })
  return measured
}

/** @param {string} name @param {string} group @param {string} variant @param {Variant['credential']} credential @returns {Variant} */
function variantOf(name, group, variant, credential) {
  return { name, group, variant, credential, options: { server: { transports: ['websocket'] } } }
}

/** @param {Outcome | undefined} outcome */
function secondsOf(outcome) {
  return summarize(outcome?.seconds ?? [Number.NaN]).median.toFixed(2)
}

/** @param {readonly number[]} [values] */
function medianOf(values = []) {
  return summarize(values).median.toFixed(0)
}
