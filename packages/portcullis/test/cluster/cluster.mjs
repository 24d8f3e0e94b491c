// @ts-check
/** Three nodes in processes of their own, a Redis of their own, and a proxy between each node and it. */

import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.mjs'
import { cuttableProxy } from './proxy.mjs'

const NODE = fileURLToPath(new URL('./node.mjs', import.meta.url))

/**
 * @typedef {object} Node
 * @property {string} url
 * @property {Awaited<ReturnType<typeof cuttableProxy>>} proxy between it and Redis
 * @property {(command: string, given: object) => Promise<any>} tell rejects with the code of a failure
 * @property {(signal: NodeJS.Signals) => void} signal
 */

/** @param {{ nodes?: number, stalenessMs: number, recovery?: boolean, unfenced?: boolean }} options */
export async function startCluster({ nodes: count = 3, ...settings }) {
  const redis = await startRedis()
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(redis.port, settings)))
  return {
    redis,
    nodes: nodes.map(({ node }) => node),
    async stop() {
      for (const { child, node } of nodes) {
        child.kill('SIGKILL')
        await node.proxy.close()
      }
      await redis.stop()
    },
  }
}

/** @param {number} redisPort @param {{ stalenessMs: number, recovery?: boolean, unfenced?: boolean }} settings */
async function startNode(redisPort, { stalenessMs, recovery, unfenced }) {
  const proxy = await cuttableProxy(redisPort)
  const child = fork(NODE, [], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      REDIS_PORT: String(proxy.port),
      STALENESS_MS: String(stalenessMs),
      RECOVERY: recovery ? 'yes' : '',
      UNFENCED: unfenced ? 'yes' : '',
    },
    execArgv: [],
  })
  /** @type {Map<number, { resolve: (answer: any) => void, reject: (error: Error) => void }>} */
  const asked = new Map()
  let count = 0
  const port = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a node ended with ${code} before it was ready`)))
    child.on('message', (/** @type {any} */ message) => {
      if (message.port !== undefined) {
        resolve(message.port)
        return
      }
      const waiting = asked.get(message.id)
      asked.delete(message.id)
      if (message.failure === undefined) waiting?.resolve(message.answer)
      else waiting?.reject(new Error(message.failure))
    })
  })
  /** @type {Node} */
  const node = {
    url: `http://127.0.0.1:${port}`,
    proxy,
    tell: (command, given) =>
      new Promise((resolve, reject) => {
        count += 1
        asked.set(count, { resolve, reject })
        child.send({ id: count, command, given })
      }),
    signal: (signal) => void child.kill(signal),
  }
  return { child, node }
}

async function startRedis() {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-chaos-'))
  const port = await freePort()
  const files = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'no', '--dir', folder]
  const start = async () => {
    const child = spawn(
      process.env.REDIS_SERVER ?? 'redis-server',
      ['--port', String(port), '--bind', '127.0.0.1', ...files],
      { stdio: 'ignore' },
    )
    await new Promise((resolve, reject) => {
      child.once('error', () => reject(new Error('this needs a redis-server in PATH: install redis-server')))
      child.once('spawn', resolve)
    })
    while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 20))
    return child
  }
  let child = await start()
  return {
    port,
    /** SIGKILL, and what it had written comes back with `restart`. */
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
    async restart() {
      child = await start()
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    const done = (/** @type {boolean} */ answer) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1_000, () => done(false))
    socket.once('error', () => done(false))
    socket.once('data', (data) => done(String(data).startsWith('+PONG')))
  })
}
