/** Session ids as express-session signs them: `s:<id>.<HMAC-SHA256 of the id, in base64>`. */

import { unsign } from 'cookie-signature'

/** Below this many bytes a secret can be guessed offline from one cookie (RFC 2104 section 3: not less than the hash). */
const STRONG_SECRET_BYTES = 32

/**
 * The session id inside a cookie's decoded value, or null when it is unsigned or no secret made its signature. Every
 * secret is tried, in constant time each, so the time says nothing about which one fitted.
 *
 * Agrees with express-session 1.19 on every input. It does not check what the id looks like: a signature proves that this
 * site once issued it, no more.
 *
 * @see https://github.com/expressjs/session/blob/v1.19.0/index.js `getcookie`
 */
export function unsignSessionId(value: string, secrets: readonly string[]): string | null {
  if (!value.startsWith('s:')) return null
  const signed = value.slice(2)
  let id: string | null = null
  for (const secret of secrets) {
    const candidate = unsign(signed, secret)
    if (candidate !== false) id = candidate
  }
  return id
}

/**
 * The secrets as an own list, the newest first. Warns once, with code PORTCULLIS_WEAK_SECRET, when one is shorter than 32
 * bytes; the warning does not quote it.
 *
 * @throws TypeError when there is none
 */
export function requireSecrets(secret: unknown): readonly string[] {
  const secrets: readonly unknown[] = Array.isArray(secret) ? [...secret] : [secret]
  if (secrets.length === 0 || !secrets.every(isText)) {
    throw new TypeError('"secret" must be a non-empty string, or a non-empty array of them with the newest first')
  }
  if (secrets.some((each) => Buffer.byteLength(each) < STRONG_SECRET_BYTES)) {
    process.emitWarning(
      `"secret" is shorter than ${STRONG_SECRET_BYTES} bytes: whoever guesses it can sign any session`,
      {
        type: 'SecurityWarning',
        code: 'PORTCULLIS_WEAK_SECRET',
      },
    )
  }
  return Object.freeze(secrets)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
