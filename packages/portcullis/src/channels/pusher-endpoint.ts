/** The HTTP endpoint that Pusher's clients ask for the signature of a channel, or of their user. */

import type { ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { asDecision, type Decision } from '../core/decision.ts'
import { AuthError, type AuthErrorCode, CODES, refusalOf } from '../errors.ts'
import { isChannelName, isPresenceChannel, type PresenceMember, type PusherUser } from './pusher-names.ts'
import type { PusherSigner } from './pusher-signature.ts'

/** Options of `pusherAuthEndpoint`; `signer` and `authorize` are required. */
export interface PusherAuthEndpointOptions<Request> {
  readonly signer: PusherSigner
  /**
   * May whoever sends this request have this channel? For a `private-` channel a decision, made by `permit`, `deny` or
   * `permitIf`. For a `presence-` channel the member, or a denial. Anything else denies, and so does an exception.
   */
  readonly authorize: (
    request: Request,
    channel: string,
  ) => Decision | PresenceMember | Promise<Decision | PresenceMember>
  /**
   * Who sends this request, for `pusher.signin()`; null when nobody does. An exception and anything else deny. Default: nobody
   * can sign in.
   */
  readonly identify?: (request: Request) => PusherUser | null | Promise<PusherUser | null>
  /** Milliseconds that `authorize` and `identify` have, else the answer is a denial. Default 1000. */
  readonly authorizeTimeoutMs?: number
  /** Told of what `authorize` or `identify` threw, and of an answer that is none. Default: nobody is. */
  readonly onError?: (error: unknown) => void
  /** For tests. Default: the system's. */
  readonly clock?: Pick<Clock, 'setTimer'>
}

const LONGEST_TIMER_MS = 2_147_483_647

/**
 * An Express-style handler that answers 200 `{ auth, channel_data? }` to `socket_id` and `channel_name` in `req.body`,
 * which a parser of forms or JSON has put there; and, with `identify`, 200 `{ auth, user_data }` to `socket_id` alone, as
 * `pusher.signin()` asks. 400 when one of them is malformed or no `private-` or `presence-` channel; 403 in every other case.
 * Nothing of the request or of an error is in the answer. It never rejects. One handler serves `/pusher/auth` and
 * `/pusher/user-auth`, where Pusher's clients look for the two.
 *
 * Does not check: who sends the request, which is for `authorize` to find out; its origin; its rate. Not supported:
 * JSONP, which would let any page read the signature, and the keys of `private-encrypted-` channels.
 *
 * @throws TypeError at once, when an option is missing or malformed
 *
 * @example
 * app.post(['/pusher/auth', '/pusher/user-auth'], express.urlencoded(), pusherAuthEndpoint({
 *   signer,
 *   authorize: (request, channel) => permitIf(channel === `private-user-${request.user.id}`),
 *   identify: (request) => (request.user ? { id: request.user.id } : null),
 * }))
 *
 * @see https://pusher.com/docs/channels/server_api/authorizing-users/ and authenticating-users/ ; subpath `portcullis/channels/pusher`
 */
export function pusherAuthEndpoint<Request extends { readonly body?: unknown }>(
  options: PusherAuthEndpointOptions<Request>,
): (request: Request, response: ServerResponse) => Promise<void> {
  const own: typeof options = Object.assign(Object.create(null), options)
  const { signer, authorize, identify, authorizeTimeoutMs = 1000, onError, clock = systemClock } = own
  if (typeof signer?.signChannel !== 'function') throw new TypeError('"signer" must be made by pusherSigner')
  if (typeof authorize !== 'function') throw new TypeError('"authorize" must be a function')
  if (identify !== undefined && typeof identify !== 'function') throw new TypeError('"identify" must be a function')
  if (onError !== undefined && typeof onError !== 'function') throw new TypeError('"onError" must be a function')
  if (!(authorizeTimeoutMs > 0 && authorizeTimeoutMs <= LONGEST_TIMER_MS)) {
    throw new TypeError(`"authorizeTimeoutMs" must be a number above 0 and at most ${LONGEST_TIMER_MS}`)
  }

  async function answerOf(request: Request): Promise<object | AuthErrorCode> {
    const socketId = field(request.body, 'socket_id')
    // Only where no channel is named at all: a malformed name is no wish to sign in.
    if (identify !== undefined && !has(request.body, 'channel_name')) return userAnswerOf(request, socketId, identify)
    const channel = field(request.body, 'channel_name')
    if (!signer.isSocketId(socketId) || !isChannelName(channel) || !isGuarded(channel)) return 'AUTH_ARGUMENTS_INVALID'
    const asked = new Promise<unknown>((resolve) => resolve(authorize(request, channel)))
    const answer = await within('authorize', asked, authorizeTimeoutMs, clock)
    const decision = asDecision(answer)
    if (decision?.effect === 'deny') return 'AUTH_FORBIDDEN'
    if (isPresenceChannel(channel) ? isMember(answer) : decision !== null) {
      return signer.signChannel(socketId, channel, decision === null ? memberOf(answer as PresenceMember) : undefined)
    }
    throw new TypeError(
      `"authorize" answered neither a denial nor ${isPresenceChannel(channel) ? 'a member' : 'a permit'}`,
    )
  }

  async function userAnswerOf(
    request: Request,
    socketId: unknown,
    ask: NonNullable<typeof identify>,
  ): Promise<object | AuthErrorCode> {
    if (!signer.isSocketId(socketId)) return 'AUTH_ARGUMENTS_INVALID'
    const asked = new Promise<unknown>((resolve) => resolve(ask(request)))
    const answer = await within('identify', asked, authorizeTimeoutMs, clock)
    if (answer === null) return 'AUTH_FORBIDDEN'
    if (!has(answer, 'id')) throw new TypeError('"identify" answered neither a user nor null')
    return signer.signUser(socketId, userOf(answer as PusherUser))
  }

  function report(error: unknown): void {
    try {
      onError?.(error)
    } catch {
      // Whoever is told of an error does not decide about the answer.
    }
  }

  return async function pusherAuth(request, response) {
    let answer: object | AuthErrorCode
    try {
      answer = await answerOf(request)
    } catch (error) {
      report(error)
      answer = 'AUTH_FORBIDDEN'
    }
    try {
      send(response, answer)
    } catch (error) {
      report(error)
    }
  }
}

/** Public channels need no signature, and whoever asks for one is mistaken or up to something. */
function isGuarded(channel: string): boolean {
  return /^(?:private|presence)-./.test(channel)
}

function isMember(value: unknown): boolean {
  return has(value, 'user_id')
}

/** Nothing but what Pusher knows of: an application may answer with its whole record of a user. */
function memberOf({ user_id, user_info }: PresenceMember): PresenceMember {
  return user_info === undefined ? { user_id } : { user_id, user_info }
}

function userOf({ id, user_info, watchlist }: PusherUser): PusherUser {
  // What is undefined has no place in JSON.
  return { id, user_info, watchlist } as PusherUser
}

function has(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
}

function field(body: unknown, name: string): unknown {
  return has(body, name) ? (body as Record<string, unknown>)[name] : undefined
}

function within(
  option: 'authorize' | 'identify',
  asked: Promise<unknown>,
  timeoutMs: number,
  clock: Pick<Clock, 'setTimer'>,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      const cause = new Error(`"${option}" did not answer within ${timeoutMs} ms`)
      reject(new AuthError('AUTH_UNAVAILABLE', { reason: `${option}_timeout`, cause }))
    }, timeoutMs)
    asked.then(resolve, reject).finally(cancel)
  })
}

function send(response: ServerResponse, answer: object | AuthErrorCode): void {
  if (response.headersSent) return
  const refused = typeof answer === 'string'
  response.writeHead(refused ? CODES[answer].http : 200, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(JSON.stringify(refused ? refusalOf(answer) : answer))
}

const systemClock: Pick<Clock, 'setTimer'> = {
  setTimer(fn, delayMs) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}
