/** Middlewares of the years after 0.9, which were written as if nobody sent them anything malformed. */

import type { ExtendedError, Socket } from 'socket.io'
import type { LegacyMiddleware } from './socketio-0.9-server.ts'

/** Calls `next` exactly once: what `fn` throws or rejects with refuses, and so does silence for `timeoutMs`. */
export function hardened(fn: LegacyMiddleware, timeoutMs: number, onError: (error: unknown) => void) {
  return function hardenedMiddleware(socket: Socket, next: (error?: ExtendedError) => void): void {
    let settled = false
    const timer = setTimeout(settle, timeoutMs, new Error('unauthorized'))

    function settle(error?: ExtendedError): void {
      if (settled) return
      settled = true
      clearTimeout(timer)
      process.nextTick(next, error)
    }

    function fail(cause: unknown): void {
      onError(cause)
      settle(new Error('unauthorized'))
    }

    try {
      const returned = fn(socket, settle)
      Promise.resolve(returned).catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}
