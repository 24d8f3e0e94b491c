/** Asks the application whether one attempt succeeds, whatever its function does. */

import type { Authentication } from 'portcullis'
import { AuthError } from 'portcullis'
import { type LegacyIdentity, legacyAuthentication } from './legacy-identity.ts'
import { LIBRARY, type SocketIOAuthSettings } from './socketio-auth-options.ts'

/** What the client may hear of a refusal. */
const FAILURE = 'Authentication failure'
const LONGEST_MESSAGE = 200

export interface Success {
  /** What the callback was given; the client receives it. */
  readonly success: unknown
  readonly authentication: Authentication<LegacyIdentity>
}

/**
 * Waits for the callback, for as long as that takes.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID with an Error as its cause, whose message is the client's
 */
export async function attempt(
  settings: SocketIOAuthSettings,
  socket: unknown,
  data: unknown,
  connection: string,
): Promise<Success> {
  const success = await answerOf(settings, socket, data)
  const {
    subject,
    claims = {},
    issuedAt = 0,
    expiresAt = null,
  } = (await settings.identify?.(success, data)) ?? { subject: idOf(success) ?? `connection:${connection}` }
  if (typeof subject !== 'string' || subject === '') throw refused(new TypeError('"identify" must give a subject'))
  const principal = { issuer: LIBRARY, subject, claims, issuedAt, expiresAt, credential: `${connection}:${subject}` }
  return { success, authentication: legacyAuthentication(principal) }
}

async function answerOf({ authenticate }: SocketIOAuthSettings, socket: unknown, data: unknown): Promise<unknown> {
  let success: unknown
  try {
    success = await new Promise<unknown>((resolve, reject) => {
      const answer = (error?: unknown, value?: unknown) => {
        if (error) reject(refused(error))
        // A promise is no yes: it is what it comes to.
        else resolve(value)
      }
      const returned = authenticate(socket, data, answer)
      // An `async` function that fails never calls back. What it throws was not meant for the client.
      Promise.resolve(returned).catch(() => reject(refused(null)))
    })
  } catch (error) {
    throw AuthError.is(error) ? error : refused(null)
  }
  if (!success) throw refused(null)
  return success
}

/** The message of an error that the application made for the client; nothing of what a database or Node.js says. */
export function refused(error: unknown): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'authenticate', cause: new Error(messageOf(error)) })
}

function messageOf(error: unknown): string {
  const given = typeof error === 'string' ? error : isForClients(error) ? error.message : ''
  return typeof given === 'string' && given !== '' ? given.slice(0, LONGEST_MESSAGE) : FAILURE
}

const BUILT_IN: ReadonlySet<unknown> = new Set([
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
])
/** Fields of the errors of Node.js and of database clients. */
const TELLING = ['code', 'errno', 'syscall', 'sqlState', 'sqlMessage', 'command', 'severity', 'query', 'sql', 'cause']

function isForClients(error: unknown): error is { readonly message: string } {
  if (typeof error !== 'object' || error === null || !('message' in error)) return false
  return !BUILT_IN.has(error.constructor) && !TELLING.some((field) => field in error)
}

function idOf(success: unknown): string | null {
  if (typeof success !== 'object' || success === null) return null
  const { id, _id } = success as { readonly id?: unknown; readonly _id?: unknown }
  const found = [id, _id].find((each) => ['string', 'number', 'bigint'].includes(typeof each) && each !== '')
  return found === undefined ? null : String(found)
}
