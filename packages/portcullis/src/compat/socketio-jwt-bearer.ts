/** `io.use(authorize({ secret }))` without `handshake`: as in the fork @thream/socketio-jwt, the token is in `auth.token`. */

import type { Socket } from 'socket.io'
import { toUnauthorized } from './socketio-jwt-error.ts'
import { admitToken, carry, requestToken } from './socketio-jwt-handshake.ts'
import type { Accept, Settings } from './socketio-jwt-options.ts'
import { unauthorized } from './socketio-jwt-token.ts'

export async function admitBearer(settings: Settings, socket: Socket, next: Accept): Promise<void> {
  try {
    const verified = await admitToken(settings, socket, (each) => bearerToken(settings, each))
    if (verified === null) throw unauthorized('credentials_required', 'no token provided')
    carry(settings, socket, verified)
    carry({ ...settings, encodedName: 'encodedToken', decodedName: 'decodedToken' }, socket, verified)
  } catch (thrown) {
    process.nextTick(next, toUnauthorized(thrown))
    return
  }
  process.nextTick(next)
}

/** Clients of socketio-jwt itself, which send the token in query or header, are understood as well. */
function bearerToken(settings: Settings, socket: Socket): unknown {
  const { auth } = socket.handshake as { readonly auth: unknown }
  const given =
    typeof auth === 'object' && auth !== null && Object.hasOwn(auth, 'token')
      ? (auth as { token: unknown }).token
      : null
  if (settings.headerOnly || given === null || given === undefined || socket.conn.protocol === 3) {
    return requestToken(settings, socket)
  }
  const [scheme, token, ...rest] = typeof given === 'string' ? given.split(' ') : []
  if (scheme !== 'Bearer' || !token || rest.length > 0) {
    throw unauthorized('credentials_bad_format', 'Format is Authorization: Bearer [token]')
  }
  return token
}
