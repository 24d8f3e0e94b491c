/** `/chat` under a clock that a test moves: events, rooms and memberships that follow from the claims of the credential. */

import { type AuthOptions, permit, permitIf, type Strategy } from 'portcullis'
import type { Server, ServerOptions } from 'socket.io'
import type { Socket as ClientSocket } from 'socket.io-client'
import { expect } from 'vitest'
import { fakeTime, type KeyRecord, outcome, start, type User } from '../harness.ts'

type Options = Partial<AuthOptions<Strategy<User>>>

/** What a test puts in the place of, or adds to, the policy; each may be slow. */
export interface Rules {
  connect?: (identity: User) => ReturnType<typeof permit> | ReturnType<typeof permitIf> | Promise<never>
  memberships?: (identity: User) => Promise<readonly string[]>
  /** Of rooms `open:…`. */
  open?: (identity: User, room: string) => unknown
}

export async function leased(options: Options = {}, rules: Rules = {}, serverOptions: Partial<ServerOptions> = {}) {
  const time = fakeTime()
  const harness = await start({ clock: time.clock, ...options }, serverOptions)
  const begin = time.seconds()
  const { auth, io, records, client } = harness
  const handled: string[] = []

  /** A key of Alice's, good for so many seconds from the beginning of the test. */
  function key(name: string, seconds: number | null, record: Partial<KeyRecord> = {}): string {
    const expiresAt = seconds === null ? null : begin + seconds
    records.set(name, { subject: 'alice', issuedAt: begin, expiresAt, ...record })
    return name
  }

  function protect(namespace: Parameters<Server['of']>[0]) {
    const chat = auth.protect(io.of(namespace), {
      connect: ({ identity }) => (rules.connect?.(identity as User) ?? permit()) as never,
      events: {
        say: ({ identity }) => permitIf((identity as User).claims.scope.includes('chat:write')),
        hold: () => permit(),
      },
      rooms: {
        'org:{org}': ({ identity, params }) => permitIf((identity as User).claims.org === params.org),
        'open:{name}': ({ identity, room }) => (rules.open?.(identity as User, room) ?? permit()) as never,
      },
      memberships: async (identity) =>
        rules.memberships?.(identity as User) ?? [`home:${(identity as User).claims.org}`],
    })
    chat.on('connection', (socket) => socket.onAny((event) => handled.push(event)))
    return chat
  }

  async function enter(token: string, namespace = '/chat'): Promise<ClientSocket> {
    const socket = client(namespace, { auth: { token } })
    expect(await outcome(socket)).toBeNull()
    return socket
  }

  return { ...harness, time, begin, key, enter, handled, protect, chat: protect('/chat') }
}

/** An acknowledged refresh. */
export function refresh(client: ClientSocket, ...args: unknown[]): Promise<Record<string, unknown>> {
  return client.emitWithAck('auth:refresh', ...args)
}

/** The body of a refusal in an acknowledgement. */
export function refused(code: string): object {
  return { error: { code, message: expect.any(String), retry: expect.any(String) } }
}

/** Everything that a client hears from now on, as `[event, …args]`. */
export function listenTo(client: ClientSocket): unknown[][] {
  const heard: unknown[][] = []
  client.onAny((...args: unknown[]) => heard.push(args))
  return heard
}

/** A turn of the server and the network: what was sent before has arrived, in both directions. */
export async function settled(client: ClientSocket): Promise<void> {
  await client.emitWithAck('auth:whoami')
}

/** The same strategy, each of whose tokens can be revoked by itself. */
export function revocableByToken(strategy: Strategy<User>): Strategy<User> {
  return {
    ...strategy,
    async authenticate(handshake, connect) {
      const found = await strategy.authenticate(handshake, connect)
      return found && { ...found, revocableBy: [{ tokenId: String(connect?.auth.token) }] }
    },
  }
}
