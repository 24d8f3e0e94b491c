/** What the authorization functions decide about one socket: an identity, or the refusal in 0.9's words. */

import { AuthError, type Authentication, type Strategy } from 'portcullis'
import { heldAuthentication } from './legacy-handshake-data.ts'
import { type LegacyIdentity, legacyAuthentication } from './legacy-identity.ts'
import type { Connection, HandshakeData, Verdict } from './socketio-0.9-handshake.ts'
import { type LegacyPerson, LIBRARY, type Settings } from './socketio-0.9-options.ts'
import { type AuthorizationFunction, ask } from './socketio-0.9-verdict.ts'

/** One authorization function, or none, and what it is asked under. */
export interface Charge {
  readonly fn: AuthorizationFunction | null
  readonly settings: Settings
  /** What `this` is within the function. */
  readonly self: unknown
}

/** Not asked for a credential: it says who the functions have admitted, or why not. */
export function namespaceStrategy(
  global: Charge | null,
  charge: Charge | null,
  connection: Connection,
): Strategy<LegacyIdentity> {
  return {
    scheme: 'legacy',
    from: [{ in: 'header', name: 'cookie', ambient: true, read: ({ headers }) => (headers.cookie ? 'cookie' : null) }],
    maxLifetimeSeconds: 86_400,
    async authenticate(_handshake, connect) {
      const namespace = connect?.namespace ?? ''
      if (global !== null && connection.verdict !== 'authorized')
        throw refuse(connection.verdict ?? 'error', 'handshake')
      if (charge?.fn != null) {
        if (connection.asking.has(namespace)) throw refuse('unauthorized', 'namespace')
        connection.asking.add(namespace)
        const verdict = await askFor(charge, charge.fn, connection)
        connection.asking.delete(namespace)
        if (verdict !== 'authorized') throw refuse(verdict, 'namespace')
        // The global function may have taken its word back meanwhile.
        if (global !== null && connection.verdict !== 'authorized') throw refuse('error', 'handshake')
      }
      const settings = charge?.settings.identify === undefined ? (global ?? charge)?.settings : charge.settings
      return identify(settings, connection)
    },
  }
}

export function askFor(
  { settings, self }: Charge,
  fn: AuthorizationFunction,
  connection: Connection,
): Promise<Verdict> {
  const { timeoutMs, onError } = settings
  const { handshakeData } = connection
  function withdraw(): void {
    connection.verdict = 'error'
    connection.close()
  }
  return ask({ fn, handshakeData, self, timeoutMs, onError, withdraw })
}

/** @throws AuthError AUTH_ERROR where `identify` fails, or gives nobody that can be named */
export async function identify(
  settings: Settings | undefined,
  { handshakeData, subject }: Connection,
): Promise<Authentication<LegacyIdentity>> {
  // What the `authorize` of another facade has found out about the same request.
  const held = settings?.identify === undefined ? heldAuthentication(handshakeData) : null
  if (held !== null) return held
  try {
    const person = (await withinTime(settings, handshakeData)) ?? { subject }
    if (typeof person.subject !== 'string' || person.subject === '') throw new TypeError('"identify" gave no subject')
    const { issuer = LIBRARY, claims = {}, expiresAt = null } = person
    if (expiresAt !== null && !Number.isFinite(expiresAt)) throw new TypeError('"expiresAt" must be a number, or null')
    return legacyAuthentication({ issuer, subject: person.subject, claims, expiresAt, credential: subject })
  } catch (cause) {
    settings?.onError(cause)
    throw new AuthError('AUTH_ERROR', { reason: 'identify', cause })
  }
}

async function withinTime(settings: Settings | undefined, handshakeData: HandshakeData): Promise<LegacyPerson | null> {
  if (settings?.identify === undefined) return null
  const { promise, reject } = withRejection()
  const timer = setTimeout(reject, settings.timeoutMs, new Error('"identify" gave no answer in time'))
  try {
    return await Promise.race([settings.identify(handshakeData), promise])
  } finally {
    clearTimeout(timer)
  }
}

function withRejection(): { promise: Promise<never>; reject: (cause: Error) => void } {
  let reject: (cause: Error) => void = () => {}
  const promise = new Promise<never>((_resolve, rejects) => {
    reject = rejects
  })
  return { promise, reject }
}

export const codeOf = (verdict: Verdict) => (verdict === 'error' ? 'AUTH_ERROR' : 'AUTH_FORBIDDEN')

const UNAUTHORIZED = { handshake: 'handshake unauthorized', namespace: 'unauthorized' } as const

/** The messages of 0.9: those of a namespace are heard as `connect_failed` and `error`. */
function refuse(verdict: Verdict, at: 'handshake' | 'namespace'): AuthError {
  const message = verdict === 'error' ? `${at === 'handshake' ? at : 'authorization'} error` : UNAUTHORIZED[at]
  return new AuthError(codeOf(verdict), { reason: `${at}_authorization`, cause: new Error(message) })
}

/** Without `data`: clients of Socket.IO 2 hear that, and otherwise the message. */
export function refusalOf(error: unknown): Error {
  const cause = error instanceof AuthError ? error.cause : undefined
  if (error instanceof AuthError && error.code === 'AUTH_ORIGIN_REFUSED') return new Error('handshake bad origin')
  if (error instanceof AuthError && error.code === 'AUTH_EXPIRED') return new Error('unauthorized')
  const known = cause instanceof Error && /^(handshake error|(handshake )?unauthorized)$/.test(cause.message)
  return new Error(known ? cause.message : 'authorization error')
}
