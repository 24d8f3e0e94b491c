/** What `webhook()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import type { StandardSchemaV1 } from '../core/standard-schema.ts'
import { credentialSources, knownOptions, positive, systemClock, THIRTY_DAYS_SECONDS, text } from '../option-checks.ts'
import type { HttpCallOptions } from '../outbound/http-call.ts'
import { fromAuth, fromAuthorization, fromCookie } from './from.ts'
import { revalidateEveryMsOf } from './revalidated.ts'
import { forwardedHeaders } from './webhook-request.ts'
import { keysOf, type WebhookSecret } from './webhook-signature.ts'

/** What of the handshake is sent besides the credential. */
export interface WebhookForward {
  /**
   * Names of headers, such as `user-agent`. As the client sent them: true is only what your proxy overwrites. Not
   * `authorization` and `cookie`, which are credentials, and none that speaks of the connection or of the client's address.
   */
  readonly headers?: readonly string[]
  /** Names of cookies. Each is a credential: with one of them the back end is asked. */
  readonly cookies?: readonly string[]
}

/** Options of `webhook`; `url`, `secret` and `issuer` are required. */
export interface WebhookOptions<Claims, Scheme extends string> extends HttpCallOptions {
  /** Signs the requests: `whsec_` and 32 bytes or more in base64, or bytes. Several while one replaces another. */
  readonly secret: WebhookSecret | readonly WebhookSecret[]
  /** Whose subjects these are. */
  readonly issuer: string
  /** Where the credential is read. Default: `Authorization: Bearer`, and `auth.token`; with `forward.cookies` none but those. */
  readonly from?: readonly CredentialSource[]
  /** What else is sent. Default nothing. */
  readonly forward?: WebhookForward
  /** Parses the answer's `claims`: its output becomes `identity.claims`. Default: as they are. */
  readonly claims?: StandardSchemaV1<unknown, Claims>
  /** Default `webhook`. */
  readonly scheme?: Scheme
  /** Seconds that an answer is remembered at most, when its `Cache-Control: max-age` permits it. Default 30; 0 for never. */
  readonly maxCacheSeconds?: number
  /** Seconds after which the back end must have been asked again. Default 3600. */
  readonly leaseSeconds?: number
  /**
   * How often the back end is asked again while its sockets are connected: what ended ends them, and what changed is in force. Milliseconds,
   * from 1,000; `Infinity` for never. Default 30,000.
   * Each credential is a request of its own, answered from what its `Cache-Control` permits to remember; half of `maxConcurrent`
   * at once.
   */
  readonly revalidateEveryMs?: number
  /** Seconds that revocations are remembered, and after which no login counts any more. Default 2,592,000. */
  readonly maxLifetimeSeconds?: number
  /** For tests. Default: the system's. Does not move `timeoutMs`. */
  readonly clock?: Pick<Clock, 'now'>
}

/** The options with their defaults, checked; those of the call apart. */
export interface WebhookSettings {
  readonly call: HttpCallOptions
  readonly keys: readonly Uint8Array[]
  readonly issuer: string
  readonly scheme: string
  /** Sources of the one credential. */
  readonly sources: readonly CredentialSource[]
  readonly cookies: ReadonlyMap<string, CredentialSource>
  readonly headers: readonly string[]
  readonly claims: StandardSchemaV1 | undefined
  readonly maxCacheSeconds: number
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly revalidateEveryMs: number
  /** How many credentials may be asked about again at once, which leaves room for those that come. */
  readonly revalidateAtOnce: number
  readonly clock: Pick<Clock, 'now'>
}

const CALL_OPTIONS = [
  'url',
  'timeoutMs',
  'maxBodyBytes',
  'maxConcurrent',
  'maxQueued',
  'ca',
  'allowPrivateAddresses',
  'dangerouslyAllowHttp',
] as const satisfies readonly (keyof HttpCallOptions)[]
const OPTIONS: ReadonlySet<string> = new Set([
  ...CALL_OPTIONS,
  ...'secret issuer from forward claims scheme maxCacheSeconds leaseSeconds maxLifetimeSeconds'.split(' '),
  ...'revalidateEveryMs clock'.split(' '),
])

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: WebhookOptions<unknown, string>): WebhookSettings {
  knownOptions(options, OPTIONS, 'webhook')
  const { claims, scheme = 'webhook', maxCacheSeconds = 30, clock = systemClock } = options
  const { headers = [], cookies = [] } = forwardOf(options.forward)
  if (claims !== undefined && typeof claims?.['~standard']?.validate !== 'function') {
    throw new TypeError('"claims" must be a Standard Schema')
  }
  if (typeof clock?.now !== 'function') throw new TypeError('"clock" must have a function "now"')
  if (!(typeof maxCacheSeconds === 'number' && maxCacheSeconds >= 0 && maxCacheSeconds <= 300)) {
    throw new TypeError('"maxCacheSeconds" must be a number from 0 to 300')
  }
  return Object.freeze({
    call: Object.fromEntries(CALL_OPTIONS.map((name) => [name, options[name]])) as unknown as HttpCallOptions,
    keys: keysOf(options.secret),
    issuer: text(options.issuer, 'issuer'),
    scheme: text(scheme, 'scheme'),
    sources: sourcesOf(options.from, cookies),
    cookies: new Map(names(cookies, 'forward.cookies').map((name) => [name, fromCookie(name)])),
    headers: forwardedHeaders(names(headers, 'forward.headers')),
    claims,
    maxCacheSeconds,
    leaseSeconds: positive(options.leaseSeconds ?? 3600, 'leaseSeconds'),
    maxLifetimeSeconds: positive(options.maxLifetimeSeconds ?? THIRTY_DAYS_SECONDS, 'maxLifetimeSeconds'),
    revalidateEveryMs: revalidateEveryMsOf(options.revalidateEveryMs),
    revalidateAtOnce: Math.ceil((options.maxConcurrent ?? 64) / 2),
    clock,
  })
}

function sourcesOf(
  from: readonly CredentialSource[] | undefined,
  cookies: readonly string[],
): readonly CredentialSource[] {
  if (from !== undefined) return credentialSources(from)
  return cookies.length > 0 ? [] : [fromAuthorization('Bearer'), fromAuth('token')]
}

function forwardOf(forward: unknown): WebhookForward {
  if (forward !== undefined && (typeof forward !== 'object' || forward === null)) {
    throw new TypeError('"forward" must be an object')
  }
  const own: object = Object.assign(Object.create(null), forward)
  knownOptions(own, new Set(['headers', 'cookies']), 'webhook.forward')
  return own
}

function names(list: unknown, option: string): readonly string[] {
  const sound =
    Array.isArray(list) && list.length <= 32 && list.every((name) => typeof name === 'string' && name !== '')
  if (!sound) throw new TypeError(`"${option}" must be an array of at most 32 names`)
  return [...new Set(list as string[])]
}
