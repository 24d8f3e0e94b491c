/** A receiver of Shared Signals (CAEP and RISC): an identity provider says that a session or an account has ended. */

import type { RevocationKey } from '../core/revocation.ts'
import { AuthError } from '../errors.ts'
import { isDate } from '../strategies/registered-claims.ts'
import { type JsonObject, own } from '../strategies/strict-json.ts'
import { type EventEffect, effectsOf, isHarmless } from './caep-events.ts'
import { keysOfSubject } from './caep-subject.ts'
import type { RevokingAuth } from './ending.ts'
import { answerOf, createEndpoint, MAX_BODY_BYTES, type SignalAnswer, type SignalEndpoint } from './post-endpoint.ts'
import { createSignalEndings } from './signal-endings.ts'
import { isObject, refuse, type Signal, type SignalReason, verifySignal } from './signed-token.ts'
import { type SignalIssuerOptions, type SignalIssuersOptions, signalSettingsOf } from './signed-token-options.ts'

export { providerSession } from '../core/revocation.ts'
export type { EventEffect } from './caep-events.ts'
export type { EndingOptions, RevokingAuth } from './ending.ts'
export type { SignalAnswer, SignalEndpoint } from './post-endpoint.ts'
export type { SignalReason } from './signed-token.ts'
export type { SignalIssuer, SignalIssuerOptions, SignalIssuersOptions } from './signed-token-options.ts'

/** A verified event that ends authority. */
export interface SecurityEvent {
  /** The issuer of the token, who transmitted it. */
  readonly issuer: string
  /** The event's type, a URI. */
  readonly type: string
  /** Whom it is about: a subject identifier (RFC 9493). Not checked; null where there is none. */
  readonly subject: Readonly<Record<string, unknown>> | null
  /** The event's own members. Not checked. */
  readonly event: Readonly<Record<string, unknown>>
  /** When it happened; epoch seconds. */
  readonly at: number
}

interface SecurityEventsOwnOptions {
  /** Issuers, beside its own, whose subjects and tokens a transmitter may name. Default none. */
  readonly subjectIssuers?: readonly string[]
  /** What other event types mean, or these in another way: by type. An event type that nobody knows is refused. */
  readonly events?: Readonly<Record<string, EventEffect>>
  /**
   * What ends. `usual` is what the subject identifier says by itself; none where it says nothing, as an email address. Answer none
   * where it is nobody here: the event is then accepted.
   *
   * @example keysOf: async ({ subject }, usual) => (subject?.format === 'email' ? await principalsOf(subject.email) : usual)
   */
  readonly keysOf?: (
    event: SecurityEvent,
    usual: readonly RevocationKey[],
  ) => readonly RevocationKey[] | Promise<readonly RevocationKey[]>
}

/** Options of `securityEvents`. `audience` is that of the stream; `maxAgeSeconds` is 604,800 by default, a week. */
export type SecurityEventsOptions = (SignalIssuerOptions | SignalIssuersOptions) & SecurityEventsOwnOptions

/** What `securityEvents` makes. */
export interface SecurityEvents extends SignalEndpoint {
  /**
   * Takes a Security Event Token and answers: 202 once the sockets have ended, or where there was nothing to end; 400 with
   * `{ err, description }`; 503 or 500 where the transmitter should try again. Never rejects.
   */
  receive(token: string): Promise<SignalAnswer>
  /** Forgets every key that was fetched, as `purge` of the `jwt` strategy. */
  purge(): void
}

const MEDIA_TYPE = 'application/secevent+jwt'

/**
 * The push delivery endpoint of a stream of security events. Ends the sockets of the event's subject on every node for CAEP
 * `session-revoked` and `credential-change` (unless something was created), and for RISC `account-disabled`, `account-purged`,
 * `account-credential-change-required`, `credential-compromise` and `sessions-revoked`. What was issued before `event_timestamp`,
 * else `toe`, else `iat`, opens no more of them; an event that comes late leaves later logins alone.
 *
 * The token's `typ` must be `secevent+jwt`; it must be signed by a key of its issuer, with an algorithm of that key; `iss`, `aud`,
 * `iat` and `jti` must be there and good; `exp` may be absent. The subject is `sub_id`, else the event's own `subject`; it must be of the
 * transmitter itself or of `subjectIssuers`. The same token again is answered as the first time, and ends nothing more.
 * Events that end nothing, and the verification of a stream, are accepted.
 *
 * Does not check: the `Authorization` header that a stream may have, the state of a verification, how often somebody posts;
 * one post costs one verification. Does not ask for events (poll delivery), nor create streams.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @example
 * const signals = securityEvents(auth, { issuer, audience: 'https://app.example/signals', keys: jwksUrl })
 * app.post('/signals', signals.express())
 * @see RFC 8935, RFC 8417, RFC 9493, OpenID CAEP 1.0, OpenID RISC 1.0; subpath `portcullis/logout/caep`
 */
