/** What a facade of socketio-auth must do, as checks that wrong facades must fail. */

import type { socketIOAuth as SocketIOAuth } from 'portcullis/compat/socketio-auth'
import { Server } from 'socket.io'
import { expect } from 'vitest'
import { onCleanup } from '../../harness.ts'
import { type Client, connect, disconnected, outcome, type Version } from '../passport-socketio/web-app.ts'

export type Facade = typeof SocketIOAuth
type Check = (facade: Facade) => Promise<void>
type Options = Parameters<Facade>[1]

/** As the README's, but for a client that sends no data. */
export const byPassword: Options['authenticate'] = (_socket, data, callback) => {
  const users: Record<string, { id: string; password: string }> = { John: { id: 'u1', password: 'secret' } }
  const user = Object.hasOwn(users, String(data.username)) ? users[String(data.username)] : undefined
  if (user === undefined) return callback(new Error('User not found'))
  return callback(null, user.password === data.password)
}
export const JOHN = { username: 'John', password: 'secret' }

export async function start(facade: Facade, options: Partial<Options> = {}) {
  const io = new Server({ allowEIO3: true })
  const heard: string[] = []
  facade(io, { authenticate: byPassword, timeout: 5000, ...options })
  for (const nsp of [io.of('/'), io.of('/admin')]) {
    nsp.on('connection', (socket) => {
      socket.onAny((event) => heard.push(`${nsp.name} ${event}`))
    })
  }
  io.listen(0)
  onCleanup(() => io.close())
  const { port } = io.httpServer.address() as { port: number }
  return { io, url: `http://127.0.0.1:${port}`, heard }
}

export async function connected(url: string, version: Version = 4, namespace = '/'): Promise<Client> {
  const client = connect(url, version, { namespace })
  expect(await outcome(client)).toBeNull()
  return client
}

/** The first of these events, with its argument. */
export function first(client: Client, ...events: string[]): Promise<[string, unknown]> {
  return new Promise((resolve) => {
    for (const event of events) client.once(event, (argument: unknown) => resolve([event, argument]))
  })
}

/** Emits `authentication` with John's data, or with what is given, and waits for the answer. */
export const authenticated = (client: Client, ...data: unknown[]) => {
  const answer = first(client, 'authenticated', 'unauthorized', 'disconnect')
  client.emit('authentication', ...(data.length === 0 ? [JOHN] : data.filter((each) => each !== NOTHING)))
  return answer
}
/** No argument at all. */
export const NOTHING = Symbol('nothing')

export const checks: Readonly<Record<string, Check>> = {
  async 'answers the right password with authenticated'(facade) {
    const { url, io } = await start(facade)
    const client = await connected(url)
    expect(await authenticated(client)).toEqual(['authenticated', true])
    const [socket] = await io.fetchSockets()
    expect(socket?.id).toBe(client.id)
  },
  async 'answers a wrong password with unauthorized, and disconnects'(facade) {
    const { url } = await start(facade)
    const client = await connected(url)
    const gone = disconnected(client)
    expect(await authenticated(client, { username: 'John', password: 'x' })).toEqual([
      'unauthorized',
      { message: 'Authentication failure' },
    ])
    expect(await gone).toBe('io server disconnect')
  },
  async 'keeps broadcasts and events from a client that has not authenticated, in every namespace'(facade) {
    const { url, io, heard } = await start(facade)
    for (const namespace of ['/', '/admin']) {
      const client = await connected(url, 4, namespace)
      const received: unknown[] = []
      client.on('news', (...news) => received.push(news))
      client.emit('delete everything')
      io.of(namespace).emit('news', 'before')
      expect(await authenticated(client)).toEqual(['authenticated', true])
      io.of(namespace).emit('news', 'after')
      await first(client, 'news')
      expect(received).toEqual([['after']])
    }
    expect(heard.filter((event) => !event.endsWith('authentication'))).toEqual([])
  },
  async 'disconnects a client that does not authenticate in time'(facade) {
    const { url } = await start(facade, { timeout: 50 })
    const client = connect(url, 4)
    expect(await disconnected(client)).toBe('io server disconnect')
  },
  async 'survives a client that sends no data'(facade) {
    const { url } = await start(facade)
    const client = await connected(url)
    expect(await authenticated(client, NOTHING)).toEqual(['unauthorized', { message: 'Authentication failure' }])
  },
}
