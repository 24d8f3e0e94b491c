import { socketIOAuth } from 'portcullis/compat/socketio-auth'
import { describe, expect, test } from 'vitest'
import { checks, type Facade } from './checks.ts'

/** Answers every attempt so, and withholds nothing. */
const answering =
  (event: string, argument: unknown): Facade =>
  (io) => {
    for (const name of ['/', '/admin']) {
      io.of(name).on('connection', (socket) => socket.on('authentication', () => socket.emit(event, argument)))
    }
  }

/** Wrong facades, each with the checks that it must fail. */
const mutants: Record<string, readonly [Facade, readonly string[]]> = {
  'admits everybody': [
    answering('authenticated', true),
    ['answers a wrong password with unauthorized, and disconnects', 'survives a client that sends no data'],
  ],
  'refuses everybody': [
    answering('unauthorized', { message: 'Authentication failure' }),
    ['answers the right password with authenticated', 'answers a wrong password with unauthorized, and disconnects'],
  ],
  'withholds nothing': [
    answering('authenticated', true),
    ['keeps broadcasts and events from a client that has not authenticated, in every namespace'],
  ],
  'has no time-out': [
    (io, options) => socketIOAuth(io, { ...options, timeout: 'none' }),
    ['disconnects a client that does not authenticate in time'],
  ],
  'takes any answer for a yes': [
    (io, options) =>
      socketIOAuth(io, {
        ...options,
        authenticate: (socket, data, done) => options.authenticate(socket, data ?? {}, () => done(null, true)),
      }),
    ['answers a wrong password with unauthorized, and disconnects', 'survives a client that sends no data'],
  ],
  'guards the main namespace only': [
    (io, options) => {
      const only = { _nsps: new Map([['/', io.of('/')]]), on: () => {} }
      socketIOAuth(only as never, options)
    },
    ['keeps broadcasts and events from a client that has not authenticated, in every namespace'],
  ],
}

describe.each(Object.entries(mutants))('a facade that %s', (_name, [mutant, failing]) => {
  test.each(failing)('fails: %s', async (name) => {
    const check = checks[name]
    if (check === undefined) throw new Error(`no check is called ${name}`)
    const patience = new Promise<never>((_resolve, reject) => setTimeout(reject, 700, new Error('waited in vain')))
    await expect(Promise.race([check(mutant), patience])).rejects.toThrow()
  })
})
