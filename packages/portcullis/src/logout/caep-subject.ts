/** Whom a security event is about: subject identifiers of RFC 9493 and of Shared Signals as keys of `auth.revoke`. */

import { providerSession, type RevocationKey } from '../core/revocation.ts'
import { isName } from '../strategies/registered-claims.ts'
import { own } from '../strategies/strict-json.ts'
import { isObject, type SignalReason } from './signed-token.ts'

/** The keys, none where `refused` says why. */
export interface SubjectKeys {
  readonly keys: readonly RevocationKey[]
  readonly refused: SignalReason | null
}

/** More names of one subject than this are none. */
const MAX_ALIASES = 10

/**
 * - `iss_sub`: a principal. - `opaque`: a subject of the transmitter. - `jwt_id`: a token. - `aliases`: each that is understood.
 * - complex: its `user`, and its `session` where that is opaque (the `sid` of a session at the transmitter) or a token. What
 *   narrows it further (`device`, `tenant` …) is passed over: rather too many have to show that they are still welcome.
 *
 * Refused as `subject` is what is not understood, such as an email address; as `subject_issuer` what is of an issuer for
 * which this transmitter does not speak.
 *
 * @see RFC 9493 section 3, OpenID Shared Signals Framework 1.0 section 3
 */
export function keysOfSubject(
  subject: unknown,
  transmitter: string,
  mayName: (issuer: string) => boolean,
): SubjectKeys {
  if (!isObject(subject)) return refused('subject')
  const format = own(subject, 'format')
  if (format === 'aliases') {
    const identifiers = own(subject, 'identifiers')
    if (!Array.isArray(identifiers) || identifiers.length > MAX_ALIASES) return refused('subject')
    // Aliases hold no aliases (RFC 9493 section 3.2.8).
    return together(identifiers.map((identifier) => simple(identifier, transmitter, mayName)))
  }
  if (
    format === 'complex' ||
    (format === undefined && (own(subject, 'user') ?? own(subject, 'session')) !== undefined)
  ) {
    const [user, session] = [own(subject, 'user'), own(subject, 'session')]
    return together([
      ...(user === undefined ? [] : [simple(user, transmitter, mayName)]),
      ...(session === undefined ? [] : [sessionOf(session, transmitter, mayName)]),
    ])
  }
  return simple(subject, transmitter, mayName)
}

function simple(subject: unknown, transmitter: string, mayName: (issuer: string) => boolean): SubjectKeys {
  if (!isObject(subject)) return refused('subject')
  const [format, issuer] = [own(subject, 'format'), own(subject, 'iss')]
  if (format === 'opaque') {
    const id = own(subject, 'id')
    return isName(id) ? found({ issuer: transmitter, subject: id }) : refused('subject')
  }
  if (format !== 'iss_sub' && format !== 'jwt_id') return refused('subject')
  const name = own(subject, format === 'iss_sub' ? 'sub' : 'jti')
  if (typeof issuer !== 'string' || !isName(name)) return refused('subject')
  if (!mayName(issuer)) return refused('subject_issuer')
  return found(format === 'iss_sub' ? { issuer, subject: name } : { tokenId: name })
}

function sessionOf(session: unknown, transmitter: string, mayName: (issuer: string) => boolean): SubjectKeys {
  if (!isObject(session) || own(session, 'format') !== 'opaque') return simple(session, transmitter, mayName)
  const id = own(session, 'id')
  return isName(id) ? found(providerSession(transmitter, id)) : refused('subject')
}

function found(key: RevocationKey): SubjectKeys {
  return { keys: [key], refused: null }
}

function refused(reason: SignalReason): SubjectKeys {
  return { keys: [], refused: reason }
}

/** Who names somebody for whom he does not speak is not believed in the rest either. */
function together(each: readonly SubjectKeys[]): SubjectKeys {
  if (each.some((one) => one.refused === 'subject_issuer')) return refused('subject_issuer')
  const keys = each.flatMap((one) => one.keys)
  return keys.length === 0 ? refused('subject') : { keys, refused: null }
}
