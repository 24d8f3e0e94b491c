import { request as httpRequest } from 'node:http'
import express from 'express'
import type { LaravelEchoOptions } from 'portcullis/compat/laravel-echo'
import { describe, expect, it } from 'vitest'
import { onCleanup } from '../../harness.ts'
import { application, cookieOf, everything, heard, listenOn, run, settled, subscribed } from './site.ts'

const key = '0123456789abcdef0123456789abcdef'
const clients = [
  { appId: 'app', key },
  { appId: 'other', key: 'f'.repeat(32) },
]
const Authorization = `Bearer ${key}`

const start = async (options: LaravelEchoOptions = {}) => await run(await application(), { clients, ...options })

async function get(url: string, headers: Record<string, string> = { Authorization }) {
  const response = await fetch(url, { headers })
  return { status: response.status, body: (await response.json()) as unknown }
}

async function post(url: string, body: unknown, headers: Record<string, string> = { Authorization }) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(url, { method: 'POST', headers, body: text })
  return { status: response.status, body: (await response.json()) as unknown }
}

const event = { channel: 'news', name: 'Published', data: { id: 1 } }
const unauthorized = { status: 403, body: { error: 'Unauthorized' } }

describe('who may use the API', () => {
  it.each([
    ['no key', {}],
    ['a wrong key', { Authorization: 'Bearer wrong' }],
    ["another application's key", { Authorization: `Bearer ${'f'.repeat(32)}` }],
    ['a key without its scheme', { Authorization: key }],
    ['another scheme', { Authorization: `Basic ${key}` }],
    ['a scheme alone', { Authorization: 'Bearer ' }],
  ] as [string, Record<string, string>][])('nobody with %s', async (_what, headers) => {
    const { url } = await start()
    for (const path of ['status', 'channels', 'channels/news', 'channels/presence-x/users']) {
      expect(await get(`${url}/apps/app/${path}`, headers)).toEqual(unauthorized)
    }
    expect(await post(`${url}/apps/app/events`, event, headers)).toEqual(unauthorized)
  })

  it.each(['nobody', '__proto__', 'constructor', '%E0%A4%A'])('nobody for the application %s', async (app) => {
    const { url } = await start()
    expect(await get(`${url}/apps/${app}/status`)).toEqual(unauthorized)
  })

  it('nobody, where no client is configured', async () => {
    const { url } = await run(await application())
    expect(await get(`${url}/apps/app/status`)).toEqual(unauthorized)
  })

  it('the key of the query counts with allowQueryKey alone', async () => {
    const [closed, open] = [await start(), await start({ allowQueryKey: true })]
    expect(await get(`${closed.url}/apps/app/status?auth_key=${key}`, {})).toEqual(unauthorized)
    expect((await get(`${open.url}/apps/app/status?auth_key=${key}`, {})).status).toBe(200)
    expect(await get(`${open.url}/apps/app/status?auth_key=${key}&auth_key=x`, {})).toEqual(unauthorized)
    expect(await get(`${open.url}/apps/app/status?auth_key=${key}`, { Authorization: 'Bearer x' })).toEqual(
      unauthorized,
    )
  })
})

describe('what it tells', () => {
  it('status, channels, a channel, and its users', async () => {
    const running = await start()
    const { url } = running
    const pages = [await running.page(cookieOf(1)), await running.page(cookieOf(1)), await running.page(cookieOf(2))]
    for (const page of pages) await subscribed(running, page, 'presence-room')
    await subscribed(running, pages[0] as never, 'news')
    expect(await get(`${url}/apps/app/status`)).toEqual({
      status: 200,
      body: { subscription_count: 3, uptime: expect.any(Number), memory_usage: expect.any(Object) },
    })
    const room = { subscription_count: 3, occupied: true }
    const news = { subscription_count: 1, occupied: true }
    expect((await get(`${url}/apps/app/channels`)).body).toEqual({ channels: { 'presence-room': room, news } })
    expect((await get(`${url}/apps/app/channels?filter_by_prefix=presence-`)).body).toEqual({
      channels: { 'presence-room': room },
    })
    expect((await get(`${url}/apps/app/channels/news`)).body).toEqual(news)
    expect((await get(`${url}/apps/app/channels/empty`)).body).toEqual({ subscription_count: 0, occupied: false })
    expect((await get(`${url}/apps/app/channels/presence-room`)).body).toEqual({ ...room, user_count: 2 })
    expect((await get(`${url}/apps/app/channels/presence-room/users`)).body).toEqual({
      users: [
        { id: 2, user_info: { name: 'user 2' } },
        { id: 1, user_info: { name: 'user 1' } },
      ],
    })
    expect(await get(`${url}/apps/app/channels/news/users`)).toEqual({
      status: 400,
      body: { error: 'User list is only possible for Presence Channels' },
    })
    expect((await get(`${url}/apps/app/channels/%E0%A4%A`)).status).toBe(400)
    expect((await get(`${url}/elsewhere`)).status).toBe(404)
  })
})

