/** What passport.socketio took, and the check of it at start-up: there it failed at the first client, or never. */

import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { LoginSubject, SessionStore } from 'portcullis/strategies/session'
import type { Server } from 'socket.io'
import type { LegacyOptions } from './legacy-admission.ts'
import { requireOrigins } from './legacy-origin.ts'

/**
 * What a callback calls once to decide: `accept()`, `accept(null, true)` admit; `accept(error)`, `accept(null, false)` refuse.
 * Further calls are ignored.
 */
// biome-ignore lint/suspicious/noExplicitAny: the type that the old declarations had; narrower would not compile old code
export type Accept = (error?: any, accepted?: boolean) => void

/** The user's Passport, whose chain of deserializers is asked. `_key` is where it keeps its part of a session. */
export interface PassportLike {
  readonly _key?: string
  deserializeUser(...args: never[]): unknown
}

/** A request as far as cookies are read of it. */
interface CookieRequest {
  readonly headers: { readonly cookie: string }
  readonly signedCookies?: Readonly<Record<string, unknown>>
}
export type CookieParser = (request: CookieRequest, response: object, next: (error?: unknown) => void) => unknown

/**
 * Options of `authorize`; `store` and `secret` are required.
 *
 * @deprecated Use `createAuth` with `passport()`: docs/migrate/passport-socketio.md
 */
export interface PassportSocketIoOptions extends LegacyOptions {
  /** The session cookie's name. Default `connect.sid`. */
  readonly key?: string | undefined
  /** express-session's secret; while rotating, all that may still be in use, the newest first. Required. */
  readonly secret?: string | readonly string[] | undefined
  /** The store that express-session has. Only read. */
  readonly store: SessionStore
  /** Where the user lands on the request. Default `user`. */
  readonly userProperty?: string | undefined
  /** Default: the application's `passport`. */
  readonly passport?: PassportLike | undefined
  /**
   * The factory, as in `cookieParser: require('cookie-parser')`. It makes `socket.request.cookie`, and no credential: the session
   * cookie is read as express-session reads it. Default: signed cookies, as cookie-parser has them.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the old declarations gave it another type than the code
  readonly cookieParser?: ((...args: any[]) => any) | undefined
  // biome-ignore lint/suspicious/noExplicitAny: as in the old declarations
  readonly success?: ((data: any, accept: Accept) => void) | undefined
  /** `message` may be the store's or Passport's own error: what is then accepted with never reaches the client. */
  // biome-ignore lint/suspicious/noExplicitAny: as in the old declarations
  readonly fail?: ((data: any, message: any, critical: boolean, accept: Accept) => void) | undefined
  /** Who the user is to policies and logs. Default: what Passport serialized, else the user's `id` or `_id`; no claims. */
  readonly identify?: ((user: unknown) => LoginSubject) | undefined
  /**
   * Also takes `session_id` of the query without a signature. Whoever sees such an address in a log has the session, and
   * whoever guesses an id too. Default false: the value is the cookie's, `s:` and signature included.
   */
  readonly allowUnsignedSessionId?: boolean | undefined
  /** How often session and user are looked at while a socket lives. Milliseconds, from 1,000; `Infinity` for never. Default 30,000. */
  readonly revalidateEveryMs?: number | undefined
  /** How long a socket outlives a store that fails. Milliseconds. Default 300,000. */
  readonly revalidateGraceMs?: number | undefined
  /** With `io.set('authorization', …)` only: the server whose sockets are to be ended when their session is. */
  readonly io?: Server | undefined
  /** Milliseconds that the store, and then Passport, have to answer. Default 5,000. */
  readonly storeTimeoutMs?: number | undefined
}

