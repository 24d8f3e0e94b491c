/** The Socket.IO side: `/news` for members, `/admin` for admins, every other namespace closed. */

import { type Auth, AuthError, type EventRequest, permitIf, type Receipt, type Refusal, requireScope } from 'portcullis'
import type { Namespace, Server } from 'socket.io'
import { z } from 'zod'
import { type Accounts, roleIn } from './accounts.ts'
import { type GatewayIdentity, revokeAccount } from './auth.ts'
import { type News, type NewsDraft, type NewsItem, newsDraft, organizationId } from './news.ts'

/** An acknowledgement: what was asked for, or why not. */
export type Reply<Body> = (reply: Body | { readonly error: Refusal }) => void

export interface NewsClientEvents {
  'news:publish': (organization: string, draft: NewsDraft, reply: Reply<{ item: NewsItem }>) => void
  'news:history': (organization: string, reply: Reply<{ items: readonly NewsItem[] }>) => void
}
export interface NewsServerEvents {
  news: (item: NewsItem) => void
}
export interface AdminClientEvents {
  'admin:revoke': (name: string, reply: Reply<{ receipt: Receipt }>) => void
}
type None = Record<string, never>

export interface SocketsOptions {
  readonly io: Server
  readonly auth: Auth<GatewayIdentity>
  readonly accounts: Accounts
  readonly news: News
  readonly onError: (error: unknown, where: string) => void
}

export interface Sockets {
  /** Sends an item to whoever is in its organization's room. */
  announce(item: NewsItem): void
}

const HISTORY_LENGTH = 50
const accountName = z.string().regex(/^[A-Za-z0-9._@-]{1,64}$/)
const writes = requireScope('news:write')

export function openSockets(options: SocketsOptions): Sockets {
  const { io, auth, accounts, news, onError } = options
  const newsNamespace = io.of('/news') as Namespace<NewsClientEvents, NewsServerEvents, None>
  const adminNamespace = io.of('/admin') as Namespace<AdminClientEvents, None, None>
  const announce = (item: NewsItem) => {
    newsNamespace.to(roomOf(item.organization)).emit('news', item)
  }

  const members = auth.protect(newsNamespace, {
    events: {
      'news:publish': { args: z.tuple([organizationId, newsDraft]), rule: mayPublish },
      'news:history': {
        args: z.tuple([organizationId]),
        rule: ({ identity, args: [organization] }) => permitIf(roleIn(identity.claims, organization) !== null),
      },
    },
    rooms: { 'organization.{id}': ({ identity, params }) => permitIf(roleIn(identity.claims, params.id) !== null) },
    memberships: ({ claims }) => claims.organizations.map(({ id }) => roomOf(id)),
  })
  members.on('connection', (socket) => {
    const { subject } = socket.data.identity
    socket.on('news:publish', (organization, draft, reply) => {
      answer(reply, 'news:publish', async () => {
        const item = await news.publish(organization, subject, draft)
        announce(item)
        return { item }
      })
    })
    socket.on('news:history', (organization, reply) => {
      answer(reply, 'news:history', async () => ({ items: await news.history(organization, HISTORY_LENGTH) }))
    })
  })

  const admins = auth.protect(adminNamespace, {
    connect: ({ identity }) => permitIf(identity.claims.admin),
    events: {
      'admin:revoke': { args: z.tuple([accountName]), rule: ({ identity }) => permitIf(identity.claims.admin) },
    },
  })
  admins.on('connection', (socket) => {
    socket.on('admin:revoke', (name, reply) => {
      answer(reply, 'admin:revoke', async () => {
        const account = await accounts.findByName(name)
        if (account === null) return { error: UNKNOWN_USER }
        return { receipt: await revokeAccount(auth, accounts, account.id) }
      })
    })
  })

  /** Never throws: a client may leave the acknowledgement out, and a handler may fail. */
  function answer<Body>(
    reply: Reply<Body> | undefined,
    where: string,
    work: () => Promise<Body | { error: Refusal }>,
  ): void {
    const send = typeof reply === 'function' ? reply : () => undefined
    work().then(send, (cause: unknown) => {
      const error = AuthError.is(cause) ? cause : new AuthError('AUTH_ERROR', { cause })
      onError(error.cause ?? error, where)
      send({ error: { code: error.code, message: error.message, retry: error.retry } })
    })
  }

  return { announce }
}

const UNKNOWN_USER: Refusal = { code: 'UNKNOWN_USER', message: 'There is no user of that name.', retry: 'never' }

/** An editor of that very organization; somebody who is an editor nowhere lacks the scope in the first place. */
function mayPublish(request: EventRequest<GatewayIdentity, [string, NewsDraft]>) {
  const scoped = writes(request)
  return scoped instanceof Promise || scoped.effect === 'deny'
    ? scoped
    : permitIf(roleIn(request.identity.claims, request.args[0]) === 'editor')
}

function roomOf(organization: string): string {
  return `organization.${organization}`
}
