/** That the checks bite: facades that are wrong in one thing each. */

import jwt from 'jsonwebtoken'
import * as facade from 'portcullis/compat/socketio-jwt'
import type { Socket } from 'socket.io'
import { describe, expect, test } from 'vitest'
import { checks, type Facade } from './checks.ts'
import { failures } from './kit.ts'

type Options = Record<string, unknown> & { readonly secret: string; readonly handshake?: boolean }
type Next = (error?: Error) => void

/** Both modes of the old library around `verify`, which returns the payload or throws. */
function made(verify: (token: string, options: Options) => unknown): Facade {
  return {
    authorize:
      (options: Options) => (socket: Socket & { decoded_token?: unknown; encoded_token?: unknown }, next: Next) => {
        if (options.handshake) {
          try {
            const token = String(socket.handshake.query.token ?? '')
            Object.assign(socket, { decoded_token: verify(token, options), encoded_token: token })
            return next()
          } catch (error) {
            return next(new facade.UnauthorizedError('invalid_token', error as Error))
          }
        }
        socket.on('authenticate', ({ token }) => {
          try {
            socket.decoded_token = verify(token, options)
            socket.emit('authenticated')
          } catch (error) {
            socket.emit('unauthorized', { ...new facade.UnauthorizedError('invalid_token', error as Error) })
          }
        })
      },
  }
}

const admitsAll = made((token) => jwt.decode(token) ?? {})
const refusesAll = made(() => {
  throw new Error('no')
})
const skipsSignature = made((token) => {
  const payload = jwt.decode(token) as { exp: number } | null
  if (payload === null) throw new Error('jwt malformed')
  if (payload.exp < Date.now() / 1000) throw new Error('jwt expired')
  return payload
})
const ignoresExpiry = made((token, { secret, audience }) =>
  jwt.verify(token, secret, { ignoreExpiration: true, audience: audience as string }),
)
const skipsCallback: Facade = {
  authorize: ({ additional_auth: _, ...options }) => facade.authorize(options),
}
const keepsNobodySilent: Facade = { authorize: (options) => facade.authorize({ ...options, required: false }) }

describe('the checks of socketio-jwt', () => {
  test('pass with the facade', async () => {
    expect(await failures(checks, facade)).toEqual([])
  })

  test.each([
    ['admits all', admitsAll, 'refuses a forged signature'],
    ['refuses all', refusesAll, 'admits a valid token of client 4'],
    ['skips the signature', skipsSignature, 'refuses a forged signature'],
    ['ignores expiry', ignoresExpiry, 'refuses an expired token'],
    ['skips additional_auth', skipsCallback, 'asks additional_auth'],
    ['silences nobody', keepsNobodySilent, 'keeps events and broadcasts from a socket that has not authenticated'],
  ])('find the facade that %s', async (_what, mutant, name) => {
    expect(
      await failures(
        checks.filter((check) => check.name === name),
        mutant,
        3_000,
      ),
    ).toEqual([name])
  })
})
