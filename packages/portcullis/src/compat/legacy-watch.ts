/** Looking again at what a session stands for while its socket lives: the old libraries looked once and never again. */

import { AuthError, type AuthErrorCode, type Authentication, CODES, type Lease, type Strategy } from 'portcullis'
import type { Socket } from 'socket.io'
import { admitLegacy, type LegacyAdmission } from './legacy-admission.ts'
import { recordLegacy } from './legacy-audit.ts'
import { whenGone } from './legacy-gone.ts'
import type { LegacyIdentity } from './legacy-identity.ts'
import { hasEnded } from './legacy-lease.ts'

type Found = Authentication<LegacyIdentity>

/** An authority that is looked at again. */
export interface Watch {
  /** Why it has ended, or null while it holds. */
  readonly ended: AuthErrorCode | null
  readonly stop: () => void
}

export interface WatchOptions {
  /** How long an authority holds that the store cannot confirm, beyond the time at which it was due. Milliseconds. */
  readonly graceMs: number
  /** What looking again has found. */
  readonly renewed?: (found: Found) => void
  readonly ended?: (code: AuthErrorCode) => void
}

/** An admitted socket, and the watch over it. */
export interface Watched {
  readonly found: Found
  readonly watch: Watch
}

/** Timers past this fire at once (Node.js, `setTimeout`). */
const MAX_TIMER_MS = 2 ** 31 - 1
/** A socket that is still among the middlewares cannot be disconnected yet. */
const NOT_YET_MS = 50

/**
 * As `admitLegacy`, for a credential of the request and a strategy with `revalidate`: the authority is looked at again every `revalidateEveryMs` and when its
 * lease ends, `socket.data` is kept current, and what has ended closes the socket as the end of a lease does.
 *
 * @throws AuthError as `admitLegacy` does
 */
export async function admitWatched(
  socket: Socket,
  admission: LegacyAdmission,
  { graceMs, renewed, ended }: WatchOptions,
): Promise<Watched | null> {
  const { strategy, library, audit } = admission
  let found: Found | null = null
  const lasting: Strategy<LegacyIdentity> = {
    ...strategy,
    async authenticate(handshake) {
      // Of the request, also in another namespace: these credentials never come with a CONNECT packet.
      found = await strategy.authenticate(handshake, null)
      // The watch decides about the end: a session that was extended meanwhile goes on.
      return found && { ...found, lease: { ...found.lease, expiresAt: null } }
    },
  }
  const admitted = await admitLegacy(socket, { ...admission, strategy: lasting })
  if (admitted === null || found === null) return null
  const first: Found = found
  keep(first)
  const watch = watchAuthority(first, strategy, {
    graceMs,
    renewed(next) {
      if (!isPending(socket) && !socket.connected) stop()
      keep(next)
      renewed?.(next)
    },
    ended(code) {
      const startedMs = performance.now()
      recordLegacy(audit, socket, {
        stage: 'expire',
        rule: `compat/${library}`,
        identity: first.identity,
        code,
        startedMs,
      })
      ended?.(code)
      close(socket, code)
    },
  })
  const forget = whenGone(socket, watch.stop)
  return {
    found: first,
    watch: {
      get ended() {
        return watch.ended
      },
      stop,
    },
  }

  function stop(): void {
    watch.stop()
    forget()
  }

  function keep({ identity, lease }: Found): void {
    socket.data.identity = identity
    socket.data.lease = lease
  }
}

/** Looks again until `stop`, the end, or another principal. A store that fails ends it only when the grace is over. */
export function watchAuthority(
  first: Found,
  { revalidateEveryMs: everyMs = Number.POSITIVE_INFINITY, revalidate }: Strategy<LegacyIdentity>,
  { graceMs, renewed, ended }: WatchOptions,
): Watch & { stop(): void } {
  let lease: Lease = first.lease
  let { handle } = first
  let seenMs = Date.now()
  let code: AuthErrorCode | null = null
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  arm()

  function arm(): void {
    const untilEndMs = lease.expiresAt === null ? Number.POSITIVE_INFINITY : lease.expiresAt * 1000 - Date.now()
    const dueMs = Math.min(everyMs, untilEndMs)
    if (dueMs === Number.POSITIVE_INFINITY) return
    timer = setTimeout(look, Math.min(Math.max(Math.ceil(dueMs), 1), MAX_TIMER_MS))
    timer.unref()
  }

  function look(): void {
    if (revalidate === undefined) {
      if (hasEnded(lease)) end('AUTH_EXPIRED')
      else arm()
      return
    }
    revalidate([handle]).then(
      ([answer]) => seen(answer ?? new AuthError('AUTH_ERROR')),
      (error: unknown) => seen(AuthError.is(error) ? error : new AuthError('AUTH_ERROR', { cause: error })),
    )
  }

  function seen(answer: Found | AuthError): void {
    if (stopped) return
    if (!AuthError.is(answer)) {
      if (answer.identity.issuer !== first.identity.issuer || answer.identity.subject !== first.identity.subject) {
        end('AUTH_SUBJECT_CHANGED')
        return
      }
      lease = answer.lease
      handle = answer.handle
      seenMs = Date.now()
      renewed?.(answer)
      if (!stopped) arm()
      return
    }
    const unknown = answer.code === 'AUTH_UNAVAILABLE' || answer.code === 'AUTH_ERROR'
    const tolerated = Date.now() - seenMs < everyMs + graceMs
    if (unknown && tolerated && !hasEnded(lease)) arm()
    else end(answer.code)
  }

  function end(why: AuthErrorCode): void {
    code = why
    stop()
    ended?.(why)
  }

  function stop(): void {
    stopped = true
    clearTimeout(timer)
  }

  return {
    get ended() {
      return code
    },
    stop,
  }
}

/** Tells the client why, and disconnects it; as soon as it is connected, where it is not yet. */
function close(socket: Socket, code: AuthErrorCode): void {
  if (socket.connected) {
    const { message, retry } = CODES[code]
    socket.emit('auth:closed', { code, message, retry })
    socket.disconnect()
  } else if (isPending(socket)) setTimeout(close, NOT_YET_MS, socket, code).unref()
}

/** Among the middlewares of its namespace. */
function isPending(socket: Socket): boolean {
  const { _preConnectSockets } = socket.nsp as unknown as { readonly _preConnectSockets?: ReadonlyMap<string, unknown> }
  return _preConnectSockets?.get(socket.id) === socket
}