describe('events over HTTP', () => {
  it('reach one channel or several, and not the socket that caused them', async () => {
    const running = await start()
    const [page, cause] = [await running.page(), await running.page()]
    for (const each of [page, cause]) for (const channel of ['news', 'sport']) await subscribed(running, each, channel)
    const [log, causeLog] = [everything(page), everything(cause)]
    const answer = await post(`${running.url}/apps/app/events`, {
      channels: ['news', 'sport', 'news'],
      name: 'Published',
      data: '{"id":2}',
      socket_id: cause.id,
    })
    expect(answer).toEqual({ status: 200, body: { message: 'ok' } })
    await settled(running, page, cause)
    expect(log.filter(([name]) => name === 'Published')).toEqual([
      ['Published', 'news', { id: 2 }],
      ['Published', 'sport', { id: 2 }],
    ])
    expect(causeLog.filter(([name]) => name === 'Published')).toEqual([])
  })

  it.each([
    ['no JSON', '{', 400],
    ['nothing', '', 400],
    ['null', 'null', 400],
    ['no name', { ...event, name: undefined }, 400],
    ['no channel', { ...event, channel: undefined }, 400],
    ['no data', { ...event, data: undefined }, 400],
    ['a channel that is an object', { ...event, channel: {} }, 422],
    ['a channel with a line feed', { ...event, channel: 'a\nb' }, 422],
    ['channels that are a string', { ...event, channels: 'news' }, 422],
    ['channels of which one is a number', { ...event, channels: ['news', 7] }, 422],
    ['no channels', { ...event, channels: [] }, 422],
    ['too many channels', { ...event, channels: Array.from({ length: 101 }, (_, index) => `c${index}`) }, 422],
    ['a name that is an array', { ...event, name: ['x'] }, 422],
    ['a name that Socket.IO keeps', { ...event, name: 'disconnect' }, 422],
    ['a socket_id that is an object', { ...event, socket_id: {} }, 422],
  ])('with %s are refused', async (_what, body, status) => {
    const { url } = await start()
    const answer = await post(`${url}/apps/app/events`, body)
    expect(answer.status).toBe(status)
    expect(answer.body).toEqual({ error: expect.any(String) })
  })

  it('of more than 1 MiB are refused with 413, announced or not', async () => {
    const { url } = await start()
    const send = (chunked: boolean) =>
      new Promise<number>((resolve, reject) => {
        const body = Buffer.alloc(1_100_000, 'x')
        const headers = { Authorization, ...(chunked ? {} : { 'Content-Length': body.length }) }
        const request = httpRequest(`${url}/apps/app/events`, { method: 'POST', headers }, (response) => {
          resolve(response.statusCode ?? 0)
          response.resume()
          request.destroy()
        })
        request.on('error', reject)
        for (let at = 0; at < body.length; at += 65_536) request.write(body.subarray(at, at + 65_536))
        if (!chunked) request.end()
      })
    expect(await send(true)).toBe(413)
    expect(await send(false)).toBe(413)
    expect((await get(`${url}/apps/app/status`)).status).toBe(200)
  })

  it('are none where subscribers.http is false', async () => {
    const { url } = await start({ subscribers: { http: false } })
    expect((await post(`${url}/apps/app/events`, event)).status).toBe(404)
    expect((await get(`${url}/apps/app/status`)).status).toBe(200)
  })

  it('are posted, and nothing else is', async () => {
    const { url } = await start()
    expect((await get(`${url}/apps/app/events`)).status).toBe(405)
    expect((await post(`${url}/apps/app/status`, event)).status).toBe(405)
  })
})

describe('in Express', () => {
  it('stands beside the application, after a body parser as well', async () => {
    const running = await start()
    const app = express()
    app.use(express.json())
    app.use('/echo', running.echo.api)
    app.get('/', (_request, response) => {
      response.send('mine')
    })
    const site = await listenOn(app)
    onCleanup(() => site.close())
    const page = await running.page()
    await subscribed(running, page, 'news')
    const arrived = heard(page, 'Published')
    const headers = { Authorization, 'Content-Type': 'application/json' }
    expect((await post(`${site.url}/echo/apps/app/events`, event, headers)).status).toBe(200)
    expect(await arrived).toEqual(['news', { id: 1 }])
    expect(await (await fetch(site.url)).text()).toBe('mine')
    expect((await fetch(`${site.url}/echo/else`)).status).toBe(404)
  })
})

describe('apiOriginAllow', () => {
  it('says nothing by default, and what it was told to otherwise', async () => {
    const closed = await start()
    const plain = await fetch(`${closed.url}/apps/app/status`, { headers: { Authorization } })
    expect(plain.headers.get('access-control-allow-origin')).toBeNull()
    const apiOriginAllow = {
      allowCors: true,
      allowOrigin: 'https://admin.example',
      allowMethods: 'GET, POST',
      allowHeaders: 'Authorization',
    }
    const open = await start({ apiOriginAllow })
    const preflight = await fetch(`${open.url}/apps/app/status`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://admin.example')
    expect(preflight.headers.get('access-control-allow-headers')).toBe('Authorization')
    expect(await get(`${open.url}/apps/app/status`, {})).toEqual(unauthorized)
  })
})
