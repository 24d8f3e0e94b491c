import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../free-port.mjs'
import { onCleanup } from '../../harness.ts'
import { CLIENTS, everything, heard, inRoom, run, settled, until } from './site.ts'

const redisUrl = () => process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
const { hostname, port: redisPort } = new URL(redisUrl())

describe('an application in PHP', () => {
  let php: ChildProcess
  let url = ''

  beforeAll(async () => {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const router = fileURLToPath(new URL('./php/application.php', import.meta.url))
    php = spawn('php', ['-S', `127.0.0.1:${port}`, router], { stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    php.stderr?.on('data', (chunk) => {
      log += chunk
    })
    await until(() => {
      if (php.exitCode !== null) throw new Error(`install php-cli and php-redis: ${log}`)
      return log.includes('started')
    }, 'php')
  })
  afterAll(async () => {
    if (php.exitCode !== null) return
    php.kill()
    await once(php, 'exit')
  })

  async function login(user: number): Promise<string> {
    const response = await fetch(`${url}/login?user=${user}`)
    return response.headers.getSetCookie().map((line) => line.split(';')[0])[0] ?? ''
  }

  async function start(options: object = {}) {
    const keyPrefix = `laravel_${randomUUID()}_database_`
    const redis = createClient({ url: redisUrl() })
    redis.on('error', () => {})
    await redis.connect()
    onCleanup(() => redis.destroy())
    const running = await run({ url }, { redis, keyPrefix, ...options })
    const publish = (channel: string, socket = '') =>
      fetch(
        `${url}/publish?${new URLSearchParams({
          host: hostname,
          port: redisPort || '6379',
          channel: keyPrefix + channel,
          ...(socket === '' ? {} : { socket }),
        })}`,
      )
    return { running, publish }
  }

  it.each(CLIENTS)(
    'knows pages with socket.io-client %i by its session, and its events reach them',
    async (_generation, connect) => {
      const { running, publish } = await start()
      const extraHeaders = { Cookie: await login(1) }
      const page = await running.echoPage(connect, { extraHeaders })
      const paid = new Promise((resolve) => page.private('users.1').listen('Paid', resolve))
      await until(() => inRoom(running, 'private-users.1') === 1)
      const here = new Promise((resolve) => page.join('room').here(resolve))
      expect(await here).toEqual([{ name: 'user 1' }])
      await publish('private-users.1')
      expect(await paid).toEqual({ id: 5, name: 'Zoë' })
      const error = heard(page.connector.socket as never, 'subscription_error')
      page.private('users.2')
      expect(await error).toEqual(['private-users.2', 403])
    },
  )

  it('does not send an event to the socket that caused it', async () => {
    const { running, publish } = await start()
    const extraHeaders = { Cookie: await login(1) }
    const [mine, other] = [await running.page({ extraHeaders }), await running.page({ extraHeaders })]
    for (const page of [mine, other]) page.emit('subscribe', { channel: 'private-users.1' })
    await until(() => inRoom(running, 'private-users.1') === 2)
    const log = everything(mine)
    const arrived = heard(other, 'App\\Events\\Paid')
    await publish('private-users.1', mine.id)
    await arrived
    await settled(running, mine)
    expect(log.filter(([event]) => event === 'App\\Events\\Paid')).toEqual([])
  })

  it('ends what it has granted when the user logs out', async () => {
    const { running } = await start({ reauthorizeEveryMs: 100 })
    const Cookie = await login(1)
    const page = await running.page({ extraHeaders: { Cookie } })
    page.emit('subscribe', { channel: 'private-users.1' })
    await until(() => inRoom(running, 'private-users.1') === 1)
    const error = heard(page, 'subscription_error')
    await fetch(`${url}/logout`, { headers: { Cookie } })
    expect(await error).toEqual(['private-users.1', 403])
    expect(inRoom(running, 'private-users.1')).toBe(0)
  })
})
