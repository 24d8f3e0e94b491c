/** `/chat` behind a strategy that looks again at its sessions, by a clock and with answers that a test decides. */

import { AuthError, type Authentication, type AuthOptions, permit, permitIf, type Strategy } from 'portcullis'
import { fromAuth } from 'portcullis/strategies/from'
import type { Socket as ClientSocket } from 'socket.io-client'
import { expect } from 'vitest'
import { type Claims, fakeTime, outcome, start, type User } from '../harness.ts'

/** What stands under a session's id: a login, or what the store says instead. */
export interface Login {
  readonly subject?: string
  readonly issuer?: string
  readonly claims?: Claims
  readonly issuedAt?: number
  readonly tag?: string
  /** Another handle than the session's id; null for none. */
  readonly handle?: unknown
}

export const EVERY_MS = 30_000
const READER: Claims = { org: 'acme', scope: 'chat:read' }
export const WRITER: Claims = { org: 'acme', scope: 'chat:read chat:write' }

type Options = Partial<AuthOptions<Strategy<User>>>
type Asked = (handles: readonly unknown[]) => unknown

/** What a test puts in the place of, or adds to, the policy. */
export interface Rules {
  connect?: (identity: User) => ReturnType<typeof permitIf> | Promise<ReturnType<typeof permitIf>>
  memberships?: (identity: User) => Promise<readonly string[]>
}

export async function watched(options: Options = {}, rules: Rules = {}, everyMs: number = EVERY_MS) {
  const time = fakeTime()
  const logins = new Map<unknown, Login | AuthError>()
  const asked: (readonly unknown[])[] = []
  /** How the rules were asked, by name. */
  const judged: string[] = []
  const leaseSeconds = 300
  /** Stands in for `revalidate` while it is set. */
  const store: { instead: Asked | null } = { instead: null }

  const from = [fromAuth('sid')]
  const login = (sid: string): Authentication<User> => {
    const found = logins.get(sid)
    if (found === undefined) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'session_unknown' })
    if (AuthError.is(found)) throw found
    const { subject = 'alice', issuer = 'sessions', claims = READER, issuedAt = 0, tag, handle = sid } = found
    return {
      identity: { scheme: 'key', issuer, subject, claims },
      lease: { id: `lease of ${subject}`, issuedAt, expiresAt: time.seconds() + leaseSeconds },
      revocableBy: [{ session: sid }, ...(tag === undefined ? [] : [{ tag }])],
      ...(handle === null ? {} : { handle }),
    }
  }
  const lookAt = (handle: unknown) => {
    try {
      return login(String(handle))
    } catch (error) {
      return error as AuthError
    }
  }
  const strategy: Strategy<User> = {
    scheme: 'key',
    from,
    maxLifetimeSeconds: 3600,
    async authenticate(_handshake, connect) {
      const sid = connect === null ? null : from[0]?.read(_handshake, connect)
      return typeof sid === 'string' ? login(sid) : null
    },
    revalidateEveryMs: everyMs,
    async revalidate(handles) {
      asked.push(handles)
      return (store.instead === null ? handles.map(lookAt) : await store.instead(handles)) as never
    },
  }
  const harness = await start({ clock: time.clock, strategies: [strategy], ...options })
  const { auth, io, client } = harness
  const chat = auth.protect(io.of('/chat'), {
    connect: ({ identity }) => {
      judged.push('connect')
      return (rules.connect?.(identity as User) ?? permit()) as never
    },
    events: { say: ({ identity }) => permitIf((identity as User).claims.scope.includes('chat:write')) },
    rooms: {
      'org:{org}': ({ identity, params }) => {
        judged.push('room')
        return permitIf((identity as User).claims.org === params.org)
      },
    },
    memberships: async (identity) => {
      judged.push('memberships')
      return rules.memberships?.(identity as User) ?? [`home:${(identity as User).claims.org}`]
    },
  })
  chat.on('connection', (socket) => socket.on('say', (ack) => ack('said')))

  async function enter(sid: string, found: Login = {}): Promise<ClientSocket> {
    if (!logins.has(sid)) logins.set(sid, found)
    const socket = client('/chat', { auth: { sid } })
    expect(await outcome(socket)).toBeNull()
    return socket
  }

  /** Lets seconds pass, one after the other, each with time for what it began. */
  async function pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i += 1) {
      time.advance(1_000)
      await turns()
    }
  }

  return { ...harness, time, logins, asked, judged, store, strategy, chat, enter, pass, lookAt }
}

/** Some turns of the event loop: whatever waits for nothing but promises is done. */
export async function turns(count = 6): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** How a client is told that it is over: the code of `auth:closed`, or null while nothing came. */
export function closing(client: ClientSocket): { code: string | null; readonly closed: Promise<string> } {
  const state = {
    code: null as string | null,
    closed: new Promise<string>((resolve) => {
      client.once('auth:closed', ({ code }: { code: string }) => {
        state.code = code
        resolve(code)
      })
    }),
  }
  return state
}
