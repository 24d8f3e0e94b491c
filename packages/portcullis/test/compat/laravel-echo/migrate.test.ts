import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import Echo from 'laravel-echo'
import echo from 'portcullis/compat/laravel-echo'
import { Server } from 'socket.io'
import { io as client } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { onCleanup } from '../../harness.ts'
import { application } from './site.ts'

describe('the code of docs/migrate/laravel-echo.md', () => {
  it('runs: a server of one’s own, the options of the old one, and a page as it was', async () => {
    const app = await application()
    const { hostname: host, port } = new URL(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379')
    const keyPrefix = `laravel_${randomUUID()}_`
    const http = createServer()
    const io = new Server(http, { cors: { origin: 'https://app.example', credentials: true }, allowEIO3: true })
    const running = await echo.run({
      io,
      authHost: app.url,
      clients: [{ appId: 'f00', key: 'k'.repeat(32) }],
      databaseConfig: { redis: { host, port: port || '6379', keyPrefix } },
    })
    http.on('request', running.api)
    await new Promise<void>((resolve) => http.listen(0, resolve))
    onCleanup(async () => {
      await io.close()
      await running.stop()
    })
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    const page = new Echo({
      broadcaster: 'socket.io',
      client,
      host: url,
      extraHeaders: { Cookie: 'laravel_session=1', Origin: 'https://app.example' },
    } as never)
    onCleanup(() => page.disconnect())
    const paid = new Promise((resolve) => page.private('orders.1').listen('Paid', resolve))
    // Over polling: what is the engine's own and what is the API's stand on one server.
    const status = async () => {
      const response = await fetch(`${url}/apps/f00/channels`, {
        headers: { Authorization: `Bearer ${'k'.repeat(32)}` },
      })
      return JSON.stringify(await response.json())
    }
    await expect.poll(status, { timeout: 10_000 }).toContain('private-orders.1')
    const laravel = new Redis({ host, port: Number(port || 6379) })
    onCleanup(() => laravel.disconnect())
    await laravel.publish(
      `${keyPrefix}private-orders.1`,
      '{"event":"App\\\\Events\\\\Paid","data":{"id":1},"socket":null}',
    )
    expect(await paid).toEqual({ id: 1 })
  })
})
