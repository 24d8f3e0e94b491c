/** What must not compile, and what must be inferred without a type argument. */

import { type } from 'arktype'
import { createAuth, deny, type Identity, permit, permitIf, requireScope, type Strategy } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { session } from 'portcullis/strategies/session'
import type { Namespace, Server } from 'socket.io'
import * as v from 'valibot'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'

interface ClientEvents {
  'message:send': (message: { text: string }, ack: (reply: { id: number }) => void) => void
  'message:list': () => void
}
interface ServerEvents {
  message: (text: string) => void
}
declare const io: Server
declare const typed: Namespace<ClientEvents, ServerEvents, Record<string, never>, { trace: string }>
declare const secret: Uint8Array
declare const store: {
  get(sid: string, callback: (error: unknown, session?: { user?: { id: string; org: string } }) => void): void
}

const auth = createAuth({
  origins: ['https://app.example'],
  strategies: [
    jwt({ issuer: 'i', audience: 'chat', keys: secret, claims: z.object({ org: z.string(), scope: z.string() }) }),
    session({
      store,
      secret: 'x'.repeat(32),
      identify: ({ user }) => (user ? { subject: user.id, claims: { org: user.org, scope: 'chat:write' } } : null),
    }),
  ],
})
declare const scopeless: Strategy<Identity<'plain', { name: string }>>
const plain = createAuth({ origins: [], strategies: [scopeless] })

describe('inference', () => {
  it('gives the union of the strategies’ identities', () => {
    const chat = auth.protect(io.of('/chat'), { events: {} })
    chat.on('connection', (socket) => {
      expectTypeOf(socket.data.identity.scheme).toEqualTypeOf<'jwt' | 'session'>()
      expectTypeOf(socket.data.identity.claims.org).toEqualTypeOf<string>()
      expectTypeOf(socket.data.lease.expiresAt).toEqualTypeOf<number | null>()
    })
  })

  it('keeps the namespace’s own events and data', () => {
    const chat = auth.protect(typed, { events: { 'message:send': () => permit(), 'message:list': () => deny() } })
    chat.on('connection', (socket) => {
      expectTypeOf(socket.data.trace).toEqualTypeOf<string>()
      expectTypeOf(socket.data.identity.subject).toEqualTypeOf<string>()
      socket.on('message:send', (message) => expectTypeOf(message).toEqualTypeOf<{ text: string }>())
      // @ts-expect-error an event that the server does not emit
      socket.emit('nonsense')
    })
  })

  it('gives room rules the parameters of their pattern', () => {
    auth.protect(io.of('/chat'), {
      events: {},
      rooms: {
        'org:{org}': ({ identity, params }) => permitIf(identity.claims.org === params.org),
        'org:{org}:room:{id}': ({ params }) => {
          expectTypeOf(params).toEqualTypeOf<{ readonly org: string; readonly id: string }>()
          return permit()
        },
      },
    })
  })

  it('takes the schemas of valibot and arktype as it takes those of zod', () => {
    auth.protect(typed, {
      events: {
        'message:send': {
          args: v.tuple([v.object({ text: v.pipe(v.string(), v.trim()) })]),
          rule: ({ args }) => {
            expectTypeOf(args).toEqualTypeOf<[message: { text: string }]>()
            return permit()
          },
        },
        'message:list': () => permit(),
      },
    })
    auth.protect(typed, {
      events: {
        'message:send': { args: type([{ text: 'string.trim' }]), rule: () => permit() },
        // @ts-expect-error the listener takes no argument
        'message:list': { args: type(['string']), rule: () => permit() },
      },
    })
  })

  it('gives the rule of checked arguments what the schema puts out', () => {
    auth.protect(typed, {
      events: {
        'message:send': {
          args: z.tuple([z.object({ text: z.string() })]),
          rule: ({ args }) => {
            expectTypeOf(args).toEqualTypeOf<[message: { text: string }]>()
            return permit()
          },
        },
        'message:list': ({ args }) => {
          expectTypeOf(args).toEqualTypeOf<readonly unknown[]>()
          return permit()
        },
      },
    })
  })
})

describe('what does not compile', () => {
  it('a missing event rule', () => {
    // @ts-expect-error 'message:list' has no rule
    auth.protect(typed, { events: { 'message:send': () => permit() } })
  })

  it('an unknown event', () => {
    auth.protect(typed, {
      // @ts-expect-error 'message:delete' is no event of this namespace
      events: { 'message:send': () => permit(), 'message:list': () => permit(), 'message:delete': () => permit() },
    })
  })

  it('a boolean decision', () => {
    // @ts-expect-error true is no decision
    auth.protect(io.of('/chat'), { events: { chat: () => true } })
    // @ts-expect-error nor is a promise of one
    auth.protect(io.of('/chat'), { events: { chat: async () => true } })
    // @ts-expect-error nor in a connect rule
    auth.protect(io.of('/chat'), { events: {}, connect: () => true })
    // @ts-expect-error a truthy value is no condition
    permitIf('yes')
  })

  it('a misspelt room parameter', () => {
    auth.protect(io.of('/chat'), {
      events: {},
      rooms: {
        // @ts-expect-error the pattern has {org}
        'org:{org}': ({ params }) => permitIf(params.orgg === 'x'),
      },
    })
  })

  it('requireScope on an identity without scopes', () => {
    auth.protect(io.of('/chat'), { events: { chat: requireScope('chat:write') } })
    plain.protect(io.of('/chat'), {
      events: {
        // @ts-expect-error its claims have no scope
        chat: requireScope('chat:write'),
      },
    })
  })

  it('a schema for other arguments than the event has', () => {
    auth.protect(typed, {
      events: {
        // @ts-expect-error the event takes { text }
        'message:send': { args: z.tuple([z.number()]), rule: () => permit() },
        'message:list': () => permit(),
      },
    })
  })

  it('a claim that no strategy gives', () => {
    auth.protect(io.of('/chat'), {
      // @ts-expect-error there is no claim "admin"
      connect: ({ identity }) => permitIf(identity.claims.admin === true),
      events: {},
    })
  })
})
