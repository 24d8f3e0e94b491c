/** The strategy: a back end says who presents what, and is asked again while the socket is connected. */

import type { CredentialSource } from '../core/handshake.ts'
import type { Identity } from '../core/identity.ts'
import type { StandardSchemaV1 } from '../core/standard-schema.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { LONGEST_TIMER_MS, positive, THIRTY_DAYS_SECONDS, text } from '../option-checks.ts'
import type { Verdict } from '../strategies/webhook-answer.ts'
import { type AuthorityTerms, authorityOf } from '../strategies/webhook-authority.ts'
import { malformed } from './http-answer.ts'
import type { Forgotten } from './http-forgotten.ts'
import { digestOf } from './http-item.ts'
import type { Kept } from './http-kept.ts'
import type { Known, Memory } from './http-memory.ts'
import { type HttpHooksSettings, partOf } from './http-options.ts'
import { againOf, type HookForward, type Presentation, presentationOf } from './http-presented.ts'
import { createRefresh } from './http-refresh.ts'

/** Options of `hooks.connect`; `issuer` is required. */
export interface HookConnectOptions<Claims, Scheme extends string> {
  /** Whose subjects these are. */
  readonly issuer: string
  /** Where the credential is read. Default: `Authorization: Bearer`, and `auth.token`; with `forward.cookies` none but those. */
  readonly from?: readonly CredentialSource[]
  /** What else is sent. Default nothing. */
  readonly forward?: HookForward
  /** Parses the answer's `claims`: its output becomes `identity.claims`. Default: as they are. */
  readonly claims?: StandardSchemaV1<unknown, Claims>
  /** Default `hook`. */
  readonly scheme?: Scheme
  /** How often the back end is asked again while a socket is connected. Seconds, from 1; `Infinity` for never. Default 30. */
  readonly refreshSeconds?: number
  /** Seconds after which the back end must have been asked again. Default 3600. */
  readonly leaseSeconds?: number
  /** Seconds that revocations are remembered, and after which no login counts any more. Default 2,592,000. */
  readonly maxLifetimeSeconds?: number
}

/** What a strategy needs of the hooks that it belongs to. */
export interface ConnectParts {
  readonly settings: HttpHooksSettings
  readonly memory: Memory<Verdict>
  /** What is known of the sockets of one scheme and issuer: a strategy that takes the place of another goes on with it. */
  readonly keptOf: <I extends Identity>(name: string, keepMs: number) => Kept<I>
  readonly forget: Forgotten['forget']
}

/** Those who left are kept as long as those who stay. */
const MAX_KEEP_MS = 3_600_000
const OPTIONS = 'issuer from forward claims scheme refreshSeconds leaseSeconds maxLifetimeSeconds'.split(' ')

export function createConnect<Claims, const Scheme extends string>(
  options: HookConnectOptions<Claims, Scheme>,
  { settings, memory, keptOf, forget }: ConnectParts,
): Strategy<Identity<Scheme, Claims>> {
  type Found = Authentication<Identity<Scheme, Claims>>
  const own = partOf(options, 'connect', OPTIONS)
  const terms = termsOf(own, settings)
  const { from, read }: Presentation = presentationOf(
    partOf(own.forward, 'connect.forward', ['headers', 'cookies', 'auth']),
    own.from,
  )
  const revalidateEveryMs = refreshMsOf(own.refreshSeconds)
  // Twice, since a look that fails is repeated; a refusal has to take away what a connect remembers, which is 5 minutes at most.
  const keepMs = Math.min(2 * revalidateEveryMs + settings.cache.maxSeconds * 1000, MAX_KEEP_MS)
  const kept = keptOf<Identity<Scheme, Claims>>(JSON.stringify([terms.scheme, terms.issuer]), keepMs)

  async function authority(
    { value, askedAt }: Known<Verdict>,
    digest: string,
    explicit: boolean,
  ): Promise<Found | null> {
    if (value.permit === false) throw new AuthError(value.code, { reason: 'refused_by_back_end' })
    if (value.permit === true) return authorityOf<Scheme, Claims>(value, askedAt, digest, terms)
    // A credential that was presented on purpose never falls through to another strategy.
    return explicit ? malformed('"permit" is null for a credential') : null
  }

  const revalidate = createRefresh<Identity<Scheme, Claims>>({
    settings,
    kept,
    forget,
    async look({ text, digest }) {
      // Nobody stands behind it any more: of a socket that is connected that is its end, whatever it had presented.
      return authority(await memory.askAnew(text), digest, false)
    },
  })

  return Object.freeze({
    scheme: terms.scheme as Scheme,
    from,
    issuers: Object.freeze([terms.issuer]),
    maxLifetimeSeconds: terms.maxLifetimeSeconds,
    ...(revalidateEveryMs === Number.POSITIVE_INFINITY ? {} : { revalidateEveryMs, revalidate }),
    async authenticate(handshake, connect) {
      const presented = read(handshake, connect)
      if (presented === null) return null
      const { text, digest, explicit } = presented
      const found = await authority(await memory.ask(text, handshake.address.address), digest, explicit)
      if (found === null || revalidateEveryMs === Number.POSITIVE_INFINITY) return found
      // Text, so that all sockets that presented the same are asked about once.
      const handle = JSON.stringify([digest, againOf(text)])
      kept.put(digestOf(handle), found)
      // Out of sight of whoever prints the authority or compares it; a spread leaves it behind.
      return Object.defineProperty(found, 'handle', { value: handle })
    },
  } satisfies Strategy<Identity<Scheme, Claims>>)
}

function termsOf<Claims, Scheme extends string>(
  options: HookConnectOptions<Claims, Scheme>,
  { clock }: HttpHooksSettings,
): AuthorityTerms {
  const { claims, leaseSeconds = 3600, maxLifetimeSeconds = THIRTY_DAYS_SECONDS } = options
  if (claims !== undefined && typeof claims?.['~standard']?.validate !== 'function') {
    throw new TypeError('"claims" must be a Standard Schema')
  }
  return {
    scheme: text(options.scheme ?? 'hook', 'scheme'),
    issuer: text(options.issuer, 'issuer'),
    claims,
    leaseSeconds: positive(leaseSeconds, 'leaseSeconds'),
    maxLifetimeSeconds: positive(maxLifetimeSeconds, 'maxLifetimeSeconds'),
    clock,
  }
}

/** Milliseconds. @throws TypeError */
function refreshMsOf(seconds: unknown = 30): number {
  if (seconds === Number.POSITIVE_INFINITY) return seconds as number
  const longest = Math.floor(LONGEST_TIMER_MS / 1000)
  if (typeof seconds !== 'number' || !(seconds >= 1 && seconds <= longest)) {
    throw new TypeError(`"refreshSeconds" must be a number from 1 to ${longest}, or Infinity for never`)
  }
  return seconds * 1000
}
