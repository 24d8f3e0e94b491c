/** Policies: which rule answers for a namespace, an event and a room. Closed where no rule stands. */

import type { Decision } from './decision.ts'
import { deny, permit } from './decision.ts'
import type { Handshake } from './handshake.ts'
import type { Identity } from './identity.ts'
import type { Lease } from './lease.ts'
import type { ParamsOf } from './room-pattern.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'

/** What every rule is told. Identity and lease are the gate's own copies: nothing a handler does can change them. */
export interface Request<I extends Identity = Identity> {
  readonly identity: I
  readonly lease: Lease
  readonly namespace: string
}

/** What the `connect` rule is told besides: the request that opened the connection. */
export interface ConnectRequest<I extends Identity = Identity> extends Request<I> {
  readonly handshake: Handshake
}

/** `args` is what the client sent after the event's name, without the acknowledgement. */
export interface EventRequest<I extends Identity = Identity, Args = readonly unknown[]> extends Request<I> {
  readonly event: string
  readonly args: Args
}

/** What a room rule is told besides: the name asked for, and the parameters that its pattern found in it. */
export interface RoomRequest<I extends Identity = Identity, Pattern extends string = string> extends Request<I> {
  readonly room: string
  readonly params: ParamsOf<Pattern>
  readonly socketId: string
  /** The second argument of `auth:join`, such as a signed grant. From the wire: unknown until parsed; undefined without one. */
  readonly presented: unknown
}

/**
 * Decides about one request. Never a boolean: `permitIf(condition)` makes a decision of one. A rule that throws, returns
 * something else or does not answer within `ruleTimeoutMs` has not decided, and nothing is permitted.
 */
export type Rule<R> = (request: R) => Decision | Promise<Decision>

/**
 * A rule for an event whose arguments are checked first. `args` is any Standard Schema (zod, valibot, arktype …) for the
 * tuple of arguments without the acknowledgement; rule and handler get what the schema puts out.
 */
export interface CheckedEvent<I extends Identity, Args> {
  readonly args: StandardSchemaV1<unknown, Args>
  readonly rule: Rule<EventRequest<I, Args>>
}

/** A listener's arguments without a trailing acknowledgement. */
export type ArgsOf<Listener> = Listener extends (...args: infer All) => unknown
  ? All extends [...infer Head, infer Last]
    ? Last extends (...args: never[]) => unknown
      ? Head
      : All
    : All
  : never

/** A rule, or a rule with a schema for the arguments. `Args` is the tuple of the event without its acknowledgement. */
export type EventRule<I extends Identity, Args = unknown[]> = Rule<EventRequest<I>> | CheckedEvent<I, Args>

/** The policy of one namespace. `Events` is the namespace's own map of client events, `Rooms` its room patterns. */
export interface Policy<I extends Identity, Events = Record<string, never>, Rooms extends string = never> {
  /** May this identity use this namespace at all? Left out: every identity that a strategy accepted may. */
  readonly connect?: Rule<ConnectRequest<I>>
  /** A client event without a rule does not compile, and is refused. */
  readonly events: { readonly [E in keyof Events]: EventRule<I, ArgsOf<Events[E]>> }
  /** Which rooms a client may ask to join. Where several patterns match a name, all must permit. */
  readonly rooms?: { readonly [P in Rooms]: Rule<RoomRequest<I, P>> }
  /** Rooms that follow from who it is; joined before the application's `connection` listener runs. */
  readonly memberships?: (identity: I) => readonly string[] | Promise<readonly string[]>
}

/** An identity whose claims say which scopes it has (RFC 6749 section 3.3, RFC 8693 section 4.2). */
export type ScopedIdentity = Identity<string, { readonly scope: string | readonly string[] }>

/**
 * Permits an identity whose `claims.scope` contains every scope named. Scopes are compared as whole words; `chat:*` has
 * no meaning. Denies with AUTH_INSUFFICIENT_SCOPE.
 *
 * @example events: { 'message:send': requireScope('chat:write') }
 * @see RFC 6749 section 3.3
 */
export function requireScope(...scopes: readonly [string, ...string[]]): Rule<Request<ScopedIdentity>> {
  for (const scope of scopes) {
    if (typeof scope !== 'string' || !/^[\x21\x23-\x5B\x5D-\x7E]+$/.test(scope)) {
      throw new TypeError(`requireScope: ${JSON.stringify(scope)} is not a scope token (RFC 6749 section 3.3)`)
    }
  }
  const permitted = permit()
  const denied = deny('AUTH_INSUFFICIENT_SCOPE')
  return function scopeRule({ identity }) {
    const granted = scopesOf(identity.claims)
    return scopes.every((scope) => granted.includes(scope)) ? permitted : denied
  }
}

/** At most this many scopes of an identity are looked at. */
const MAX_SCOPES = 256

/** An identity's claims do not change, and its rules are asked for every event. */
const known = new WeakMap<object, readonly string[]>()

function scopesOf(claims: unknown): readonly string[] {
  if (typeof claims !== 'object' || claims === null) return []
  const scopes = known.get(claims)
  if (scopes !== undefined) return scopes
  const read = readScopes(claims)
  known.set(claims, read)
  return read
}

function readScopes(claims: object): readonly string[] {
  if (!Object.hasOwn(claims, 'scope')) return []
  const { scope } = claims as { scope: unknown }
  if (typeof scope === 'string') return scope.split(' ', MAX_SCOPES)
  if (Array.isArray(scope)) return scope.slice(0, MAX_SCOPES).filter((value) => typeof value === 'string')
  return []
}
