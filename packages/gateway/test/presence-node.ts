/** A real Socket.IO server with presence, for tests in one process and for a process that is killed. Without a policy: clients say who they are. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from 'redis'
import { Server, type Socket } from 'socket.io'
import {
  createPresence,
  type Presence,
  type PresenceChange,
  type PresenceStore,
  redisPresence,
} from '../src/presence/index.ts'

export interface PresenceNode {
  readonly io: Server
  readonly presence: Presence
  readonly url: string
  /** What this node, of all, has caused or found. */
  readonly changes: PresenceChange[]
  readonly errors: Error[]
  close(): Promise<void>
}

/** What a client sends as `auth`. */
export interface Claimed {
  readonly subject?: string
  readonly rooms?: readonly string[]
}

/** Rooms that begin with `organization.` have presence, except in `/plain`; `secret` in a name may be read by nobody. */
export async function startPresenceNode(store: PresenceStore, ttlMs: number, node?: string): Promise<PresenceNode> {
  const http = createServer()
  const io = new Server(http)
  for (const namespace of [io.of('/'), io.of('/plain'), io.of(/^\/tenant-/)]) {
    namespace.use((socket, next) => {
      const { subject } = socket.handshake.auth as Claimed
      if (subject !== undefined) {
        socket.data.identity = { scheme: 'key', issuer: 'https://issuer.example', subject, claims: {} }
      }
      next()
    })
    namespace.on('connection', serve)
  }
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const changes: PresenceChange[] = []
  const errors: Error[] = []
  const presence = await createPresence({
    io,
    store,
    ttlMs,
    ...(node === undefined ? {} : { node }),
    isPresenceRoom: (namespace, room) => namespace !== '/plain' && room.startsWith('organization.'),
    mayRead: async (_identity, _namespace, room) => !room.includes('secret'),
    onChange: (change) => changes.push(change),
    onError: (error) => errors.push(error),
  })

  function serve(socket: Socket): void {
    socket.join([...((socket.handshake.auth as Claimed).rooms ?? [])])
    socket.on('join', async (rooms: string[], done: () => void) => {
      await socket.join(rooms)
      done()
    })
    socket.on('leave', async (room: string, done: () => void) => {
      await socket.leave(room)
      done()
    })
    socket.on('watch', async (room: string, done: (watching: boolean) => void) => {
      done(await presence.watch(socket, room))
    })
    socket.on('unwatch', (room: string, done: () => void) => {
      presence.unwatch(socket, room)
      done()
    })
  }

  return {
    io,
    presence,
    changes,
    errors,
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async close() {
      await io.close()
      await presence.close()
    },
  }
}

/** A store of its own connections, which fail at once while Redis is away. `count` is told of each command. */
export async function redisStore(url: string, prefix: string, count: () => void = () => undefined) {
  const socket = { reconnectStrategy: () => 20 }
  const [client, subscriber] = await Promise.all(
    [true, false].map(async (disableOfflineQueue) => {
      const connection = createClient({ url, socket, disableOfflineQueue })
      connection.on('error', () => undefined)
      await connection.connect()
      return connection
    }),
  )
  if (client === undefined || subscriber === undefined) throw new Error('there are two')
  const counting = {
    sendCommand(command: string[]) {
      count()
      return client.sendCommand(command)
    },
  }
  return {
    store: redisPresence({ client: counting, subscriber, prefix }),
    end() {
      client.destroy()
      subscriber.destroy()
    },
  }
}