export function securityEvents(auth: RevokingAuth, options: SecurityEventsOptions): SecurityEvents {
  const ownOptions = ['subjectIssuers', 'events']
  const settings = signalSettingsOf(auth, options, {
    factory: 'securityEvents',
    own: ownOptions,
    maxAgeSeconds: 604_800,
  })
  const given: SecurityEventsOwnOptions = Object.assign(Object.create(null), options)
  const { subjectIssuers = [], events = {}, keysOf } = given
  if (
    !Array.isArray(subjectIssuers) ||
    !subjectIssuers.every((issuer) => typeof issuer === 'string' && issuer !== '')
  ) {
    throw new TypeError('"subjectIssuers" must be an array of issuers')
  }
  const effects = effectsOf(events)
  const spokenFor = new Set<string>(subjectIssuers)
  const endings = createSignalEndings(auth, settings)

  async function end(token: string): Promise<void> {
    const expected = { isType: (typ: string | undefined) => typ === 'secevent+jwt', requiresExpiry: false }
    const signal = await verifySignal(token, expected, settings)
    const types = Object.keys(signal.events)
    const ending = types.filter((each) => effects.get(each) === 'revoke' && !isHarmless(each, eventOf(signal, each)))
    if (ending.length === 0 && !types.every((each) => effects.has(each))) refuse('event_unknown')
    await Promise.all(ending.map((type) => endBy(signal, type)))
  }

  async function endBy(signal: Signal, type: string): Promise<void> {
    const { issuer, payload } = signal
    const event = eventOf(signal, type)
    const named = own(payload, 'sub_id') ?? own(event, 'subject')
    const subject = isObject(named) ? named : null
    const usual = keysOfSubject(subject, issuer, (name) => name === issuer || spokenFor.has(name))
    if (keysOf === undefined && usual.refused !== null) refuse(usual.refused)
    const at = timeOf(signal, event)
    const keys = () => keysOf?.({ issuer, type, subject, event, at }, usual.keys) ?? usual.keys
    await endings.once(`${signal.digest} ${type}`, { issuer, at, keys })
  }

  async function receive(body: unknown): Promise<SignalAnswer> {
    try {
      await end(tokenIn(body) ?? refuse('request'))
      return answerOf(202, null)
    } catch (error) {
      settings.report(error)
      return refusalOf(error)
    }
  }

  return Object.freeze({ receive, purge: () => settings.issuers.purge(), ...createEndpoint(receive, MEDIA_TYPE) })
}

function eventOf({ events }: Signal, type: string): JsonObject {
  return own(events, type) as JsonObject
}

/** When it happened, and not after the transmitter said so: drafts of CAEP had milliseconds here. */
function timeOf({ payload, issuedAt }: Signal, event: JsonObject): number {
  const at = [own(event, 'event_timestamp'), own(payload, 'toe')].find(isDate) ?? issuedAt
  return Math.min(at, issuedAt)
}

function tokenIn(body: unknown): string | null {
  const token = Buffer.isBuffer(body) && body.length <= MAX_BODY_BYTES ? body.toString() : body
  return typeof token === 'string' ? token : null
}

/** The codes of RFC 8935 section 2.4, each with its one description. */
const DESCRIPTIONS = {
  invalid_request: 'The request is no Security Event Token that is understood here.',
  invalid_issuer: 'The issuer is not accepted here.',
  invalid_audience: 'The audience is not accepted here.',
  authentication_failed: 'The transmitter could not be authenticated.',
  access_denied: 'The transmitter may not send events about this subject.',
}

/** Until a signature is good, whoever sent it learns nothing of why it is not. */
const CODE_OF: Partial<Record<SignalReason, keyof typeof DESCRIPTIONS>> = {
  alg: 'authentication_failed',
  crit: 'authentication_failed',
  key: 'authentication_failed',
  signature: 'authentication_failed',
  issuer: 'invalid_issuer',
  audience: 'invalid_audience',
  subject_issuer: 'access_denied',
}

/** Statuses of 500 and more are outside of RFC 8935's own errors: the transmitter keeps the event and tries again. */
function refusalOf(error: unknown): SignalAnswer {
  if (!AuthError.is(error)) return answerOf(500, null)
  if (error.code === 'AUTH_UNAVAILABLE') {
    return answerOf(503, null, { 'Retry-After': String(error.retryAfterSeconds ?? 1) })
  }
  if (error.code !== 'AUTH_CREDENTIAL_INVALID') return answerOf(500, null)
  const err = CODE_OF[error.reason as SignalReason] ?? 'invalid_request'
  return answerOf(400, { err, description: DESCRIPTIONS[err] }, { 'Content-Language': 'en' })
}
