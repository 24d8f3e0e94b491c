/** That the checks bite: facades that are wrong in one thing each. */

import jwt from 'jsonwebtoken'
import * as facade from 'portcullis/compat/thream-socketio-jwt'
import type { Socket } from 'socket.io'
import { describe, expect, test } from 'vitest'
import { failures } from '../socketio-jwt/kit.ts'
import { checks, type Facade, INVALID } from './checks.ts'

type Next = (error?: Error) => void

/** The old middleware around `verify`, which returns the payload or throws. */
const made = (verify: (token: string, secret: string) => unknown): Facade => ({
  authorize:
    ({ secret }: { secret: string }) =>
    (socket: Socket, next: Next) => {
      const encodedToken = String(socket.handshake.auth.token).split(' ')[1] ?? ''
      try {
        Object.assign(socket, { encodedToken, decodedToken: verify(encodedToken, secret) })
      } catch {
        return next(new facade.UnauthorizedError('invalid_token', { message: INVALID }))
      }
      next()
    },
})

describe('the checks of @thream/socketio-jwt', () => {
  test('pass with the facade', async () => {
    expect(await failures(checks, facade)).toEqual([])
  })

  test.each([
    ['admits all', made((token) => jwt.decode(token)), 'refuses a connection without a token'],
    ['refuses all', made(() => JSON.parse('')), 'admits a valid token'],
    ['skips the signature', made((token) => jwt.decode(token)), 'refuses a forged signature'],
    [
      'ignores expiry',
      made((token, secret) => jwt.verify(token, secret, { ignoreExpiration: true })),
      'refuses an expired token',
    ],
    [
      'skips onAuthentication',
      { authorize: ({ onAuthentication: _, ...options }) => facade.authorize(options) } as Facade,
      'asks onAuthentication',
    ],
  ] as const)('find the facade that %s', async (_what, mutant, name) => {
    const [check] = checks.filter((each) => each.name === name)
    expect(check && (await failures([check], mutant, 3_000))).toEqual([name])
  })
})
