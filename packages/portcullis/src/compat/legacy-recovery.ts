/** `connectionStateRecovery` restores sockets past every middleware, so that an old API would never be asked. */

import type { Server, Socket } from 'socket.io'

interface WithOptions {
  readonly opts?: { readonly connectionStateRecovery?: unknown }
}

const warned = new WeakSet<Server>()

/**
 * The error that refuses a socket of a server with `connectionStateRecovery`, or null. What a restored socket has missed is
 * written before any middleware runs, with `skipMiddlewares: false` as well (Socket.IO 4.8). The operator is warned once.
 */
export function recoveryRefusal(library: string, socket: Socket): Error | null {
  const { server } = socket.nsp
  if (!(server as unknown as WithOptions).opts?.connectionStateRecovery) return null
  if (!warned.has(server)) {
    warned.add(server)
    process.emitWarning(
      `${library}: "connectionStateRecovery" restores sockets without asking; leave it out, or use createAuth, which guards it`,
      { type: 'SecurityWarning', code: 'PORTCULLIS_COMPAT_RECOVERY' },
    )
  }
  return new Error('connectionStateRecovery cannot be used with this authorization')
}
