/** Two servers of one cluster, or one that stands for both, and clients of theirs: where the facts about Socket.IO are played. */

import type { Server } from 'socket.io'
import { io as connectClient, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { afterTest } from '../cleanups.ts'
import type { Inside } from './inside.mjs'
import type { Kind } from './server.mjs'

export const KINDS: readonly Kind[] = ['bare', 'guarded']
/** How often a condition is looked at, and for how long: as a busy machine may take. */
export const SOON = { timeout: 10_000, interval: 5 }

/** A server, wherever it runs. */
export interface Node {
  readonly url: string
  /** Runs `act` where the server is. In a cluster that is another process: it can use nothing but its parameters. */
  run<Result, Arg = undefined>(
    act: (io: Server, arg: Arg, inside: Inside) => Result,
    arg?: Arg,
  ): Promise<Awaited<Result>>
  /** Closes it; answers what its guard had to report. */
  close(): Promise<readonly unknown[]>
}

export interface Stage {
  readonly a: Node
  /** Another server of the same cluster; with the in-memory adapter, the same. */
  readonly b: Node
  readonly clustered: boolean
  /** A client that is about to connect; closed after the test. */
  client(node: Node, namespace?: string, options?: ClientOptions): Socket
  /** The same, once it has connected. */
  connect(node: Node, namespace?: string, options?: ClientOptions): Promise<Client>
}

export type ClientOptions = Partial<ManagerOptions & SocketOptions>
export type Client = Socket & { readonly id: string }
/** Starts the servers of a stage. */
export type Open = (kind: Kind) => Promise<readonly [Node, Node] | readonly [Node]>

/** Opened before the tests of the present suite, closed after them. */
export function useStage(kind: Kind, open: Open, clientOptions: ClientOptions = {}): Stage {
  let nodes: readonly Node[] = []
  beforeAll(async () => {
    nodes = await open(kind)
    // Nodes find each other by heartbeats, and ask nobody whom they have not heard of.
    for (const node of nodes) {
      const leastKnown = () =>
        node.run(async (io) => {
          const counts = ['/', '/facts', '/other'].map((name) => io.of(name).adapter.serverCount())
          return Math.min(...(await Promise.all(counts)))
        })
      await vi.waitFor(async () => expect(await leastKnown()).toBe(nodes.length), SOON)
    }
  }, 20_000)
  afterAll(async () => {
    const reported = await Promise.all(nodes.map((node) => node.close()))
    expect(reported.flat()).toEqual([])
  })
  const at = (index: number) => {
    const node = nodes[index] ?? nodes[0]
    if (node === undefined) throw new Error('the stage is not open yet')
    return node
  }
  return {
    get a() {
      return at(0)
    },
    get b() {
      return at(1)
    },
    get clustered() {
      return nodes.length > 1
    },
    client,
    async connect(node, namespace, options) {
      const socket = client(node, namespace, options)
      await connected(socket)
      return socket as Client
    },
  }

  function client(node: Node, namespace = '/facts', options: ClientOptions = {}): Socket {
    const socket = connectClient(node.url + namespace, {
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      ...clientOptions,
      ...options,
    })
    afterTest(() => void socket.disconnect())
    return socket
  }
}

/** Resolves when it has connected, and rejects when it is refused. */
export function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
}

/** The arguments of the next such event, without an acknowledgement. */
export function next(socket: Socket, event: string): Promise<unknown[]> {
  return new Promise((resolve) => {
    socket.once(event as 'disconnect', (...args: unknown[]) => resolve(args.filter((arg) => typeof arg !== 'function')))
  })
}

/** What a node remembers under a name. */
export function saw(node: Node, name: string): Promise<unknown> {
  return node.run((_io, key: string, inside) => inside.seen[key], name)
}

/** All that a client hears from now on: the events' names with their arguments. */
export function hear(socket: Socket): unknown[][] {
  const heard: unknown[][] = []
  socket.onAny((...said: unknown[]) => heard.push(said.filter((arg) => typeof arg !== 'function')))
  return heard
}
