/** Where the file says that a credential is read. */

import type { CredentialSource } from 'portcullis'
import { allowQuery, fromAuth, fromAuthorization, fromCookie, fromProtocol } from 'portcullis/strategies/from'
import type { From } from '../config/strategies.ts'

/** The library's sources, in the order of the file. */
export function sourcesOf(from: From): readonly CredentialSource[] {
  return from.map((source) => {
    if ('header' in source) return fromAuthorization(source.scheme)
    if ('auth' in source) return fromAuth(source.auth)
    if ('cookie' in source) return fromCookie(source.cookie)
    return 'query' in source ? allowQuery(source.query) : fromProtocol(source.protocol)
  })
}
