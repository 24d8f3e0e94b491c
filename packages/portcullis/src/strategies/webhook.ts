/** A back end in any language that is asked, over HTTP, who a credential stands for. */

import type { Identity } from '../core/identity.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { type Answer, createAnswerCache } from '../outbound/cache.ts'
import { freshSeconds } from '../outbound/freshness.ts'
import { createHttpCall, type HttpCallState } from '../outbound/http-call.ts'
import { revalidating } from './revalidated.ts'
import { malformed, type Verdict, verdictOf } from './webhook-answer.ts'
import { authorityOf } from './webhook-authority.ts'
import { settingsOf, type WebhookOptions } from './webhook-options.ts'
import { type Presented, presentedBy, presentedIn } from './webhook-request.ts'
import { signedHeaders } from './webhook-signature.ts'

export type { WebhookAnswer, WebhookRefusalCode } from './webhook-answer.ts'
export type { WebhookForward, WebhookOptions } from './webhook-options.ts'
export type { WebhookRequest } from './webhook-request.ts'
export {
  type VerifiedWebhook,
  type VerifyWebhookOptions,
  verifyWebhook,
  type WebhookSecret,
} from './webhook-signature.ts'

/** Claims when no schema says more. */
export type WebhookClaims = Readonly<Record<string, unknown>>

/** The strategy, and what an application may do with it besides. */
export interface WebhookStrategy<I extends Identity = Identity> extends Strategy<I> {
  /** Forgets every remembered answer. What is being asked now is not remembered either. */
  readonly purge: () => void
  /** For metrics. */
  readonly state: () => WebhookState
}

/** How calls fare, and how many answers are remembered: permits, and refusals, which are counted apart. */
export interface WebhookState extends HttpCallState {
  readonly remembered: { readonly positive: number; readonly negative: number }
}

/** What is known of a credential. Times are epoch seconds. */
interface Known {
  readonly verdict: Verdict
  readonly askedAt: number
}

/**
 * Asks a back end with a signed POST whose body is a `WebhookRequest`. The back end answers 200 with a `WebhookAnswer`:
 * `{ "permit": true, "subject": "42" }` admits, `{ "permit": false }` refuses, as do 401 and 403. Anything else, and no
 * answer within `timeoutMs`, is AUTH_UNAVAILABLE. Reads `Authorization: Bearer`, or `auth.token` of the CONNECT packet,
 * unless `from` or `forward.cookies` say otherwise; without a credential it asks nobody.
 *
 * The request is signed as Standard Webhooks has it. The back end must verify it (`verifyWebhook` here, a library there),
 * refuse timestamps more than 5 minutes off, and may remember `webhook-id` for those 5 minutes against copies. When the
 * signature is wrong it should answer 400: 401 would tell the user that his login is over.
 *
 * The lease ends after `leaseSeconds`, or with the answer's `expiresAt`. Every `revalidateEveryMs` the same request is sent again,
 * once for all sockets that presented the same: a refusal closes them, other claims count from then on. An answer is remembered only when its
 * `Cache-Control: max-age` says so, for at most `maxCacheSeconds`, and for exactly the same request.
 *
 * Does not check: the credential itself, and whether forwarded headers are true. Follows no redirect, and refuses a host
 * whose name resolves to a private address unless `allowPrivateAddresses`.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: the code of the answer (AUTH_CREDENTIAL_INVALID, AUTH_EXPIRED, AUTH_REVOKED,
 * AUTH_FORBIDDEN); AUTH_EXPIRED (what it permits has ended); AUTH_UNAVAILABLE (no answer, or an unusable one); AUTH_ERROR
 * (the schema threw)
 *
 * @example
 * webhook({
 *   url: 'https://app.example/internal/authenticate',
 *   secret: process.env.WEBHOOK_SECRET ?? '',
 *   issuer: 'https://app.example',
 *   forward: { cookies: ['PHPSESSID'] },
 * })
 *
 * @see https://www.standardwebhooks.com, RFC 9111 section 5.2.2; subpath `portcullis/strategies/webhook`
 */
export function webhook<Claims = WebhookClaims, const Scheme extends string = 'webhook'>(
  options: WebhookOptions<Claims, Scheme>,
): WebhookStrategy<Identity<Scheme, Claims>> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  const settings = settingsOf(own)
  const { clock, sources, cookies } = settings
  const call = createHttpCall(settings.call)
  const cache = createAnswerCache<Known>({ now: () => clock.now() })

  async function ask({ body }: Presented): Promise<Answer<Known>> {
    const askedAtMs = clock.now()
    const headers = () => ({ 'content-type': 'application/json', ...signedHeaders(settings.keys, body, clock.now()) })
    return call({ method: 'POST', headers, body, idempotent: true }, (response) => {
      const verdict = verdictOf(response)
      const fresh = Math.min(freshSeconds(response.headers), settings.maxCacheSeconds)
      const ends = verdict.permit ? (verdict.expiresAt ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
      return {
        value: { verdict, askedAt: askedAtMs / 1000 },
        keepUntil: Math.min(askedAtMs + fresh * 1000, ends * 1000),
        negative: verdict.permit !== true,
        bytes: response.body.byteLength,
      }
    })
  }

  async function look(presented: Presented): Promise<Authentication<Identity<Scheme, Claims>> | null> {
    const { verdict, askedAt } = await cache.load(presented.key, () => ask(presented))
    if (verdict.permit === false) throw new AuthError(verdict.code, { reason: 'refused_by_back_end' })
    if (verdict.permit === true) return authorityOf<Scheme, Claims>(verdict, askedAt, presented.digest, settings)
    // A credential that was presented on purpose never falls through to another strategy.
    return presented.explicit ? malformed('"permit" is null for a credential') : null
  }

  const again = revalidating({
    everyMs: settings.revalidateEveryMs,
    look: (body) => look(presentedIn(body)),
    atOnce: settings.revalidateAtOnce,
  })

  return Object.freeze({
    scheme: settings.scheme as Scheme,
    from: Object.freeze([...sources, ...cookies.values()]),
    issuers: Object.freeze([settings.issuer]),
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    ...again.port,
    purge: cache.purge,
    state() {
      const { positive, negative } = cache.size()
      return { ...call.state(), remembered: { positive, negative } }
    },
    async authenticate(handshake, connect) {
      const presented = presentedBy(handshake, connect, settings)
      if (presented === null) return null
      const found = await look(presented)
      return found && again.accepted(found, presented.body)
    },
  } satisfies WebhookStrategy<Identity<Scheme, Claims>>)
}
