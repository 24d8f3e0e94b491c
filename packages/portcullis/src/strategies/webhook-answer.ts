/** What a back end may answer, and nothing else. */

import { AuthError } from '../errors.ts'
import type { HttpResponse } from '../outbound/http-call.ts'
import { type JsonObject, own, parseStrictJson } from './strict-json.ts'

/** Codes that `permit: false` may give. */
export type WebhookRefusalCode = 'AUTH_CREDENTIAL_INVALID' | 'AUTH_EXPIRED' | 'AUTH_REVOKED' | 'AUTH_FORBIDDEN'

/** The body of an answer of status 200, as JSON. Other members are refused, so that a misspelt limit is noticed. */
export type WebhookAnswer =
  | {
      readonly permit: true
      /** 1 to 256 printable characters. Unique among the users of this issuer, and never given to someone else later. */
      readonly subject: string
      /** Default `{}`. */
      readonly claims?: Readonly<Record<string, unknown>>
      /** When this ends, epoch seconds. Default: after `leaseSeconds`. */
      readonly expiresAt?: number
      /** When the user logged in, epoch seconds. Default 0: every revocation of the subject covers it. */
      readonly issuedAt?: number
      /** Name of the session, by which `auth.revoke({ session })` ends it. Not the value of its cookie. */
      readonly session?: string
      /** Name of the token, by which `auth.revoke({ tokenId })` ends it. Default: a digest of the credentials. */
      readonly tokenId?: string
    }
  | { readonly permit: false; readonly code?: WebhookRefusalCode }
  /** Nobody stands behind these cookies, as with a guest's session: the next strategy is asked. */
  | { readonly permit: null }

export type Permit = Extract<WebhookAnswer, { permit: true }>
export type Verdict = Permit | { readonly permit: false; readonly code: WebhookRefusalCode } | { readonly permit: null }

const REFUSALS: ReadonlySet<unknown> = new Set<WebhookRefusalCode>([
  'AUTH_CREDENTIAL_INVALID',
  'AUTH_EXPIRED',
  'AUTH_REVOKED',
  'AUTH_FORBIDDEN',
])
const PERMIT_MEMBERS = new Set('permit subject claims expiresAt issuedAt session tokenId'.split(' '))
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u

/**
 * The verdict of an answer: permitted is only status 200 with `permit: true` and a subject. 401 and 403 refuse.
 *
 * @throws AuthError AUTH_UNAVAILABLE for any other answer, with the reason `status` or `answer_malformed`
 */
export function verdictOf({ status, body }: HttpResponse): Verdict {
  if (status === 401) return { permit: false, code: 'AUTH_CREDENTIAL_INVALID' }
  if (status === 403) return { permit: false, code: 'AUTH_FORBIDDEN' }
  if (status !== 200) throw unusable('status', `the back end answered with status ${status}`)
  return verdictIn(parseStrictJson(body) ?? malformed('it is not one JSON object'))
}

/** The same of the object alone. @throws AuthError AUTH_UNAVAILABLE, with the reason `answer_malformed` */
export function verdictIn(answer: JsonObject): Verdict {
  const permit = own(answer, 'permit')
  if (permit === true) return permitOf(answer)
  if (permit === false) return refusalOf(answer)
  if (permit === null && Object.keys(answer).length === 1) return { permit: null }
  malformed('"permit"')
}

/** `what` is a name of ours, never a value of the answer. */
export function malformed(what: string): never {
  throw unusable('answer_malformed', `the answer of the back end is not usable: ${what}`)
}

function permitOf(answer: JsonObject): Permit {
  if (Object.keys(answer).some((name) => !PERMIT_MEMBERS.has(name))) malformed('a member that is not known')
  const [subject, claims = {}] = [own(answer, 'subject'), own(answer, 'claims')]
  if (!isName(subject)) malformed('"subject"')
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) malformed('"claims"')
  return {
    permit: true,
    subject,
    claims: claims as JsonObject,
    ...optional(answer, 'expiresAt', isDate),
    ...optional(answer, 'issuedAt', isDate),
    ...optional(answer, 'session', isName),
    ...optional(answer, 'tokenId', isName),
  }
}

function refusalOf(answer: JsonObject): Verdict {
  const code = own(answer, 'code') ?? 'AUTH_CREDENTIAL_INVALID'
  const known = Object.keys(answer).every((name) => name === 'permit' || name === 'code')
  if (!known || !REFUSALS.has(code)) malformed('"code"')
  return { permit: false, code: code as WebhookRefusalCode }
}

function optional<Name extends string, Value>(
  answer: JsonObject,
  name: Name,
  is: (value: unknown) => value is Value,
): { [N in Name]?: Value } {
  const value = own(answer, name)
  if (value === undefined) return {}
  if (!is(value)) malformed(`"${name}"`)
  return { [name]: value } as { [N in Name]?: Value }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 256 && !UNPRINTABLE.test(value)
}

function isDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function unusable(reason: string, message: string): AuthError {
  return new AuthError('AUTH_UNAVAILABLE', { reason, cause: new Error(message) })
}
