/** What of a connection the back end is told, and who it is that asks again. */

import type { Connect, CredentialSource, Handshake } from '../core/handshake.ts'
import { AuthError } from '../errors.ts'
import { credentialSources } from '../option-checks.ts'
import { fromAuth, fromAuthorization, fromCookie, MAX_CREDENTIAL_BYTES } from '../strategies/from.ts'
import { type Forwarding, forwardedHeaders, presentedBy, type WebhookRequest } from '../strategies/webhook-request.ts'
import { digestOf, type Question, textOf } from './http-item.ts'

/** What is sent of a connection, besides the credential. */
export interface HookForward {
  /** Names of headers, such as `user-agent`. As the client sent them: true is only what your proxy overwrites. None that holds a credential. */
  readonly headers?: readonly string[]
  /** Names of cookies. Each is a credential: with one of them the back end is asked. */
  readonly cookies?: readonly string[]
  /** The whole `auth` payload of the CONNECT packet, up to 8 KiB: it is then the credential, whatever it holds. Default false. */
  readonly auth?: boolean
}

export interface Presented {
  /** The question as JSON. It holds the credential: it goes to the back end, and into no log. */
  readonly text: string
  /** Names the lease. */
  readonly digest: string
  /** False where the back end may say that there is no credential of its own in it. */
  readonly explicit: boolean
}

export interface Presentation {
  /** Every place that is read. */
  readonly from: readonly CredentialSource[]
  /** Null when none of them holds anything. @throws AuthError AUTH_CREDENTIAL_INVALID */
  readonly read: (handshake: Handshake, connect: Connect | null) => Presented | null
}

const WHOLE_AUTH: CredentialSource = {
  in: 'auth',
  name: '*',
  ambient: false,
  read(_handshake, connect) {
    if (connect === null || Object.keys(connect.auth).length === 0) return null
    const text = JSON.stringify(connect.auth)
    if (Buffer.byteLength(text) <= MAX_CREDENTIAL_BYTES) return text
    throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'too_long' })
  },
}

/** @throws TypeError that quotes the option */
export function presentationOf(
  { headers = [], cookies = [], auth = false }: HookForward,
  from: readonly CredentialSource[] | undefined,
): Presentation {
  if (typeof auth !== 'boolean') throw new TypeError('"forward.auth" must be true or false')
  const named = names(cookies, 'forward.cookies')
  const forwarding: Forwarding = {
    sources: sourcesOf(auth, from, named),
    cookies: new Map(named.map((name) => [name, fromCookie(name)])),
    headers: forwardedHeaders(names(headers, 'forward.headers')),
  }
  return {
    from: Object.freeze([...forwarding.sources, ...forwarding.cookies.values()]),
    read(handshake, connect) {
      const presented = presentedBy(handshake, connect, forwarding)
      if (presented === null) return null
      const whole = auth && connect !== null
      const { type: _type, credential, ...rest } = JSON.parse(presented.body) as WebhookRequest
      const text = credentialText({
        type: 'connect',
        credential: whole ? null : credential,
        auth: whole ? authOf(credential) : null,
        ...rest,
      })
      return { text, digest: digestOf(`hook:${presented.digest}`), explicit: presented.explicit && !whole }
    },
  }
}

/** The same question about a socket that is connected. */
export function againOf(text: string): string {
  return text.replace('"type":"connect"', '"type":"refresh"')
}

/** What cannot be sent is no credential. */
function credentialText(question: Question): string {
  try {
    return textOf(question)
  } catch (error) {
    const reason = AuthError.is(error) ? (error.reason ?? 'not_json') : 'not_json'
    throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
  }
}

function authOf(credential: string | null): Readonly<Record<string, unknown>> {
  return JSON.parse(credential ?? '{}') as Readonly<Record<string, unknown>>
}

function sourcesOf(
  auth: boolean,
  from: readonly CredentialSource[] | undefined,
  cookies: readonly string[],
): readonly CredentialSource[] {
  if (from !== undefined) {
    const sources = credentialSources(from)
    if (auth && sources.some((source) => source.in === 'auth')) {
      throw new TypeError('"from" must name no part of "auth" when "forward.auth" is true')
    }
    return auth ? [...sources, WHOLE_AUTH] : sources
  }
  if (auth) return cookies.length > 0 ? [WHOLE_AUTH] : [fromAuthorization('Bearer'), WHOLE_AUTH]
  return cookies.length > 0 ? [] : [fromAuthorization('Bearer'), fromAuth('token')]
}

function names(list: unknown, option: string): readonly string[] {
  const sound =
    Array.isArray(list) && list.length <= 32 && list.every((name) => typeof name === 'string' && name !== '')
  if (!sound) throw new TypeError(`"${option}" must be an array of at most 32 names`)
  return [...new Set(list as string[])]
}