/** The options with their defaults, checked. */
export interface PassportSocketIoSettings extends LegacyOptions {
  readonly key: string
  readonly secrets: readonly string[]
  readonly store: SessionStore
  readonly userProperty: string
  readonly passport: PassportLike
  readonly parseCookies: CookieParser | null
  readonly success: PassportSocketIoOptions['success']
  readonly fail: PassportSocketIoOptions['fail']
  readonly identify: ((user: unknown) => LoginSubject) | undefined
  readonly allowUnsignedSessionId: boolean
  readonly revalidateEveryMs: number
  readonly graceMs: number
  readonly io: Server | undefined
  readonly timeoutMs: number
}

export const LIBRARY = 'passport.socketio'
/** Properties through which Node and Socket.IO know a request. */
const TAKEN = new Set([
  'headers',
  'url',
  'method',
  'socket',
  'connection',
  'res',
  'query',
  '_query',
  'cookie',
  'sessionID',
])

/** @throws TypeError quoting the option */
export function settingsOf(options: PassportSocketIoOptions): PassportSocketIoSettings {
  const own: Partial<PassportSocketIoOptions> = Object.assign(Object.create(null), options)
  const { secret, store, userProperty = 'user', revalidateGraceMs = 300_000, storeTimeoutMs = 5_000 } = own
  const secrets = typeof secret === 'string' ? [secret] : [...(secret ?? [])]
  if (secrets.length === 0 || !secrets.every((each) => typeof each === 'string' && each !== '')) {
    throw refused('secret', 'must be the secret of express-session, or an array of them: no cookie counts without it')
  }
  if (typeof store?.get !== 'function') throw refused('store', 'must be the store of express-session')
  if (typeof userProperty !== 'string' || userProperty === '' || userProperty in {} || TAKEN.has(userProperty)) {
    throw refused('userProperty', 'must be a name that a request does not have yet, such as "user"')
  }
  for (const name of ['success', 'fail', 'identify', 'cookieParser'] as const) {
    const value: unknown = own[name]
    if (value !== undefined && value !== null && typeof value !== 'function') throw refused(name, 'must be a function')
  }
  const passport = own.passport ?? applicationsPassport()
  if (typeof passport?.deserializeUser !== 'function') throw refused('passport', 'must be an instance of Passport')
  return {
    ...(own.audit === undefined ? {} : { audit: own.audit }),
    ...originsOf(own.origins),
    key: own.key ?? 'connect.sid',
    secrets,
    store,
    userProperty,
    passport,
    parseCookies: own.cookieParser ? parserOf(own.cookieParser, secret) : null,
    success: own.success,
    fail: own.fail,
    identify: own.identify,
    allowUnsignedSessionId: own.allowUnsignedSessionId === true,
    revalidateEveryMs: own.revalidateEveryMs ?? 30_000,
    io: own.io,
    graceMs: milliseconds(revalidateGraceMs, 'revalidateGraceMs', 0),
    timeoutMs: milliseconds(storeTimeoutMs, 'storeTimeoutMs', 1),
  }
}

function originsOf(origins: unknown): Pick<LegacyOptions, 'origins'> {
  const checked = requireOrigins(LIBRARY, origins)
  return checked === undefined ? {} : { origins: checked }
}

function milliseconds(value: unknown, option: string, least: number): number {
  if (typeof value === 'number' && value >= least && value < 2 ** 31) return value
  throw refused(option, `must be a number of milliseconds from ${least}`)
}

/** The declarations had the middleware here, with which the first client ended the process. */
function parserOf(factory: (...args: unknown[]) => unknown, secret: unknown): CookieParser {
  let parser: unknown
  try {
    parser = factory(secret)
  } catch {
    // A middleware takes the secret for a request.
  }
  if (typeof parser === 'function') return parser as CookieParser
  throw refused('cookieParser', 'must be the factory itself: write cookieParser: require("cookie-parser")')
}

function applicationsPassport(): PassportLike {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return createRequire(from)('passport') as PassportLike
    } catch {
      // Not installed there.
    }
  }
  throw new Error("passport is required to use require('passport'), please install passport")
}

const refused = (option: string, why: string) => new TypeError(`${LIBRARY}: "${option}" ${why}`)
