/** The HTTP handshake: origin, limits, and the credentials that a request itself carries. Nothing gets a socket before. */

import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Authenticated, authenticate, readsConnect } from '../core/authenticate.ts'
import type { Handshake } from '../core/handshake.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import type { ClientAddress } from './client-address.ts'
import type { Admission, Connection } from './connection.ts'
import { withDeadline } from './deadline.ts'
import { asAuthError, endOf, type Guard } from './guard.ts'
import { type EngineRequest, handshakeView } from './handshake-view.ts'
import { isUpgrade, writeRefusal } from './http-refusal.ts'
import { type CheckOrigin, type OriginProof, originClaims, RequestOrigin, rawValues } from './origin.ts'
import { namesOf } from './registry.ts'

export interface DoorOptions {
  /** The check in force at the moment: a reload may replace it. */
  readonly checkOrigin: () => CheckOrigin
  readonly clientAddress: (request: IncomingMessage) => ClientAddress
  readonly strictFetchMetadata: boolean
  readonly requireSecure: boolean
  /** The connection that an Engine.IO session id stands for. */
  readonly connectionOf: (sessionId: string) => Connection | undefined
}

export interface Door {
  /** For `io.engine.use`: answers a refusal itself, in full, and calls `next` only for a request that may go on. */
  handle(request: EngineRequest, response: unknown, next: () => void): void
  /** How the request that opened a connection was admitted, told once; undefined for one that did not come through here. */
  admissionOf(request: object): Admission | undefined
}

/** Whoever is refused by a node that drains comes back spread over so many seconds. */
const MAX_RETRY_AFTER_SECONDS = 5

export function createDoor(guard: Guard, options: DoorOptions): Door {
  const admissions = new WeakMap<object, Admission>()
  let pending = 0

  async function admit(request: EngineRequest, origin: RequestOrigin, client: ClientAddress): Promise<Admission> {
    requireOpen(guard)
    await guard.ready()
    await guard.throttle.handshake(client.address)
    if (pending >= guard.limits.maxPendingHandshakes)
      throw new AuthError('AUTH_UNAVAILABLE', { reason: 'pending_handshakes' })
    const handshake = handshakeView(request, client, request._query ?? {}, guard.clock.now())
    guard.redaction.request(request)
    if (rawValues(request, 'authorization').length > 1) {
      throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'presented_twice' })
    }
    requireOriginForAmbient(guard, handshake, origin.proof(), options.strictFetchMetadata)
    pending += 1
    try {
      const authenticated = await authenticateHandshake(guard, handshake)
      // What a reload has changed meanwhile counts: the connect asks again for a credential of a strategy that is gone.
      origin.proof()
      requireOpen(guard)
      if (authenticated === null && !readsConnect(guard.strategies)) throw new AuthError('AUTH_CREDENTIAL_MISSING')
      // A WebSocket has no later requests that could come from someone else.
      const followed = authenticated !== null && request._query?.transport !== 'websocket'
      const pin = followed ? pinOf(authenticated, handshake) : null
      return { handshake, origin, strict: options.strictFetchMetadata, authenticated, pin }
    } finally {
      pending -= 1
    }
  }

  /** A session id is no credential: who follows a polling session must show what opened it. */
  function follow(request: EngineRequest, sessionId: string): void {
    const connection = options.connectionOf(sessionId)
    const { authenticated, pin } = connection?.admission ?? { authenticated: null, pin: null }
    // Of an unknown session id, Engine.IO says so itself.
    if (authenticated === null || pin === null) return
    const now = handshakeView(request, options.clientAddress(request), request._query ?? {}, guard.clock.now())
    guard.redaction.request(request)
    if (pinOf(authenticated, now) !== pin) throw new AuthError('AUTH_FORBIDDEN', { reason: 'credential_changed' })
  }

  return {
    handle(request, response, next) {
      const startedMs = performance.now()
      // Node leaves the socket of an upgrade without a listener: a reset while a strategy works would end the process.
      if (isUpgrade(response)) request.socket.on('error', ignore)
      const client = options.clientAddress(request)
      const record = (
        code: AuthErrorCode | null,
        rule: string,
        identity: Authenticated | null,
        reason?: string,
      ): void => {
        if (!guard.audit.enabled) return
        guard.audit.record({
          stage: 'handshake',
          namespace: null,
          address: client.address,
          identity: identity?.authentication.identity ?? null,
          code,
          rule,
          ...(reason === undefined ? {} : { reason }),
          startedMs,
        })
      }
      const refuse = (cause: unknown): void => {
        const error = asAuthError(cause, 'handshake', guard.onError)
        record(error.code, 'handshake', null, error.reason)
        if (error.code !== 'AUTH_RATE_LIMITED') guard.throttle.failed(client.address).catch(ignore)
        try {
          writeRefusal(request, response, error)
        } catch {
          request.socket.destroy()
        }
      }
      try {
        if (options.requireSecure && !client.secure) throw new AuthError('AUTH_FORBIDDEN', { reason: 'insecure' })
        const origin = new RequestOrigin(options.checkOrigin, originClaims(request, client))
        origin.proof()
        const sessionId = request._query?.sid
        // An empty session id opens a new connection, as Engine.IO reads it.
        if (sessionId) {
          follow(request, sessionId)
          next()
          return
        }
        admit(request, origin, client).then((admission) => {
          // A client that left while a strategy worked gets no connection that would wait for it.
          if (request.socket.destroyed) return
          admissions.set(request, admission)
          const { authenticated } = admission
          record(null, authenticated ? `strategies.${authenticated.strategy.scheme}` : 'handshake', authenticated)
          process.nextTick(next)
        }, refuse)
      } catch (error) {
        refuse(error)
      }
    },
    admissionOf(request) {
      const admission = admissions.get(request)
      admissions.delete(request)
      return admission
    },
  }
}

