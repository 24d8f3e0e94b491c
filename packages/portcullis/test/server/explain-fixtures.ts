/** `/chat` under a policy with something of everything, for questions about it. */

import { deny, type EventRequest, permit, permitIf, type RoomRequest, requireScope } from 'portcullis'
import { expect } from 'vitest'
import { z } from 'zod'
import { outcome, start, type User } from '../harness.ts'

export const ISSUER = 'https://issuer.example'

/** Alice is of acme and may read, Bob is of globex and may read and write. */
export const IDENTITIES = {
  alice: { scheme: 'key', issuer: ISSUER, subject: 'alice', claims: { org: 'acme', scope: 'chat:read' } },
  bob: { scheme: 'key', issuer: ISSUER, subject: 'bob', claims: { org: 'globex', scope: 'chat:read chat:write' } },
} as const

export interface Events {
  say: (text: string, answer?: (heard: string) => void) => void
  read: (answer?: (heard: string) => void) => void
  never: (answer?: (heard: string) => void) => void
}

export const policy = {
  connect: ({ identity }: { readonly identity: User }) =>
    identity.claims.org === 'banned' ? deny('AUTH_INSUFFICIENT_SCOPE') : permit(),
  events: {
    say: {
      args: z.tuple([z.string().max(10)]),
      rule: requireScope('chat:write') as (request: EventRequest<User, [string]>) => ReturnType<typeof permit>,
    },
    read: async () => permit(),
    never: () => deny(),
  },
  rooms: {
    'org:{org}': ({ identity, params }: RoomRequest<User, 'org:{org}'>) => permitIf(identity.claims.org === params.org),
    'org:{org}:{room}': async ({ identity, params }: RoomRequest<User, 'org:{org}:{room}'>) =>
      permitIf(identity.claims.org === params.org),
    'org:acme:{room}': ({ params }: RoomRequest<User, 'org:acme:{room}'>) => permitIf(params.room !== 'closed'),
    'past:{id}': () => permit({ expiresAt: 1 }),
    'shown:{id}': ({ presented }: RoomRequest<User, 'shown:{id}'>) => permitIf(presented === 'the grant'),
  },
  memberships: ({ subject }: User) => [`user:${subject}`],
}

/** A protected `/chat`, whose `say` and `read` are answered. */
export async function chat(options: object = {}, changed: object = {}, protectOptions: object = {}) {
  const harness = await start(options)
  const namespace = harness.io.of('/chat')
  namespace.on('connection', (socket) => {
    for (const event of ['say', 'read', 'never']) socket.on(event, (...args) => args.at(-1)?.('heard'))
  })
  harness.auth.protect(namespace, { ...policy, ...changed } as never, protectOptions)

  async function enter(token: string) {
    const socket = harness.client('/chat', { auth: { token } })
    expect(await outcome(socket)).toBeNull()
    return { socket, id: socket.id as string }
  }

  return { ...harness, namespace, enter }
}

/** The code of an acknowledgement, or null. */
export function codeOf(answer: unknown): string | null {
  return (answer as { error?: { code: string } } | null)?.error?.code ?? null
}

/** What comes in a later tick, on a machine that may be busy. */
export function soon<T>(read: () => T) {
  return expect.poll(read, { timeout: 5_000, interval: 10 })
}
