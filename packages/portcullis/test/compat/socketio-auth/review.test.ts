/** What an outside review found: the end of a lease in other namespaces, answers that cannot be written, and what `identify` throws. */

import { socketIOAuth } from 'portcullis/compat/socketio-auth'
import { Server } from 'socket.io'
import { io as connectTo } from 'socket.io-client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { onCleanup } from '../../harness.ts'
import { next, until } from '../socketio-jwt/kit.ts'
import { authenticated, connected, start } from './checks.ts'

const unhandled: unknown[] = []
const note = (error: unknown) => unhandled.push(error)

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})
afterEach(() => {
  process.off('unhandledRejection', note)
})

const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

it('the end of a lease disconnects the sockets of all namespaces, and whoever comes back has to authenticate again', async () => {
  const { url, io, heard } = await start(socketIOAuth, {
    identify: () => ({ subject: 'u1', expiresAt: Date.now() / 1000 + 1 }),
  })
  const main = connectTo(url, { forceNew: true, reconnection: false })
  onCleanup(() => void main.disconnect())
  await next(main as never, 'connect')
  const admin = main.io.socket('/admin', {})
  if (!admin.connected) await next(admin as never, 'connect')
  const ends = [next(main as never, 'disconnect'), next(admin as never, 'disconnect')]
  expect(await authenticated(main as never)).toEqual(['authenticated', true])
  expect((await io.of('/admin').fetchSockets()).length).toBe(1)
  for (const end of ends) expect((await end)[0]).toBe('io server disconnect')

  // The transport is closed with its last namespace: another one keeps it open.
  const other = connectTo(url, { forceNew: true, reconnection: false })
  onCleanup(() => void other.disconnect())
  await next(other as never, 'connect')
  const over = next(other as never, 'disconnect')
  await authenticated(other as never)
  const third = other.io.socket('/third-of-nobody', {})
  third.connect()
  await over
  heard.length = 0
  const news: unknown[] = []
  other.on('news', (text) => news.push(text))
  other.connect()
  await next(other as never, 'connect')
  other.emit('unheard')
  io.emit('news', 'too early')
  expect((await io.fetchSockets()).map(({ id }) => id)).toEqual([])
  expect(await authenticated(other as never)).toEqual(['authenticated', true])
  io.emit('news', 'in time')
  await until(() => news.includes('in time'))
  expect(news).toEqual(['in time'])
  expect(heard).not.toContain('/ unheard')
})

interface RawConnection {
  on(event: 'data', listener: (text: unknown) => void): unknown
}
interface WithClients {
  readonly clients: Readonly<Record<string, RawConnection>>
}
const connectionsOf = (io: Server) => Object.values((io.engine as unknown as WithClients).clients)

it.each([
  ['a bigint', { id: 5n }],
  [
    'a circle',
    (() => {
      const circle: Record<string, unknown> = { id: 'u1' }
      circle.self = circle
      return circle
    })(),
  ],
])('a success that cannot be written refuses: %s', async (_name, success) => {
  const { url, io } = await start(socketIOAuth, { authenticate: (_socket, _data, done) => done(null, success) })
  const client = await connected(url)
  const gone = next(client as never, 'disconnect')
  expect(await authenticated(client)).toEqual(['unauthorized', { message: 'Authentication failure' }])
  await gone
  await settled()
  expect(unhandled).toEqual([])
  expect((await io.fetchSockets()).length).toBe(0)
})

it.each([
  [
    'throws',
    () => {
      throw new Error('mysql://root:hunter2@db')
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('mysql://root:hunter2@db')
    },
  ],
])('an identify that %s refuses, and nothing of why is told', async (_how, identify) => {
  const { url } = await start(socketIOAuth, { identify: identify as never })
  const client = await connected(url)
  expect(await authenticated(client)).toEqual(['unauthorized', { message: 'Authentication failure' }])
  await settled()
  expect(unhandled).toEqual([])
})

it('where two configurations guard one server, the first yes opens nothing', async () => {
  const io = new Server()
  const heard: string[] = []
  const answers: (() => void)[] = []
  socketIOAuth(io, {
    authenticate: (_socket, _data, done) => void answers.push(() => done(null, true)),
    timeout: 20_000,
  })
  socketIOAuth(io, { authenticate: (_socket, _data, done) => done(null, true), timeout: 20_000 })
  io.on('connection', (socket) => socket.onAny((event) => heard.push(event)))
  io.listen(0)
  onCleanup(() => io.close())
  const client = await connected(`http://127.0.0.1:${(io.httpServer.address() as { port: number }).port}`)
  expect(await authenticated(client)).toEqual(['authenticated', true])
  const [raw] = connectionsOf(io)
  const arrived = new Promise((resolve) =>
    raw?.on('data', (text) => String(text).includes('too early') && resolve(text)),
  )
  client.emit('too early')
  await arrived
  await settled()
  expect((await io.fetchSockets()).length).toBe(0)
  const both = next(client as never, 'authenticated')
  for (const answer of answers) answer()
  await both
  client.emit('in time')
  await until(() => heard.includes('in time'))
  expect(heard).not.toContain('too early')
})
