/** The demo's backend: what the gateway asks it about the events that its policy has permitted. */

import type { Request, RequestHandler } from 'express'
import { type Auth, AuthError } from 'portcullis'
import { type HookHandledAnswer, type HookHandleItem, verifyHookRequest } from 'portcullis/hooks/http'
import { z } from 'zod'
import type { Accounts } from './accounts.ts'
import { revokeAccount } from './auth.ts'
import { type News, newsDraft, organizationId } from './news.ts'

/** What the backend acts upon. */
export interface BackendOptions {
  readonly secret: Uint8Array
  readonly accounts: Accounts
  readonly news: News
  readonly auth: () => Auth
  readonly onError: (error: unknown, where: string) => void
}

/** What becomes of one event. */
type Handled = Omit<Extract<HookHandledAnswer, { permit: true }>, 'id'>

const HISTORY_LENGTH = 50
const accountName = z.string().regex(/^[A-Za-z0-9._@-]{1,64}$/)
const UNKNOWN_USER = { code: 'UNKNOWN_USER', message: 'There is no user of that name.', retry: 'never' }

/** The room of an organization's members. */
export function roomOf(organization: string): string {
  return `organization.${organization}`
}

/** Takes the gateway's signed requests. The body must come as bytes: the signature is of these. */
export function backendRoute({ secret, accounts, news, auth, onError }: BackendOptions): RequestHandler {
  const events: Readonly<Record<string, (item: HookHandleItem) => Promise<Handled>>> = {
    async 'news:publish'({ identity, args }) {
      const [organization, draft] = parsed(z.tuple([organizationId, newsDraft]), args)
      const item = await news.publish(organization, identity.subject, draft)
      return {
        permit: true,
        reply: [{ item }],
        publish: [{ to: { room: roomOf(organization) }, event: 'news', args: [item] }],
      }
    },
    async 'news:history'({ args }) {
      const [organization] = parsed(z.tuple([organizationId]), args)
      return { permit: true, reply: [{ items: await news.history(organization, HISTORY_LENGTH) }] }
    },
    async 'admin:revoke'({ args }) {
      const [name] = parsed(z.tuple([accountName]), args)
      const account = await accounts.findByName(name)
      if (account === null) return { permit: true, reply: [{ error: UNKNOWN_USER }] }
      return { permit: true, reply: [{ receipt: await revokeAccount(auth(), accounts, account.id) }] }
    },
  }

  async function handle(item: HookHandleItem): Promise<HookHandledAnswer> {
    const { id } = item
    try {
      const act = Object.hasOwn(events, item.event) ? events[item.event] : undefined
      if (act === undefined) return { id, permit: false }
      return { id, ...(await act(item)) }
    } catch (cause) {
      const error = AuthError.is(cause) ? cause : new AuthError('AUTH_ERROR', { cause })
      onError(error.cause ?? error, item.event)
      if (error.code === 'AUTH_ARGUMENTS_INVALID') return { id, permit: false, code: 'AUTH_ARGUMENTS_INVALID' }
      // What a client may hear of it, as the acknowledgement of its event.
      const { code, message, retry } = error
      return { id, permit: true, reply: [{ error: { code, message, retry } }] }
    }
  }

  return async (req: Request, res) => {
    const body: unknown = req.body
    const request = Buffer.isBuffer(body) ? verifyHookRequest(secret, req.headers, body) : null
    if (request === null) return void res.status(401).json({ error: 'the signature does not fit' })
    const items = request.items.filter((item) => item.type === 'handle')
    res.json({ items: await Promise.all(items.map(handle)) })
  }
}

function parsed<T>(schema: z.ZodType<T>, args: readonly unknown[]): T {
  const outcome = schema.safeParse(args)
  if (!outcome.success) throw new AuthError('AUTH_ARGUMENTS_INVALID')
  return outcome.data
}
