/** For back ends in Node, and for tests: whether a request of hooks is genuine, and what it asks. */

import { type VerifyWebhookOptions, verifyWebhook, type WebhookSecret } from '../strategies/webhook-signature.ts'
import type { HookItem, HookRequest } from './http-wire.ts'

/** A request that is genuine. */
export interface VerifiedHookRequest {
  /** Of this sending. Remember it for as long as the tolerance, and a copy of the request can do nothing. */
  readonly webhookId: string
  /** When it was signed, epoch seconds. */
  readonly timestamp: number
  readonly items: readonly HookItem[]
}

/** Options of `verifyHookRequest`. */
export type VerifyHookRequestOptions = VerifyWebhookOptions

/**
 * The questions of a request that comes from a holder of `secret`: give the headers with lower-case names, as Node has them, and the
 * body as it arrived, before anything parsed it. Null when it does not, was signed more than 5 minutes ago, or is of another version.
 *
 * Does not remember ids: within the tolerance a copy of the request verifies again. Leave out the answer to an item whose `type` you
 * do not know.
 *
 * @throws TypeError when the secret is malformed or short
 *
 * @example
 * const asked = verifyHookRequest(process.env.HOOK_SECRET ?? '', request.headers, rawBody)
 * if (asked === null) return response.writeHead(400).end()
 * response.end(JSON.stringify({ items: asked.items.map((item) => ({ id: item.id, permit: false })) }))
 *
 * @see docs/hooks.md, https://www.standardwebhooks.com; subpath `portcullis/hooks/http`
 */
export function verifyHookRequest(
  secret: WebhookSecret | readonly WebhookSecret[],
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string | Uint8Array,
  options: VerifyHookRequestOptions = {},
): VerifiedHookRequest | null {
  const verified = verifyWebhook(secret, headers, body, options)
  if (verified === null) return null
  const request = requestIn(body)
  if (request?.version !== 1 || !Array.isArray(request.items)) return null
  return { webhookId: verified.id, timestamp: verified.timestamp, items: request.items }
}

/** Signed by the other side of this very module, so that its shape needs no more looking at. */
function requestIn(body: string | Uint8Array): HookRequest | null {
  try {
    return JSON.parse(Buffer.from(body).toString()) as HookRequest | null
  } catch {
    return null
  }
}
