/** That the checks bite: facades that are wrong in one thing each. */

import jwt from 'jsonwebtoken'
import * as facade from 'portcullis/compat/socketio-jwt-auth'
import type { Socket } from 'socket.io'
import { describe, expect, test } from 'vitest'
import { failures } from '../socketio-jwt/kit.ts'
import { checks, type Facade } from './checks.ts'

type Next = (error?: Error) => void
type Verify = (token: string, secret: string) => unknown

/** The old middleware around `decode`, which returns the payload or throws. */
const made = (decode: Verify): Facade => ({
  authenticate:
    ({ secret }: { secret: string }, verify) =>
    (socket: Socket, next: Next) => {
      try {
        const payload = decode(String(socket.handshake.query.auth_token ?? ''), secret)
        verify(payload ?? {}, (_error, user, message) => next(user ? undefined : new Error(message)))
      } catch (error) {
        next(error as Error)
      }
    },
})

const admitsAll: Facade = { authenticate: () => (_socket: Socket, next: Next) => next() }
const skipsVerify: Facade = {
  authenticate: (options) => facade.authenticate(options, (_payload, done) => done(null, { name: 'Alice' })),
}
let last: ReturnType<typeof facade.authenticate>
const sharesOptions: Facade = {
  authenticate(options, verify) {
    last = facade.authenticate(options, verify)
    return (socket: Socket, next: Next) => last(socket, next)
  },
}

describe('the checks of socketio-jwt-auth', () => {
  test('pass with the facade', async () => {
    expect(await failures(checks, facade)).toEqual([])
  })

  test.each([
    ['admits all', admitsAll, 'refuses a connection without a token'],
    ['refuses all', made(() => JSON.parse('')), 'admits a valid token of a user'],
    ['skips the signature', made((token) => jwt.decode(token)), 'refuses a forged signature'],
    [
      'ignores expiry',
      made((token, secret) => jwt.verify(token, secret, { ignoreExpiration: true })),
      'refuses an expired token',
    ],
    ['skips verify', skipsVerify, 'asks verify'],
    ['shares its options', sharesOptions, 'keeps the options of its middlewares apart'],
  ])('find the facade that %s', async (_what, mutant, name) => {
    const [check] = checks.filter((each) => each.name === name)
    expect(check && (await failures([check], mutant, 3_000))).toEqual([name])
  })
})
