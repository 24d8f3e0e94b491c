/** The user-id and password of a Basic credential: RFC 7617 section 2. */

import { AuthError } from '../errors.ts'
import { MAX_CREDENTIAL_BYTES } from './from.ts'

/** A name and a password, as they were typed. */
export interface BasicCredentials {
  readonly username: string
  readonly password: string
}

/** Slow hashes read all of it: RFC 7617 names no limit, and no one types more. Bytes. */
const MAX_PASSWORD_BYTES = 1024

/**
 * Base64 in its one canonical spelling, of UTF-8, split at the first colon, without control characters.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID
 */
export function parseBasic(value: string): BasicCredentials {
  if (value.length > MAX_CREDENTIAL_BYTES) throw invalid('too_long')
  const bytes = Buffer.from(value, 'base64')
  // Node skips what is not base64, and accepts the other alphabet and stray bits: only the one spelling comes back the same.
  if (value === '' || bytes.toString('base64') !== value) throw invalid('base64')
  const pair = utf8(bytes)
  if (/\p{Cc}/u.test(pair)) throw invalid('control_character')
  const colon = pair.indexOf(':')
  if (colon === -1) throw invalid('no_colon')
  const password = pair.slice(colon + 1)
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) throw invalid('password_too_long')
  return { username: pair.slice(0, colon), password }
}

function utf8(bytes: Uint8Array): string {
  try {
    // A BOM is a character of the name like any other.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw invalid('utf8')
  }
}

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}
