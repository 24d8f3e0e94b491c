/** A stored session as an identity: the user whom Passport keeps in it, else the session itself. */

import { createHash } from 'node:crypto'
import type { Authentication, CredentialSource, Strategy } from 'portcullis'
import { AuthError } from 'portcullis'
import { passportUser } from 'portcullis/strategies/session'
import type { SessionRequest } from './express-socket.io-session-live.ts'
import { dataOf } from './express-socket.io-session-merge.ts'
import { LIBRARY, type SharedSessionSettings } from './express-socket.io-session-options.ts'
import { runSession } from './express-socket.io-session-run.ts'
import { endOf, getStored, type Store, type Stored } from './express-socket.io-session-store.ts'
import { type LegacyIdentity, legacyAuthentication } from './legacy-identity.ts'

/** What is needed to look at a session again. */
export interface Handle {
  readonly store: Store
  readonly id: string
}

/** express-session alone knows which cookie is its own: any may be. */
const anyCookie: CredentialSource = {
  in: 'cookie',
  name: 'any',
  ambient: true,
  read: ({ headers: { cookie } }) => (typeof cookie === 'string' && cookie !== '' ? cookie : null),
}

/** `keep` is told of the session that the store has now. */
export function strategyOf(
  settings: SharedSessionSettings,
  keep: (stored: Stored) => void = () => {},
): Strategy<LegacyIdentity> {
  const { timeoutMs, revalidateEveryMs } = settings

  async function authenticate(headers: object, url: string, secure: boolean) {
    const request: SessionRequest & object = Object.assign({}, { headers: { ...headers }, url, secure })
    const isStored = await readInto(request, settings)
    return isStored ? authenticationOf(request) : null
  }

  async function look({ store, id }: Handle): Promise<Authentication<LegacyIdentity> | AuthError> {
    try {
      const stored = await getStored(store, id, timeoutMs)
      if (stored === null) return new AuthError('AUTH_EXPIRED', { reason: 'session' })
      keep(stored)
      return made(stored, { store, id })
    } catch (cause) {
      return new AuthError('AUTH_UNAVAILABLE', { reason: 'store_failed', cause })
    }
  }

  return Object.freeze({
    scheme: 'legacy',
    from: [anyCookie],
    maxLifetimeSeconds: 2_592_000,
    async authenticate(handshake, connect) {
      if (connect !== null || anyCookie.read(handshake, connect) === null) return null
      return authenticate(handshake.headers, handshake.url, handshake.secure)
    },
    ...(revalidateEveryMs === Number.POSITIVE_INFINITY
      ? {}
      : { revalidateEveryMs, revalidate: (handles) => Promise.all(handles.map((each) => look(each as Handle))) }),
  } satisfies Strategy<LegacyIdentity>)
}

/** True where the request now has a session of the store. @throws AuthError AUTH_UNAVAILABLE */
export function readInto(request: SessionRequest & object, settings: SharedSessionSettings): Promise<boolean> {
  const { session, parser, timeoutMs } = settings
  if (session === undefined) throw new AuthError('AUTH_ERROR', { reason: 'no_session_middleware' })
  return runSession(request, [parser, session], timeoutMs)
}

/** @throws AuthError AUTH_EXPIRED for a session that the store should no longer have */
export function authenticationOf({
  session,
  sessionID = '',
  sessionStore,
}: SessionRequest): Authentication<LegacyIdentity> {
  if (typeof session !== 'object' || session === null || sessionStore === undefined) throw new AuthError('AUTH_ERROR')
  const { cookie } = JSON.parse(JSON.stringify(session)) as { cookie?: Stored['cookie'] }
  const found = made({ data: dataOf(session), cookie: cookie ?? {} }, { store: sessionStore, id: sessionID })
  if (found.lease.expiresAt !== null && found.lease.expiresAt * 1000 <= Date.now()) throw new AuthError('AUTH_EXPIRED')
  return found
}

function made({ data, cookie }: Stored, handle: Handle): Authentication<LegacyIdentity> {
  const { id } = handle
  return legacyAuthentication({
    issuer: LIBRARY,
    subject:
      passportUser(data) ?? `session:${createHash('sha256').update(`subject:${id}`).digest('base64url').slice(0, 22)}`,
    claims: {},
    expiresAt: endOf(cookie.expires),
    credential: id,
    revocableBy: [{ session: id }],
    handle,
  })
}
