/** What a server for laravel-echo must do and must not, whoever wrote it: run with the facade, and with wrong ones. */

import { gate } from '../../harness.ts'
import {
  application,
  broadcastingAuth,
  type Connect,
  cookieOf,
  everything,
  type Facade,
  heard,
  inRoom,
  run,
  settled,
  subscribed,
  until,
} from './site.ts'

export interface Check {
  readonly name: string
  readonly check: () => Promise<void>
}

export const APP = { appId: 'app', key: '0123456789abcdef' }

function same(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`expected ${b}, got ${a}`)
}

async function post(url: string, body: unknown, key = APP.key): Promise<number> {
  const response = await fetch(`${url}/apps/${APP.appId}/events`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
  return response.status
}

export function checks(facade: Facade, connect: Connect): Check[] {
  const start = async (options: object = {}) => {
    const app = await application()
    return { app, running: await run(app, { clients: [APP], ...options }, {}, facade) }
  }
  const check = (name: string, body: () => Promise<void>): Check => ({ name, check: body })
  return [
    check('a public channel is joined by everybody, and its events arrive as (channel, data)', async () => {
      const { running } = await start()
      const page = await running.echoPage(connect, { extraHeaders: {} })
      const said = new Promise((resolve) => page.channel('news').listen('Published', resolve))
      await until(() => inRoom(running, 'news') === 1)
      same(await post(running.url, { channel: 'news', name: 'App\\Events\\Published', data: { id: 7 } }), 200)
      same(await said, { id: 7 })
    }),
    check('a private channel is joined by whom the application lets in', async () => {
      const { running } = await start()
      const page = await running.echoPage(connect)
      const said = new Promise((resolve) => page.private('orders.1').listen('.paid', resolve))
      await until(() => inRoom(running, 'private-orders.1') === 1)
      await post(running.url, { channel: 'private-orders.1', name: 'paid', data: { id: 1 } })
      same(await said, { id: 1 })
    }),
    check('a private channel is not joined by whom the application refuses, who hears the status', async () => {
      const { running } = await start()
      const page = await running.page(cookieOf(2), connect)
      const log = everything(page)
      page.emit('subscribe', { channel: 'private-orders.1', auth: { headers: {} } })
      same(await heard(page, 'subscription_error'), ['private-orders.1', 403])
      await post(running.url, { channel: 'private-orders.1', name: 'paid', data: { id: 1 } })
      await settled(running, page)
      same(
        log.some(([event]) => event === 'paid'),
        false,
      )
    }),
    check('members of a presence channel are told of one another, and never of a socket', async () => {
      const { running } = await start()
      const first = await running.page(cookieOf(1), connect)
      const log = everything(first)
      first.emit('subscribe', { channel: 'presence-room' })
      same(await heard(first, 'presence:subscribed'), [
        'presence-room',
        [{ user_id: 1, user_info: { name: 'user 1' } }],
      ])
      const joining = heard(first, 'presence:joining')
      const second = await running.page(cookieOf(2), connect)
      second.emit('subscribe', { channel: 'presence-room' })
      same(await joining, ['presence-room', { user_id: 2, user_info: { name: 'user 2' } }])
      const leaving = heard(first, 'presence:leaving')
      const secondId = second.id ?? 'none'
      second.disconnect()
      same(await leaving, ['presence-room', { user_id: 2, user_info: { name: 'user 2' } }])
      same(JSON.stringify(log).includes(secondId), false)
    }),
    check('a whisper reaches the others in a private channel, and not who sent it', async () => {
      const { running } = await start()
      const [mine, theirs] = [await running.echoPage(connect), await running.echoPage(connect)]
      const myLog = everything(mine.connector.socket as never)
      const said = new Promise((resolve) => theirs.private('chat').listenForWhisper('typing', resolve))
      const channel = mine.private('chat')
      await until(() => inRoom(running, 'private-chat') === 2)
      channel.whisper('typing', { name: 'me' })
      same(await said, { name: 'me' })
      await settled(running, mine.connector.socket as never)
      same(
        myLog.some(([event]) => event === 'client-typing'),
        false,
      )
    }),
    check('a whisper of somebody who is not in the channel reaches nobody', async () => {
      const { running } = await start()
      const inside = await running.page(cookieOf(1), connect)
      const outside = await running.page(cookieOf(2), connect)
      const log = everything(inside)
      await subscribed(running, inside, 'private-orders.1')
      outside.emit('client event', { channel: 'private-orders.1', event: 'client-x', data: 1 })
      await settled(running, outside, inside)
      same(
        log.some(([event]) => event === 'client-x'),
        false,
      )
    }),
    check('nobody whispers under the name of an event of the application', async () => {
      const { running } = await start()
      const [sender, receiver] = [await running.page({}, connect), await running.page({}, connect)]
      const log = everything(receiver)
      await subscribed(running, sender, 'private-chat')
      await subscribed(running, receiver, 'private-chat')
      for (const event of ['App\\Events\\Paid.client-x', 'paid', ['client-x'], { toString: 'client-x' }]) {
        sender.emit('client event', { channel: 'private-chat', event, data: 1 })
      }
      await settled(running, sender, receiver)
      same(
        log.filter(([event]) => !String(event).startsWith('Mark')),
        [],
      )
    }),
    check('unsubscribing while the application is still asked wins', async () => {
      const { app, running } = await start()
      const { promise, open } = gate()
      app.answer = async (asked) => {
        await promise
        return broadcastingAuth(asked)
      }
      const page = await running.page({}, connect)
      page.emit('subscribe', { channel: 'private-slow' })
      await until(() => app.asked.length === 1)
      page.emit('unsubscribe', { channel: 'private-slow' })
      await settled(running, page)
      open()
      await subscribed(running, page, 'private-other')
      same(inRoom(running, 'private-slow'), 0)
    }),
    check('who is refused later has to leave', async () => {
      const { app, running } = await start({ reauthorizeEveryMs: 50 })
      const page = await running.page({}, connect)
      await subscribed(running, page, 'private-orders.1')
      const error = heard(page, 'subscription_error')
      app.answer = () => ({ status: 403, body: {} })
      same(await error, ['private-orders.1', 403])
      same(inRoom(running, 'private-orders.1'), 0)
    }),
    check('the API refuses a wrong key', async () => {
      const { running } = await start()
      same(await post(running.url, { channel: 'news', name: 'x', data: 1 }, 'fedcba9876543210'), 403)
    }),
    check('messages without arguments change nothing', async () => {
      const { running } = await start()
      const page = await running.page({}, connect)
      for (const event of ['subscribe', 'unsubscribe', 'client event']) {
        for (const argument of [undefined, null, 7, 'x', [], {}, { channel: null }, { channel: ['private-x'] }]) {
          page.emit(event, argument)
        }
        page.emit(event)
      }
      await settled(running, page)
      const rooms = [...running.io.of('/').adapter.rooms.keys()]
      same(
        rooms.filter((room) => room.startsWith('laravel-echo#') && !room.startsWith('laravel-echo#mark-')),
        [],
      )
    }),
  ]
}
