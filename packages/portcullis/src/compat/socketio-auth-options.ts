/** What socketio-auth took, and the check of it at start-up. */

import type { Socket } from 'socket.io'
import type { LegacyOptions } from './legacy-admission.ts'
import type { LegacyPrincipal } from './legacy-identity.ts'

/** Answers once; what comes later is ignored. An error refuses, whatever `success` says. */
// biome-ignore lint/suspicious/noExplicitAny: callers of untyped code
export type AuthenticateCallback = (error?: any, success?: any) => void

/** Who has authenticated. */
export type Identified = Pick<LegacyPrincipal, 'subject'> &
  Partial<Pick<LegacyPrincipal, 'claims' | 'issuedAt' | 'expiresAt'>>

/**
 * The configuration; `authenticate` is required.
 *
 * @deprecated Use `createAuth` with a strategy: docs/migrate/socketio-auth.md
 */
export interface SocketIOAuthOptions extends LegacyOptions {
  /** `data` is what the client sent, or nothing, and of any type. May be `async`; the answer is still that of the callback. */
  // biome-ignore lint/suspicious/noExplicitAny: what the client sends; old code reads its fields
  readonly authenticate: (socket: any, data: any, callback: AuthenticateCallback) => unknown
  /** Called after `authenticated`. The socket is disconnected when it throws or rejects. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly postAuthenticate?: ((socket: Socket, data: any) => unknown) | undefined
  /** Called when a socket of the main namespace is gone, or one that has authenticated elsewhere. */
  readonly disconnect?: ((socket: Socket) => unknown) | undefined
  /** Milliseconds that a client has to authenticate; `'none'` for ever. Default 1000, also for 0. */
  readonly timeout?: number | 'none' | undefined
  /** Who it is to policies and logs; when it throws or rejects, the attempt is refused. Default: the `id` of the `success` object, else an own name for each connection. */
  // biome-ignore lint/suspicious/noExplicitAny: what `authenticate` answered
  readonly identify?: ((success: any, data: any) => Identified | Promise<Identified>) | undefined
}

export interface SocketIOAuthSettings extends SocketIOAuthOptions {
  readonly timeoutMs: number | null
}

export const LIBRARY = 'socketio-auth'

/** @throws TypeError quoting the option */
export function settingsOf(options: SocketIOAuthOptions): SocketIOAuthSettings {
  const own: SocketIOAuthOptions = Object.assign(Object.create(null), options)
  if (typeof own.authenticate !== 'function') throw new TypeError(`${LIBRARY}: "authenticate" must be a function`)
  for (const name of ['postAuthenticate', 'disconnect', 'identify'] as const) {
    const value: unknown = own[name]
    if (value && typeof value !== 'function') throw new TypeError(`${LIBRARY}: "${name}" must be a function`)
  }
  return { ...own, timeoutMs: timeoutOf(own.timeout) }
}

/** `Infinity` and a text that is no number ended every connection at once. */
function timeoutOf(timeout: unknown): number | null {
  if (timeout === 'none') return null
  const ms = Number(timeout || 1000)
  if (ms >= 1 && ms < 2 ** 31) return ms
  throw new TypeError(`${LIBRARY}: "timeout" must be a number of milliseconds from 1; write timeout: 'none' for none`)
}
