// @ts-check
/** A gateway as an operator runs it: the CLI on a file, in a process of its own. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithUs } from './child.mjs'
import { COOKIE, ISSUER, NAMESPACE, ORIGIN } from './crowd-plan.mjs'
import { readMetrics } from './metrics.mjs'

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url))

/**
 * @typedef {object} GatewayNode
 * @property {string} name
 * @property {number} port
 * @property {() => Promise<import('./metrics.mjs').Metrics>} metrics
 * @property {(path: string, body: unknown) => Promise<any>} ask the control API; rejects unless it answers with 2xx
 * @property {(signal: NodeJS.Signals) => void} signal
 * @property {Promise<number | null>} ended its exit code; null for one that was killed
 * @property {() => readonly Record<string, unknown>[]} complaints what it logged as a warning or worse
 * @property {() => Promise<void>} stop
 */

/**
 * @param {object} given
 * @param {string} given.folder for its file
 * @param {string} given.name
 * @param {number} given.backendPort
 * @param {number} given.drainMs
 * @param {number} given.stalenessMs
 * @param {Record<'HOOK_SECRET' | 'NODES_SECRET' | 'CONTROL_KEY' | 'REDIS_URL' | 'PREFIX', string>} given.env
 * @returns {Promise<GatewayNode>}
 */
export async function startGatewayNode({ folder, name, backendPort, drainMs, stalenessMs, env }) {
  const file = join(folder, `${name}.yaml`)
  await writeFile(file, configuration(`http://127.0.0.1:${backendPort}/${name}`, drainMs, stalenessMs))
  const child = spawn(process.execPath, [BIN, 'start', file], {
    env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  endWithUs(child)
  /** @type {Record<string, any>[]} */
  const lines = []
  let rest = ''
  let errors = ''
  /** @type {(serving: { port: number, control: number }) => void} */
  let serving = () => {}
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text
  })
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const line = JSON.parse(part)
      lines.push(line)
      if (line.msg === 'serving') serving(line)
    }
  })
  const ended = once(child, 'exit').then(([code]) => code)
  const { port, control } = await Promise.race([
    new Promise((/** @type {(value: { port: number, control: number }) => void} */ resolve) => {
      serving = resolve
    }),
    ended.then((code) => {
      throw new Error(`gateway ${name} ended with ${code}: ${errors || JSON.stringify(lines)}`)
    }),
  ])
  const url = `http://127.0.0.1:${control}`
  return {
    name,
    port,
    ended,
    metrics: async () =>
      readMetrics(await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) })).text()),
    async ask(path, body) {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${env.CONTROL_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      })
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
      return response.json()
    },
    signal: (signal) => void child.kill(signal),
    complaints: () => [
      ...lines.filter(({ level }) => level !== 'info' && !(level <= 30)),
      ...(errors ? [{ errors }] : []),
    ],
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** @param {string} hookUrl @param {number} drainMs @param {number} stalenessMs */
function configuration(hookUrl, drainMs, stalenessMs) {
  const variable = (/** @type {string} */ name) => `"\${${name}}"`
  return `listen: { port: 0 }
origins: [${ORIGIN}]
# The balancer, and not 127.0.0.0/8, in which the clients are.
trustedProxies: [127.0.0.1]
issuer: ${ISSUER}
redis: { url: ${variable('REDIS_URL')} }
nodes: { secret: ${variable('NODES_SECRET')}, prefix: ${variable('PREFIX')}, maxStalenessMs: ${stalenessMs} }
hooks: { url: "${hookUrl}", secret: ${variable('HOOK_SECRET')} }
strategies:
  - { use: hook, cookies: [${COOKIE}] }
  - use: hook
namespaces:
  ${NAMESPACE}:
    connect: true
    memberships: { cel: '["everyone", "org." + identity.claims.org]' }
    rooms:
      org.{id}: {}
      everyone: {}
control:
  port: 0
  requestsPerSecond: 10000
  keys: [ { name: load, key: ${variable('CONTROL_KEY')}, permissions: all } ]
logs: { decisions: none }
drain: { overMs: ${drainMs} }
`
}
