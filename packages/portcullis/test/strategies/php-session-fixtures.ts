/** A real PHP with phpredis, and clients of the Redis in which it keeps its sessions. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll } from 'vitest'
import { freePort } from '../free-port.mjs'

export const redisUrl = () => process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'

/** Connected before the tests of a file and closed after them; keys under `prefix` are deleted. */
export function useRedis() {
  const prefix = `TEST_${randomUUID()}:`
  const node = createClient({ url: redisUrl(), disableOfflineQueue: true })
  const io = new Redis(redisUrl(), { lazyConnect: true })
  beforeAll(async () => {
    await Promise.all([node.connect(), io.connect()])
  })
  afterAll(async () => {
    const keys = await node.keys(`${prefix}*`)
    if (keys.length > 0) await node.del(keys)
    await node.close()
    io.disconnect()
  })
  return { prefix, node, io }
}

export interface PhpSite {
  readonly url: string
  /** The cookie header that a browser would send after this request. */
  get(path: string, cookie?: string): Promise<{ readonly body: string; readonly cookie: string }>
  stop(): Promise<void>
}

/** Runs php/router.php under PHP's own server, with these settings. */
export async function startPhp(settings: Readonly<Record<string, string>>): Promise<PhpSite> {
  const modules = spawnSync('php', ['-m']).stdout?.toString() ?? ''
  if (!modules.includes('redis')) throw new Error('install php-cli and php-redis: these tests need a real PHP')
  const port = await freePort()
  const router = fileURLToPath(new URL('./php/router.php', import.meta.url))
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-d', `${name}=${value}`])
  const php = spawn('php', [...flags, '-S', `127.0.0.1:${port}`, router], { stdio: ['ignore', 'ignore', 'pipe'] })
  await started(php)
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    async get(path, cookie = '') {
      const response = await fetch(url + path, { headers: cookie === '' ? {} : { cookie } })
      const set = response.headers.getSetCookie().map((line) => line.split(';')[0] ?? '')
      return { body: await response.text(), cookie: set.at(-1) ?? cookie }
    },
    async stop() {
      if (php.exitCode !== null) return
      php.kill()
      await once(php, 'exit')
    },
  }
}

async function started(php: ChildProcess): Promise<void> {
  let log = ''
  await new Promise<void>((resolve, reject) => {
    php.stderr?.on('data', (chunk) => {
      log += String(chunk)
      if (log.includes('started')) resolve()
    })
    php.once('exit', () => reject(new Error(`php ended: ${log}`)))
    php.once('error', reject)
  })
}
