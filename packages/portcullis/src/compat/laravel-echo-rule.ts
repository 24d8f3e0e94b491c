/** The endpoint's answer as a rule for rooms. */

import { deny, permit, type RoomRequest, type Rule } from 'portcullis'
import type { Namespace, Server, Socket } from 'socket.io'
import { credentialsOf } from './laravel-echo-credentials.ts'
import { createEndpoint } from './laravel-echo-endpoint.ts'
import { isName } from './laravel-echo-names.ts'
import { type EndpointOptions, endpointOf } from './laravel-echo-options.ts'
import { requireOrigins } from './legacy-origin.ts'

/**
 * Where `channelRule` asks, and with which cookies.
 *
 * @deprecated docs/migrate/laravel-echo.md
 */
export interface ChannelRuleOptions extends EndpointOptions {
  /** The server whose sockets ask. With it the endpoint is sent their cookies, too; without, only what the client presents. */
  readonly io?: Server
  /** Pages beside the server's own whose cookies count. Default: what `cors.origin` of `io` lists. */
  readonly origins?: readonly string[]
  /** How long a room may be held; then it is left, and has to be asked for again. Seconds; default 300. */
  readonly grantSeconds?: number
  /** Sends `socket_id` to the endpoint beside `channel_name`. Default false. */
  readonly sendSocketId?: boolean
}

/**
 * Permits a room where the application's `/broadcasting/auth` does, for `grantSeconds`. What the client presents with `auth:join` is
 * what laravel-echo calls `auth`: `{ headers: { Authorization, 'X-CSRF-TOKEN' } }`. Where the endpoint is away: AUTH_UNAVAILABLE.
 *
 * Does not check: that the application's user is the socket's identity.
 *
 * @deprecated A rule of your own over the claims needs no request: docs/migrate/laravel-echo.md
 * @throws TypeError at once, quoting the option
 *
 * @example auth.protect(io.of('/'), { events: {}, rooms: { 'private-{name}': channelRule({ authHost: 'https://app.example', io }) } })
 *
 * @see docs/migrate/laravel-echo.md ; subpath `portcullis/compat/laravel-echo`
 */
export function channelRule(options: ChannelRuleOptions = {}): Rule<RoomRequest> {
  const { io, grantSeconds = 300, sendSocketId = false } = options
  const configuration = endpointOf(options)
  const origins = requireOrigins('laravel-echo', options.origins)
  if (!(typeof grantSeconds === 'number' && grantSeconds > 0 && grantSeconds <= 86_400)) {
    throw new TypeError('laravel-echo: "grantSeconds" must be a number above 0 and at most 86400')
  }
  const endpoint = createEndpoint(configuration)
  const denied = deny()

  return async function laravelChannelRule({ room, namespace, socketId, presented }) {
    if (!isName(room)) return denied
    const socket = io === undefined ? undefined : socketOf(io, namespace, socketId)
    const credentials =
      socket === undefined
        ? withoutCookie(presented)
        : credentialsOf(socket, presented, configuration.readHeaders, origins)
    if ('refused' in credentials) {
      return deny(credentials.refused === 'malformed' ? 'AUTH_ARGUMENTS_INVALID' : 'AUTH_ORIGIN_REFUSED')
    }
    const form = sendSocketId ? { channel_name: room, socket_id: socketId } : { channel_name: room }
    const answer = await endpoint.ask({ form, headers: credentials.headers })
    if (answer.is === 'away') return deny('AUTH_UNAVAILABLE')
    return answer.is === 'granted' ? permit({ expiresAt: Date.now() / 1000 + grantSeconds }) : denied
  }

  function withoutCookie(presented: unknown) {
    const headers = configuration.readHeaders((presented as { headers?: unknown } | null | undefined)?.headers)
    return headers === null ? ({ refused: 'malformed' } as const) : { headers }
  }
}

function socketOf(io: Server, namespace: string, socketId: string): Socket | undefined {
  const found: Namespace | undefined = io._nsps.get(namespace)
  return found?.sockets.get(socketId)
}
