/** One client of `/chat` under a policy and a clock that only the test moves, and everything that either side heard. */

import type { Socket as ServerSocket } from 'socket.io'
import { expect } from 'vitest'
import type { Policy } from '../../src/core/policy.ts'
import { fakeTime, next, outcome, start, type User } from '../harness.ts'

/** Rules of any shape: these tests say what comes of them, types are tested elsewhere. */
export type Rules = Partial<Record<keyof Policy<User>, unknown>>

/** Long enough for a machine that has ten other things to do; what never answers fails after it. */
const ANSWER_MS = 3_000

/** The part of a socket through which packets come in; see src/server/packet.ts. */
interface Receiving {
  _onpacket(packet: { type: number; id?: number; data?: unknown }): void
}

export async function chatting(rules: Rules = {}, options: Parameters<typeof start>[0] = {}, token = 'alice-key') {
  const time = fakeTime()
  const server = await start({ clock: time.clock, ...options })
  const chat = server.auth.protect(server.io.of('/chat'), { events: {}, ...rules } as Policy<User>)
  /** What the application's listeners were given, in order. */
  const seen: unknown[][] = []
  chat.on('connection', (socket) => {
    socket.onAny((event: string, ...args: unknown[]) => {
      const last = args.at(-1)
      seen.push([event, ...(typeof last === 'function' ? args.slice(0, -1) : args)])
      if (typeof last === 'function') last({ ok: event })
    })
  })

  /** Another client, with whatever it has heard. */
  async function join(as: string) {
    const socket = server.client('/chat', { auth: { token: as } })
    const heard: unknown[][] = []
    socket.onAny((...all: unknown[]) => heard.push(all))
    const connection = next(chat, 'connection')
    expect(await outcome(socket)).toBe(null)
    const [serverSocket] = (await connection) as [ServerSocket]
    return {
      socket,
      serverSocket,
      heard,
      ask: (event: string, ...args: unknown[]): Promise<{ [name: string]: unknown; error?: { code: string } }> =>
        socket.timeout(ANSWER_MS).emitWithAck(event, ...args),
      /** The packet arrives in this very tick. */
      receive: (packet: Parameters<Receiving['_onpacket']>[0]) =>
        (serverSocket as unknown as Receiving)._onpacket(packet),
    }
  }

  return { ...server, time, chat, seen, join, ...(await join(token)) }
}

/** What a request is answered that was refused. */
export const refused = (code: string) => ({ error: expect.objectContaining({ code }) })
