/** Nodes with connection state recovery, on both adapters that can be guarded, and clients that go away and come back. */

import { randomBytes } from 'node:crypto'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { type AuthOptions, type Policy, permit, permitIf, type Strategy } from 'portcullis'
import { createClient } from 'redis'
import type { ServerOptions } from 'socket.io'
import type { Socket } from 'socket.io-client'
import { expect } from 'vitest'
import { type Harness, onCleanup, outcome, start, type User } from '../harness.ts'
import { sharedLog } from './nodes-log.ts'

export type Kind = 'memory' | 'streams'
/** A condition is waited for as long as a busy machine may take. */
export const WAIT = { timeout: 10_000 }

export const KINDS: readonly Kind[] = ['memory', 'streams']

export type Options = Partial<AuthOptions<Strategy<User>>>
export type ChatPolicy = Policy<User, Record<string, never>, string>

/** `from` is left, and `to` come back to: with streams, another node. */
export interface Nodes {
  readonly from: Harness
  readonly to: Harness
}

/** Members of an organization hear what is sent to it; whoever asks hears its rooms. */
export const POLICY: ChatPolicy = {
  events: {},
  memberships: ({ claims }) => [`org:${claims.org}`],
  rooms: {
    'room:{org}:{name}': ({ identity, params }) =>
      permitIf(identity.claims.org === (params as Record<string, string>).org),
  },
}

export async function nodes(
  kind: Kind,
  policy: ChatPolicy = POLICY,
  options: Options = {},
  serverOptions: Partial<ServerOptions> = {},
): Promise<Nodes> {
  const log = sharedLog()
  const adapter = kind === 'memory' ? null : await streams()
  const node = async () => {
    const harness = await start(
      { revocations: log.node(), limits: { handshakesPerMinute: 100_000, ruleTimeoutMs: 10_000 }, ...options },
      { connectionStateRecovery: {}, ...(adapter === null ? {} : { adapter: await adapter() }), ...serverOptions },
    )
    harness.auth.protect(harness.io.of('/chat'), policy)
    return harness
  }
  const from = await node()
  return { from, to: kind === 'memory' ? from : await node() }
}

/** Makes adapters that share one stream. */
export async function streams(): Promise<() => Promise<NonNullable<ServerOptions['adapter']>>> {
  const name = `portcullis-test-${randomBytes(6).toString('hex')}`
  const admin = await connectRedis()
  onCleanup(async () => {
    const keys = await admin.keys(`${name}*`)
    if (keys.length > 0) await admin.del(keys)
    await admin.close()
  })
  return async () => {
    const client = await connectRedis()
    onCleanup(() => client.close().catch(() => {}))
    // The adapter opens connections of its own, which it closes too late for a test.
    const duplicate = client.duplicate.bind(client)
    const tracked = () => {
      const copy = duplicate()
      onCleanup(() => {
        if (copy.isOpen) copy.destroy()
      })
      return copy
    }
    Object.assign(client, { duplicate: tracked })
    return createAdapter(client, {
      streamName: name,
      sessionKeyPrefix: `${name}:session:`,
      channelPrefix: name,
      blockTimeInMs: 100,
    })
  }
}

export async function connectRedis() {
  const client = createClient({ url: process.env.REDIS_URL as string })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** A client, and what it has heard, without the offsets. */
export interface Listener {
  readonly client: Socket
  readonly heard: unknown[][]
}

interface Recoverable {
  _pid?: string
  _lastOffset?: string
}

export function listen(client: Socket): Listener {
  const heard: unknown[][] = []
  client.onAny((event: string, ...args: unknown[]) => {
    if (!event.startsWith('auth:')) args.pop()
    heard.push([event, ...args])
  })
  return { client, heard }
}

/** A connected client that has received something, so that it has an offset. */
export async function present(node: Harness, token = 'alice-key', room?: string): Promise<Listener> {
  const listener = listen(node.client('/chat', { auth: { token } }))
  expect(await outcome(listener.client)).toBe(null)
  if (room !== undefined) expect(await listener.client.emitWithAck('auth:join', room)).toMatchObject({ joined: [room] })
  await hello(node, listener)
  return listener
}

/** Sends something to this client alone, and waits until it is there. */
export async function hello(node: Harness, { client, heard }: Listener): Promise<void> {
  node.io
    .of('/chat')
    .sockets.get(client.id as string)
    ?.emit('hello')
  await expect.poll(() => heard.some(([event]) => event === 'hello'), WAIT).toBe(true)
  heard.length = 0
}

/** Cuts the client's connection, and waits until the server has seen it. */
export async function lose(node: Harness, { client }: Listener): Promise<string> {
  const id = client.id as string
  client.io.engine.close()
  await expect.poll(() => node.io.of('/chat').sockets.has(id), WAIT).toBe(false)
  return id
}

/** The same client on another connection, or one that knows of it what is needed to come back. */
export function returning(node: Harness, { client }: Listener, token = 'alice-key'): Listener {
  const again = node.client('/chat', { auth: { token } })
  const { _pid, _lastOffset } = client as unknown as Recoverable
  Object.assign(again, { _pid, _lastOffset })
  return listen(again)
}

export async function comeBack(node: Harness, listener: Listener, token = 'alice-key') {
  const again = returning(node, listener, token)
  const refused = await outcome(again.client)
  return { ...again, refused, recovered: again.client.recovered ?? false }
}

/** How the server has judged attempts to come back. */
export function judgements({ audit }: Harness): readonly (string | undefined)[] {
  return audit.filter(({ rule }) => rule === 'recovery').map(({ reason }) => reason)
}

/** Everything that was to reach the client has: what is sent now is the last. */
export async function settled(node: Harness, { client, heard }: Listener): Promise<readonly unknown[][]> {
  node.io
    .of('/chat')
    .sockets.get(client.id as string)
    ?.emit('settled')
  await expect.poll(() => heard.some(([event]) => event === 'settled'), WAIT).toBe(true)
  return heard.filter(([event]) => event !== 'settled')
}

/** What both adapters keep is kept by the time that this resolves. */
export async function say(node: Harness, room: string, ...messages: readonly unknown[]): Promise<void> {
  const namespace = node.io.of('/chat')
  for (const message of messages) namespace.to(room).emit('news', message)
  // With streams, one that waits until everything before it has been written.
  await namespace.in(room).fetchSockets()
}

export const always = () => permit()
