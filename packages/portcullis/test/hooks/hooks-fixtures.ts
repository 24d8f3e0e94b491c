/** A back end that answers hooks as a test says, and the hooks that ask it. */

import type { IncomingMessage } from 'node:http'
import type { EventRequest, Identity, RoomRequest } from 'portcullis'
import {
  type HookItem,
  type HttpHooks,
  type HttpHooksOptions,
  httpHooks,
  verifyHookRequest,
} from 'portcullis/hooks/http'
import { onTestFinished } from 'vitest'
import { backend, SECRET } from '../strategies/webhook-fixtures.ts'

export type Asked = HookItem & Readonly<Record<string, unknown>>
/** What one item is answered with, its id left out; undefined for no answer. */
export type Answering = (item: Asked) => Readonly<Record<string, unknown>> | undefined

export interface HookBackend {
  readonly url: string
  /** The questions of each request. */
  readonly requests: (readonly Asked[])[]
  readonly bodies: string[]
  readonly headers: IncomingMessage['headers'][]
  /** All questions so far. */
  readonly items: () => readonly Asked[]
  answer: Answering
  /** Stands in for the whole answer, while it is set. */
  instead: ((asked: readonly Asked[]) => { status?: number; headers?: Record<string, string>; body?: unknown }) | null
  /** Every connection breaks off. */
  isDown: boolean
  /** Each answer waits for it. */
  wait: (asked: readonly Asked[]) => Promise<void> | undefined
  readonly cacheControl: { value: string | undefined }
}

/** What `hookBackend` verifies with. */
export { SECRET }

/** A back end that verifies each request, as it must. */
export async function hookBackend(answer: Answering = () => ({ permit: true })): Promise<HookBackend> {
  const cacheControl: HookBackend['cacheControl'] = { value: undefined }
  const { origin } = await backend(async (request, response, body) => {
    // Whatever the hooks' clock says: tests of `verifyHookRequest` are elsewhere.
    const asked = verifyHookRequest(SECRET, request.headers, body, { toleranceSeconds: Number.POSITIVE_INFINITY })
    if (asked === null) {
      response.writeHead(400).end()
      return
    }
    const items = asked.items as readonly Asked[]
    site.requests.push(items)
    site.bodies.push(body.toString())
    site.headers.push(request.headers)
    if (site.isDown) {
      request.socket.destroy()
      return
    }
    await site.wait(items)
    const { status = 200, headers = {}, body: given } = site.instead?.(items) ?? {}
    const answers = () => ({
      items: items.flatMap((item) => {
        const found = site.answer(item)
        return found === undefined ? [] : [{ id: item.id, ...found }]
      }),
    })
    const { value } = cacheControl
    response.writeHead(status, { ...(value === undefined ? {} : { 'cache-control': value }), ...headers })
    response.end(typeof given === 'string' || Buffer.isBuffer(given) ? given : JSON.stringify(given ?? answers()))
  })
  const site: HookBackend = {
    url: origin,
    requests: [],
    bodies: [],
    headers: [],
    items: () => site.requests.flat(),
    answer,
    instead: null,
    isDown: false,
    wait: () => undefined,
    cacheControl,
  }
  return site
}

/** Hooks that ask it, until the test ends. */
export function hooksOf({ url }: Pick<HookBackend, 'url'>, options: Partial<HttpHooksOptions> = {}): HttpHooks {
  const hooks = httpHooks({ url, secret: SECRET, ...options })
  onTestFinished(() => hooks.close())
  return hooks
}

export function user(subject = 'alice', claims: unknown = { org: 'acme' }): Identity {
  return { scheme: 'hook', issuer: 'app', subject, claims }
}

export function joining(room: string, identity: Identity = user()): RoomRequest {
  const lease = { id: 'lease', issuedAt: 0, expiresAt: null }
  const params = { id: room.split(':')[1] ?? '' }
  return { identity, lease, namespace: '/chat', room, params, socketId: 'socket-1', presented: undefined }
}

export function sending(event: string, args: readonly unknown[] = [], identity: Identity = user()): EventRequest {
  return { identity, lease: { id: 'lease', issuedAt: 0, expiresAt: null }, namespace: '/chat', event, args }
}

/** The code and the reason that a promise rejects with, or what it gives. */
export async function outcomeOf(promise: Promise<unknown> | unknown): Promise<unknown> {
  try {
    return await promise
  } catch (error) {
    const { code, reason } = error as { code?: string; reason?: string }
    return [code, reason]
  }
}
