/**
 * Handshakes and events of Portcullis beside bare Socket.IO and a hand-written `io.use`, in one interleaved run.
 *
 * Server CPU by `process.cpuUsage` of each server's own process; a ratio is against the first variant of its table in the
 * same round. `--quick` takes fewer rounds; `--write` puts the tables into bench/RESULTS.md.
 */

import { fork } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freshTokens } from './fixtures.mjs'
import { compareEvents } from './in-process.mjs'
import { events, handshakes, open } from './load.mjs'

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean' }, write: { type: 'boolean' } } })
const ROUNDS = flags.quick ? 5 : 11
const HANDSHAKES = flags.quick ? 200 : 400
const EVENTS = flags.quick ? 10_000 : 20_000

const children = []
process.on('exit', () => {
  for (const { child } of children) child.kill()
})

async function start(variant) {
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), [variant])
  const { port } = await once(child)
  const server = { variant, child, port, cpu: () => ask(child).then(({ cpu }) => cpu.user + cpu.system) }
  children.push(server)
  return server
}

/** The child's next message; rejects when it ends instead. */
function once(child) {
  return new Promise((resolve, reject) => {
    const gone = (code) => reject(new Error(`a benchmark server ended with code ${code}`))
    child.once('exit', gone)
    child.once('message', (message) => {
      child.off('exit', gone)
      resolve(message)
    })
  })
}

async function ask(child) {
  const answer = once(child)
  child.send('usage')
  return answer
}

/** Microseconds of server CPU for each operation, for each variant, round by round. */
async function measure(servers, perRound, work) {
  const figures = servers.map(() => [])
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const [i, server] of servers.entries()) {
      const before = await server.cpu()
      await work(server)
      const spent = (await server.cpu()) - before
      // Round -1 warms up.
      if (round >= 0) figures[i].push(spent / perRound)
    }
  }
  return figures
}

function table(title, unit, servers, figures) {
  const base = figures[0]
  const rows = servers.map(({ variant }, i) => {
    const [q1, median, q3] = quartiles(figures[i])
    const [r1, ratio, r3] = quartiles(figures[i].map((value, round) => value / base[round]))
    return `| ${variant} | ${median.toFixed(1)} | ${q1.toFixed(1)}–${q3.toFixed(1)} | ${ratio.toFixed(2)} | ${r1.toFixed(2)}–${r3.toFixed(2)} |`
  })
  return [
    `### ${title}`,
    '',
    `| variant | ${unit} | quartiles | ratio | quartiles |`,
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function quartiles(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (q) => {
    const position = (sorted.length - 1) * q
    const low = Math.floor(position)
    return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (position - low)
  }
  return [at(0.25), at(0.5), at(0.75)]
}

const stop = async (servers) => {
  for (const { child } of servers) {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.removeAllListeners('message')
    child.disconnect()
    await gone
  }
}

async function compareHandshakes(title, variants, credentials) {
  const servers = []
  for (const variant of variants) servers.push(await start(variant))
  const figures = await measure(servers, HANDSHAKES, async ({ port }) => {
    const { tokens, withCookie } = await credentials()
    await handshakes(port, HANDSHAKES, 10, tokens, withCookie)
  })
  await stop(servers)
  return table(title, 'µs of server CPU per handshake', servers, figures)
}

async function compareNetEvents() {
  const servers = []
  for (const variant of ['bare', 'hand jwt', 'portcullis jwt']) servers.push(await start(variant))
  const [token] = await freshTokens(1)
  const sockets = new Map()
  for (const server of servers) sockets.set(server, await open(server.port, token, false))
  const figures = await measure(servers, EVENTS, (server) => events(sockets.get(server), EVENTS))
  for (const socket of sockets.values()) socket.terminate()
  await stop(servers)
  return table('Event with a synchronous rule, over TCP', 'µs of server CPU per event', servers, figures)
}

const tables = [
  await compareHandshakes(
    'Handshake by WebSocket, JWT HS256 not seen before',
    ['bare', 'hand jwt', 'portcullis jwt'],
    async () => ({
      tokens: await freshTokens(HANDSHAKES),
      withCookie: false,
    }),
  ),
  await compareHandshakes(
    'Handshake by WebSocket, Express session in memory',
    ['bare', 'hand session', 'portcullis session'],
    async () => ({
      tokens: undefined,
      withCookie: true,
    }),
  ),
  await compareNetEvents(),
  await compareEvents(ROUNDS, table),
]

const report = `# Results

Node ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}; ${ROUNDS} rounds of ${HANDSHAKES} handshakes and ${EVENTS} events,
interleaved, one warm-up round. A ratio is taken against the first row within the same round. "hand jwt" is \`io.use\` with
jose and \`socket.use\` with a synchronous check; "hand session" is \`io.use\` with cookie, cookie-signature and the store.
Times differ from machine to machine, and two equal servers differ by 2 to 5 % over TCP: compare ratios.

Made by \`npm run bench -- --write\`.

${tables.join('\n\n')}
`
process.stdout.write(report)
if (flags.write) await writeFile(new URL('RESULTS.md', import.meta.url), report)
