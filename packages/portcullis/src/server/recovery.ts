/** Connection state recovery: refused until it can be guarded. */

import type { Server } from 'socket.io'

/**
 * With `connectionStateRecovery`, Socket.IO restores rooms and writes missed packets to a returning socket before any
 * middleware runs, whatever has happened to its authority meanwhile. A protected server therefore must not use it.
 *
 * @throws TypeError that says what to do
 */
export function refuseRecovery(io: Server): void {
  // `_opts` is how the packages of the Socket.IO project itself read a server's options.
  if (!(io as unknown as { _opts: { connectionStateRecovery?: unknown } })._opts.connectionStateRecovery) return
  throw new TypeError(
    '"connectionStateRecovery" must be left out of the options of a protected server: it would send missed packets to ' +
      'sockets whose authority has ended. Let clients fetch what they missed through an event with a rule',
  )
}
