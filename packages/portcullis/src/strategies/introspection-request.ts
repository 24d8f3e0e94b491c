/** Asks an introspection endpoint about one token (RFC 7662 section 2.1), and reads what came back. */

import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'
import type { HttpCall, HttpResponse } from '../outbound/http-call.ts'
import type { ClientProof } from './introspection-client.ts'
import { type JsonObject, own, parseStrictJson } from './strict-json.ts'

/** What the server said, and how long its answer was. `token` is null where it is not active. */
export interface Introspected {
  readonly token: JsonObject | null
  readonly bytes: number
}

/** A refusal of this server's own credentials is reported this often. Milliseconds. */
const WARNING_INTERVAL_MS = 60_000

/**
 * A function that asks about a token.
 *
 * It rejects with AUTH_UNAVAILABLE for whatever is not status 200 with one JSON object whose `active` is true or false;
 * with AUTH_CREDENTIAL_INVALID when the server says that it does not introspect tokens of this kind.
 */
export function createIntrospection(
  call: HttpCall,
  proof: ClientProof,
  clock: Pick<Clock, 'now'>,
): (token: string) => Promise<Introspected> {
  const warn = createWarning(clock)

  function read(response: HttpResponse): Introspected | AuthError {
    const { status, body } = response
    if (status === 200) return introspectedOf(body)
    if (status === 401 || (status === 400 && errorOf(body) === 'invalid_client')) {
      warn()
      throw unavailable('client_refused', status)
    }
    // Of these the token may be the cause, which anyone can send: they must not shut others out, so that they are not thrown here.
    if (status >= 400 && status < 500) return refusalOf(status, body)
    throw unavailable('status', status)
  }

  return async function introspect(token) {
    const { headers, form } = await proof()
    const body = new URLSearchParams({ token, token_type_hint: 'access_token', ...form }).toString()
    const result = await call(
      {
        method: 'POST',
        headers: { ...headers, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body,
        idempotent: true,
      },
      read,
    )
    if (AuthError.is(result)) throw result
    return result
  }
}

function introspectedOf(body: Uint8Array): Introspected {
  const answer = parseStrictJson(body)
  const active = answer === null ? undefined : own(answer, 'active')
  if (answer === null || typeof active !== 'boolean')
    throw new AuthError('AUTH_UNAVAILABLE', { reason: 'answer_malformed' })
  return { token: active ? answer : null, bytes: body.byteLength }
}

function refusalOf(status: number, body: Uint8Array): AuthError {
  // RFC 7009 section 2.2.1 has the word; servers that leave JWTs to their readers use it here too.
  if (status === 400 && errorOf(body) === 'unsupported_token_type') {
    return new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'unsupported_token_type' })
  }
  return unavailable('status', status)
}

function errorOf(body: Uint8Array): unknown {
  return own(parseStrictJson(body) ?? {}, 'error')
}

function unavailable(reason: string, status: number): AuthError {
  const cause = new Error(`the introspection endpoint answered with status ${status}`)
  return new AuthError('AUTH_UNAVAILABLE', { reason, cause })
}

function createWarning({ now }: Pick<Clock, 'now'>): () => void {
  let warnedAt: number | null = null
  return () => {
    const sinceMs = warnedAt === null ? WARNING_INTERVAL_MS : now() - warnedAt
    // Below 0 the clock was set back; that must not silence it.
    if (sinceMs >= 0 && sinceMs < WARNING_INTERVAL_MS) return
    warnedAt = now()
    process.emitWarning(
      'the introspection endpoint refuses "clientId" with its secret or key: no token can be checked',
      {
        code: 'PORTCULLIS_INTROSPECTION_CLIENT',
      },
    )
  }
}
