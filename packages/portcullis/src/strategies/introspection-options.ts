/** What `introspection()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import type { StandardSchemaV1 } from '../core/standard-schema.ts'
import {
  credentialSources,
  knownOptions,
  LONGEST_TIMER_MS,
  positive,
  systemClock,
  THIRTY_DAYS_SECONDS,
  text,
} from '../option-checks.ts'
import { createHttpCall, type HttpCall } from '../outbound/http-call.ts'
import { callUrl } from '../outbound/options.ts'
import { fromAuth, fromAuthorization } from './from.ts'
import type { ExpectedToken } from './introspection-answer.ts'
import { type ClientKey, type ClientOptions, type ClientProof, clientProof } from './introspection-client.ts'
import { revalidateEveryMsOf } from './revalidated.ts'

/** Claims when no schema says more. */
export interface IntrospectionClaims {
  /** As the server answered it: scopes, separated by a space (RFC 6749 section 3.3). Empty where it named none. */
  readonly scope: string
  /** Whom the token was issued to. Absent where the server does not say. */
  readonly client_id?: string
}

interface SharedOptions<Claims, Scheme extends string> {
  /** Where to ask: `https:`, or `http:` to a loopback host. */
  readonly endpoint: string | URL
  /** Under which name the authorization server knows this one. */
  readonly clientId: string
  /** Whose tokens these are. Where the answer has `iss`, it must be this, character for character. */
  readonly issuer: string
  /** What `aud` of the answer must be, or contain where it is an array, character for character. */
  readonly audience: string
  /** Scopes that a token must have, every one of them, else AUTH_INSUFFICIENT_SCOPE. Default none. */
  readonly scopes?: readonly string[]
  /**
   * Parses the members of the answer: its output becomes `identity.claims`. Any Standard Schema (zod, valibot, arktype …).
   * Default: `scope` and `client_id`, nothing else.
   */
  readonly claims?: StandardSchemaV1<unknown, Claims>
  /**
   * Whether tokens without a user are accepted, which clients get for themselves: `sub` is missing, or equals `client_id`, and
   * the subject is then the `client_id`. Only for servers where no user can have the id of a client (RFC 9068 section 5).
   * Default false.
   */
  readonly allowClients?: boolean
  /** Whether the answer must have `iss`, which RFC 7662 leaves to the server. Default false. */
  readonly requireIssuer?: boolean
  /** Where the token is read. Default: `Authorization: Bearer`, and `auth.token` of the CONNECT packet. */
  readonly from?: readonly CredentialSource[]
  /** Default `introspection`. */
  readonly scheme?: Scheme
  /**
   * Seconds that an answer may be used again, from 0 to 30, and never beyond `exp`; for an inactive token at most 5. A token
   * that the server revoked is accepted for so much longer. Default 0: every handshake asks.
   */
  readonly cacheSeconds?: number
  /** Seconds after which the server must have been asked again. Default 3600. */
  readonly leaseSeconds?: number
  /**
   * How often the server is asked about a token again while its sockets are connected: what ended ends them, and what changed is in force. Milliseconds,
   * from 1,000; `Infinity` for never. Default 30,000.
   * Each token is a request of its own, answered from what `cacheSeconds` keeps where it may; half of `maxConcurrent` at once.
   */
  readonly revalidateEveryMs?: number
  /** Seconds that a token can live at most; revocations are remembered this long. Default 2,592,000, which is 30 days. */
  readonly maxLifetimeSeconds?: number
  /** Seconds by which the server's clock may be ahead, for `nbf` and `iat`. Default 5. `exp` counts by this clock. */
  readonly leewaySeconds?: number
  /** Milliseconds that the server has to answer, else AUTH_UNAVAILABLE. Default 1000. */
  readonly timeoutMs?: number
  /** Questions at the same time. Default 64. */
  readonly maxConcurrent?: number
  /** Questions that wait while so many are under way; one more is AUTH_UNAVAILABLE at once. Default 256. */
  readonly maxQueued?: number
  /** Certificates, in PEM, of the authorities that are trusted instead of the well-known ones. */
  readonly ca?: string | readonly string[]
  /** Whether the host of `endpoint` may resolve to a private address. Default false, except loopback for `localhost`. */
  readonly allowPrivateAddresses?: boolean
  /** For tests. Default: the system's. `timeoutMs` is always counted by the system's. */
  readonly clock?: Clock
}

/** Options of `introspection`; `endpoint`, `clientId`, `issuer`, `audience` and a secret or key are required. */
export type IntrospectionOptions<Claims = IntrospectionClaims, Scheme extends string = string> = SharedOptions<
  Claims,
  Scheme
