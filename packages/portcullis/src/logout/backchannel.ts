/** A receiver of OpenID Connect Back-Channel Logout: the provider says that somebody logged out, and the sockets end. */

import { providerSession, type RevocationKey } from '../core/revocation.ts'
import { AuthError } from '../errors.ts'
import { text } from '../option-checks.ts'
import { isName } from '../strategies/registered-claims.ts'
import { own } from '../strategies/strict-json.ts'
import type { RevokingAuth } from './ending.ts'
import { answerOf, createEndpoint, MAX_BODY_BYTES, type SignalAnswer, type SignalEndpoint } from './post-endpoint.ts'
import { createSignalEndings } from './signal-endings.ts'
import { isObject, refuse, verifySignal } from './signed-token.ts'
import { type SignalIssuerOptions, type SignalIssuersOptions, signalSettingsOf } from './signed-token-options.ts'

export { providerSession } from '../core/revocation.ts'
export type { EndingOptions, RevokingAuth } from './ending.ts'
export type { SignalAnswer, SignalEndpoint } from './post-endpoint.ts'
export type { SignalReason } from './signed-token.ts'
export type { SignalIssuer, SignalIssuerOptions, SignalIssuersOptions } from './signed-token-options.ts'

/** Who logged out, at which issuer: a subject, one session of it, or both. */
export interface ProviderLogout {
  readonly issuer: string
  readonly subject: string | null
  readonly sid: string | null
}

interface BackchannelOwnOptions {
  /** What the header's `typ` must be. Default: absent, `JWT` or `logout+jwt`. */
  readonly typ?: string
  /**
   * What ends. `usual` is `{ issuer, subject }` where the token names a subject, so that all sockets of that user have to show
   * that they are still logged in, and the tag of the session where it has a `sid`. Where sockets authenticate by a session of
   * the application, add `{ session }` here; where every access token carries `sid`, `providerSession` alone will do.
   *
   * @example keysOf: ({ issuer, sid }, usual) => (sid === null ? usual : [providerSession(issuer, sid)])
   */
  readonly keysOf?: (
    logout: ProviderLogout,
    usual: readonly RevocationKey[],
  ) => readonly RevocationKey[] | Promise<readonly RevocationKey[]>
}

/** Options of `backchannelLogout`. `audience` is this application's client id; `maxAgeSeconds` is 300 by default. */
export type BackchannelOptions = (SignalIssuerOptions | SignalIssuersOptions) & BackchannelOwnOptions

/** What `backchannelLogout` makes. */
export interface BackchannelLogout extends SignalEndpoint {
  /**
   * Takes the body of a request, as text or parsed, and answers: 200 with an empty body once the sockets have ended; else 400 with
   * `{ error, error_description }`. Never rejects.
   */
  receive(body: string | URLSearchParams): Promise<SignalAnswer>
  /** Forgets every key that was fetched, as `purge` of the `jwt` strategy. */
  purge(): void
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
const MEDIA_TYPE = 'application/x-www-form-urlencoded'
const USUAL_TYPES = new Set([undefined, 'jwt', 'logout+jwt'])

/**
 * The back-channel logout endpoint of a relying party. A POST with `logout_token` ends the sockets of whom the token names, on every
 * node, and what was issued before that logout opens no more of them.
 *
 * The token must be signed by a key of its issuer, with an algorithm of that key; `iss`, `aud`, `iat`, `exp` and `jti` must be there and
 * good, `events` must have the back-channel logout member, `nonce` must be absent, and there is a `sub`, a `sid` or both. `iat` may
 * be `maxAgeSeconds` old. The sender is not told what was wrong with a token; `onError` is. The same token again is answered
 * as the first time, and ends nothing more.
 *
 * Answers 400 also when a logout failed here, as the specification has it: when the keys cannot be had or the revocation log does
 * not take it. Providers seldom try again; `onError` is told.
 *
 * Does not check: how often somebody posts; one post costs one verification. Does not end the application's own sessions: `keysOf`
 * can.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @example
 * const logout = backchannelLogout(auth, { issuer, audience: 'my-client-id', keys: `${issuer}/jwks` })
 * app.post('/backchannel-logout', logout.express())
 * @see OpenID Connect Back-Channel Logout 1.0 sections 2.4 to 2.8; subpath `portcullis/logout/backchannel`
 */
export function backchannelLogout(auth: RevokingAuth, options: BackchannelOptions): BackchannelLogout {
  const settings = signalSettingsOf(auth, options, { factory: 'backchannelLogout', own: ['typ'], maxAgeSeconds: 300 })
  const { typ, keysOf = (_logout, usual) => usual }: BackchannelOwnOptions = Object.assign(Object.create(null), options)
  const required =
    typ === undefined
      ? undefined
      : text(typ, 'typ')
          .toLowerCase()
          .replace(/^application\//, '')
  const isType = (given: string | undefined) => (required === undefined ? USUAL_TYPES.has(given) : given === required)
  const endings = createSignalEndings(auth, settings)

  async function end(token: string): Promise<void> {
    const signal = await verifySignal(token, { isType, requiresExpiry: true }, settings)
    const { payload, issuer } = signal
    if (own(signal.events, EVENT) === undefined) refuse('events')
    if (Object.hasOwn(payload, 'nonce')) refuse('nonce')
    const subject = own(payload, 'sub') ?? null
    const sid = own(payload, 'sid') ?? null
    if (subject !== null && !isName(subject)) refuse('subject')
    if (sid !== null && !isName(sid)) refuse('session')
    const usual: RevocationKey[] = []
    if (subject !== null) usual.push({ issuer, subject })
    if (sid !== null) usual.push(providerSession(issuer, sid))
    if (usual.length === 0) refuse('subject')
    const keys = () => keysOf({ issuer, subject, sid }, usual)
    await endings.once(signal.digest, { issuer, at: signal.issuedAt, keys })
  }

  async function receive(body: unknown): Promise<SignalAnswer> {
    try {
      await end(tokenIn(body) ?? refuse('request'))
      return answerOf(200, null)
    } catch (error) {
      settings.report(error)
      const refused = AuthError.is(error) && error.code === 'AUTH_CREDENTIAL_INVALID'
      return answerOf(400, refused ? INVALID : FAILED)
    }
  }

  return Object.freeze({ receive, purge: () => settings.issuers.purge(), ...createEndpoint(receive, MEDIA_TYPE) })
}

const INVALID = { error: 'invalid_request', error_description: 'The logout token was not accepted.' }
const FAILED = { error: 'server_error', error_description: 'The logout failed.' }

/** The one `logout_token` of a form, as text or as a parser made of it; null when there is none, or more than one. */
function tokenIn(body: unknown): string | null {
  const form = typeof body === 'string' && body.length <= MAX_BODY_BYTES ? new URLSearchParams(body) : body
  if (form instanceof URLSearchParams) {
    const [token, ...others] = form.getAll('logout_token')
    return others.length > 0 ? null : (token ?? null)
  }
  if (Buffer.isBuffer(form)) return form.length > MAX_BODY_BYTES ? null : tokenIn(form.toString())
  const token = isObject(form) ? own(form, 'logout_token') : null
  return typeof token === 'string' ? token : null
}