/** A node that lets go of its connections takes no new ones: another may, at once. */
function requireOpen(guard: Guard): void {
  if (!guard.isDraining()) return
  const retryAfterSeconds = 1 + Math.floor(Math.random() * MAX_RETRY_AFTER_SECONDS)
  throw new AuthError('AUTH_UNAVAILABLE', { reason: 'draining', retryAfterSeconds })
}

/**
 * The credential of the request looked at again, on a connection that stands: origins and strategies may be others by now.
 *
 * @throws AuthError
 */
export function authenticateAgain(guard: Guard, { handshake, origin, strict }: Admission) {
  requireOriginForAmbient(guard, handshake, origin.proof(), strict)
  return authenticateHandshake(guard, handshake)
}

/** Authenticates what the request carries; the authority must hold at this moment. */
async function authenticateHandshake(guard: Guard, handshake: Handshake): Promise<Authenticated | null> {
  const { limits, clock } = guard
  const authenticated = await withDeadline(
    authenticate(guard.strategies, handshake, null),
    limits.authenticateTimeoutMs,
    clock,
  )
  if (authenticated === null) return null
  const ended = endOf(guard, authenticated.authentication.lease, namesOf(authenticated.authentication))
  if (ended !== null) throw new AuthError(ended)
  return authenticated
}

/**
 * A credential that a browser attaches by itself counts only when the request also shows that the page is an allowed one
 * (cross-site WebSocket hijacking).
 */
function requireOriginForAmbient(guard: Guard, handshake: Handshake, proof: OriginProof, strict: boolean): void {
  const crossSite = strict && handshake.headers['sec-fetch-site'] === 'cross-site'
  if (proof === 'listed' && !crossSite) return
  for (const strategy of guard.strategies) {
    for (const source of strategy.from) {
      if (source.in === 'auth' || source.read(handshake, null) === null) continue
      if (source.ambient) throw new AuthError('AUTH_ORIGIN_REFUSED', { reason: 'ambient_credential' })
      // The first strategy that finds a credential is the one that will decide.
      return
    }
  }
}

function pinOf({ strategy }: Authenticated, handshake: Handshake): string {
  const hash = createHash('sha256')
  for (const source of strategy.from) {
    const value = source.in === 'auth' ? null : safeRead(() => source.read(handshake, null))
    hash.update(JSON.stringify([source.in, source.name, value]))
  }
  return hash.digest('base64url')
}

/** A source that cannot be read on a later request differs from the credential that opened the connection. */
function safeRead(read: () => string | null): string | null {
  try {
    return read()
  } catch {
    return null
  }
}

function ignore(): void {}