> &
  (
    | {
        /** How this server proves who it is: in the header `Authorization`, or in the form. Default `client_secret_basic`. */
        readonly clientAuthentication?: 'client_secret_basic' | 'client_secret_post'
        readonly clientSecret: string
      }
    | {
        /** By a JWT of its own, which lives for a minute (RFC 7523 section 2.2). */
        readonly clientAuthentication: 'private_key_jwt'
        /** The private key as a JWK that names its `alg`; `kid` goes into the header. */
        readonly clientKey: ClientKey
      }
  )

/** The options with their defaults, checked. */
export interface IntrospectionSettings {
  readonly call: HttpCall
  readonly proof: ClientProof
  readonly expected: ExpectedToken
  readonly claims: StandardSchemaV1<unknown, unknown> | undefined
  readonly from: readonly CredentialSource[]
  readonly scheme: string
  readonly cacheSeconds: number
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly revalidateEveryMs: number
  /** How many tokens may be asked about again at once, which leaves room for those that come. */
  readonly revalidateAtOnce: number
  readonly clock: Clock
}

const OPTIONS = new Set(
  (
    'endpoint clientId clientAuthentication clientSecret clientKey issuer audience scopes claims allowClients' +
    ' requireIssuer from scheme cacheSeconds leaseSeconds maxLifetimeSeconds revalidateEveryMs leewaySeconds timeoutMs' +
    ' maxConcurrent maxQueued ca allowPrivateAddresses clock'
  ).split(' '),
)
/** RFC 7662 section 4 leaves the time to the server that caches; for so long a revoked token may still open a door. */
const MAX_CACHE_SECONDS = 30
/** RFC 6749 section 3.3 */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+$/

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: IntrospectionOptions<unknown>): IntrospectionSettings {
  knownOptions(options, OPTIONS, 'introspection')
  const { claims, scheme = 'introspection', cacheSeconds = 0, clock = systemClock } = options
  const { from = [fromAuthorization('Bearer'), fromAuth('token')] } = options
  if (typeof clock?.now !== 'function') throw new TypeError('"clock" must have a function "now"')
  if (claims !== undefined && typeof claims?.['~standard']?.validate !== 'function') {
    throw new TypeError('"claims" must be a Standard Schema')
  }
  return Object.freeze({
    call: callOf(options),
    proof: clientProof(options as ClientOptions, clock),
    expected: expectedOf(options),
    claims,
    from: credentialSources(from),
    scheme: text(scheme, 'scheme'),
    cacheSeconds: upTo(cacheSeconds, 'cacheSeconds', MAX_CACHE_SECONDS),
    leaseSeconds: positive(options.leaseSeconds ?? 3600, 'leaseSeconds'),
    maxLifetimeSeconds: positive(options.maxLifetimeSeconds ?? THIRTY_DAYS_SECONDS, 'maxLifetimeSeconds'),
    revalidateEveryMs: revalidateEveryMsOf(options.revalidateEveryMs),
    revalidateAtOnce: Math.ceil((options.maxConcurrent ?? 64) / 2),
    clock,
  })
}

function callOf(options: IntrospectionOptions<unknown>): HttpCall {
  const { maxConcurrent, maxQueued, ca, allowPrivateAddresses } = options
  return createHttpCall({
    url: callUrl(options.endpoint, 'endpoint'),
    timeoutMs: positive(options.timeoutMs ?? 1000, 'timeoutMs', LONGEST_TIMER_MS),
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    ...(maxQueued === undefined ? {} : { maxQueued }),
    ...(ca === undefined ? {} : { ca }),
    ...(allowPrivateAddresses === undefined ? {} : { allowPrivateAddresses }),
  })
}

function expectedOf(options: IntrospectionOptions<unknown>): ExpectedToken {
  const { scopes = [] } = options
  if (!Array.isArray(scopes) || scopes.some((scope) => typeof scope !== 'string' || !SCOPE.test(scope))) {
    throw new TypeError('"scopes" must be an array of scopes, each without a space')
  }
  return Object.freeze({
    issuer: text(options.issuer, 'issuer'),
    audience: text(options.audience, 'audience'),
    scopes: Object.freeze([...scopes]),
    allowClients: flag(options.allowClients, 'allowClients'),
    requireIssuer: flag(options.requireIssuer, 'requireIssuer'),
    leewaySeconds: upTo(options.leewaySeconds ?? 5, 'leewaySeconds', 300),
  })
}

function upTo(value: unknown, option: string, limit: number): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= limit)) {
    throw new TypeError(`"${option}" must be a number from 0 to ${limit}`)
  }
  return value
}

function flag(value: unknown, option: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw new TypeError(`"${option}" must be true or false`)
  return value ?? false
}
