/** endSocketsWithSessions when stores, logs and applications fail. */

import expressSession, { type SessionData, Store } from 'express-session'
import { AuthError } from 'portcullis'
import { endSocketsWithSessions, type RevokingAuth } from 'portcullis/logout/session-store'
import { describe, expect, test } from 'vitest'
import { fakeTime } from '../harness.ts'

type Done = (error?: unknown) => void

/** A store of somebody's own, which keeps nothing and destroys as it is told. */
class OwnStore extends Store {
  readonly #destroyed: string[] = []
  destroys: (sid: string, done: Done) => unknown
  constructor(destroys: OwnStore['destroys'] = (_sid, done) => setImmediate(done)) {
    super()
    this.destroys = destroys
  }
  override get(_sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    callback(null, null)
  }
  override set(_sid: string, _session: SessionData, callback?: Done): void {
    callback?.()
  }
  override destroy(sid: string, callback?: Done): unknown {
    this.#destroyed.push(sid)
    return this.destroys(sid, (error) => callback?.(error))
  }
}

/** Records what is asked; answers as it is told. */
function recorder(answer: () => Promise<unknown> = async () => {}) {
  const asked: unknown[] = []
  const auth: RevokingAuth = {
    revoke(key, options) {
      asked.push([key, options])
      return answer()
    },
  }
  return { auth, asked, keys: () => asked.map((entry) => (entry as unknown[])[0]) }
}

const destroyed = (store: Store, sid: string) => new Promise<unknown>((resolve) => store.destroy(sid, resolve))
const broken = new Error('the store is broken')
const unavailable = () => Promise.reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'log' }))

/** Process warnings of this test, by their codes. */
async function warningsDuring(work: () => Promise<unknown>): Promise<readonly unknown[]> {
  const codes: unknown[] = []
  const listen = (warning: Error & { code?: string }) => codes.push([warning.code, warning.message])
  process.on('warning', listen)
  await work()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listen)
  return codes
}

describe('order', () => {
  test('the session is destroyed before its sockets are told to come back', async () => {
    const order: string[] = []
    const { auth } = recorder(async () => void order.push('revoked'))
    const store = endSocketsWithSessions(
      new OwnStore((_sid, done) =>
        setImmediate(() => {
          order.push('destroyed')
          done()
        }),
      ),
      auth,
    )
    expect(await destroyed(store, 'sid')).toBeNull()
    expect(order).toEqual(['destroyed', 'revoked'])
  })

  test('a store that keeps private fields, and one whose promise resolves before it has destroyed, work as before', async () => {
    let done: Done = () => {}
    const { auth, keys } = recorder()
    const store = endSocketsWithSessions(
      new OwnStore(async (_sid, callback) => {
        done = callback
      }),
      auth,
    )
    const heard = destroyed(store, 'sid')
    await new Promise((resolve) => setImmediate(resolve))
    expect(keys()).toEqual([])
    done(broken)
    expect(await heard).toBe(broken)
    expect(keys()).toEqual([{ session: 'sid' }])
  })

  test('the receipt is waited for, for maxWaitMs', async () => {
    const { auth, asked } = recorder()
    await destroyed(endSocketsWithSessions(new OwnStore(), auth, { maxWaitMs: 700 }), 'sid')
    expect(asked).toEqual([[{ session: 'sid' }, { timeoutMs: 700 }]])
  })

  test('rememberSeconds says until when, by the clock', async () => {
    const { clock, seconds } = fakeTime()
    const { auth, asked } = recorder()
    await destroyed(endSocketsWithSessions(new OwnStore(), auth, { clock, rememberSeconds: 60 }), 'sid')
    expect(asked).toEqual([[{ session: 'sid' }, { until: seconds() + 60, timeoutMs: 1000 }]])
  })
})

test('a session without an id has no sockets: nothing is revoked', async () => {
  const { auth, keys } = recorder()
  const store = endSocketsWithSessions(new OwnStore(), auth)
  for (const sid of ['', undefined]) expect(await destroyed(store, sid as string)).toBeNull()
  expect(keys()).toEqual([])
})

describe('a store that fails', () => {
  const ways: readonly (readonly [string, OwnStore['destroys']])[] = [
    ['calls back with an error', (_sid, done) => done(broken)],
    [
      'throws',
      () => {
        throw broken
      },
    ],
    ['rejects without calling back', () => Promise.reject(broken)],
  ]
  test.each(ways)('%s: the sockets end all the same, and the callback hears the error', async (_way, destroys) => {
    const { auth, keys } = recorder()
    expect(await destroyed(endSocketsWithSessions(new OwnStore(destroys), auth), 'sid')).toBe(broken)
    expect(keys()).toEqual([{ session: 'sid' }])
  })

  test('never answers: after maxWaitMs the sockets end, and the callback waits for the store as before', async () => {
    const time = fakeTime()
    let done: Done = () => {}
    const { auth, keys } = recorder()
    const store = endSocketsWithSessions(
      new OwnStore((_sid, callback) => {
        done = callback
      }),
      auth,
      { clock: time.clock },
    )
    const heard = destroyed(store, 'sid')
    time.advance(999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(keys()).toEqual([])
    time.advance(1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(keys()).toEqual([{ session: 'sid' }])
    done()
    expect(await heard).toBeNull()
    expect(time.pending()).toBe(0)
  })
})

describe('a revocation that fails', () => {
  test('R15: is told to the callback, and the session is destroyed', async () => {
    const { auth } = recorder(unavailable)
    const sids: string[] = []
    const store = new OwnStore((sid, done) => {
      sids.push(sid)
      done()
    })
    expect(await destroyed(endSocketsWithSessions(store, auth), 'sid')).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    expect(sids).toEqual(['sid'])
  })

  test('is told to onError instead, where there is one, even one that throws', async () => {
    const errors: unknown[] = []
    const onError = (error: unknown) => {
      errors.push(error)
      throw new Error('from onError')
    }
    const store = endSocketsWithSessions(new OwnStore(), recorder(unavailable).auth, { onError })
    expect(await destroyed(store, 'sid')).toBeNull()
    expect(errors).toMatchObject([{ code: 'AUTH_UNAVAILABLE' }])
  })

  test('is a warning without its message, where the callback hears of the store', async () => {
    const store = endSocketsWithSessions(new OwnStore((_sid, done) => done(broken)), recorder(unavailable).auth)
    expect(await warningsDuring(() => destroyed(store, 'sid'))).toEqual([
      ['PORTCULLIS_LOGOUT', 'a logout failed, or did not end its sockets everywhere'],
    ])
  })

  test('without a callback, rejects for whoever waits, and is a warning where nobody does', async () => {
    const store = endSocketsWithSessions(new OwnStore(), recorder(unavailable).auth)
    const ignored = await warningsDuring(async () => {
      const warned = new Promise((resolve) => process.once('warning', resolve))
      store.destroy('sid')
      await warned
    })
    expect(ignored).toMatchObject([['PORTCULLIS_LOGOUT', expect.anything()]])
    await expect(Promise.resolve(store.destroy('sid'))).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' })
  })

  test('an auth that throws or never answers keeps no logout waiting', async () => {
    const time = fakeTime()
    const throwing = endSocketsWithSessions(new OwnStore(), {
      revoke() {
        throw broken
      },
    })
    expect(await destroyed(throwing, 'sid')).toBe(broken)
    const silent = endSocketsWithSessions(
      new OwnStore((_sid, done) => done()),
      { revoke: () => new Promise(() => {}) },
      { clock: time.clock },
    )
    const heard = destroyed(silent, 'sid')
    await new Promise((resolve) => setImmediate(resolve))
    // It was told of one second, and is given a little longer to say how it went.
    time.advance(1249)
    await new Promise((resolve) => setImmediate(resolve))
    expect(time.pending()).toBe(1)
    time.advance(1)
    expect(await heard).toMatchObject({ code: 'AUTH_UNAVAILABLE', reason: 'revocation_timeout' })
  })
})

describe('regenerate and clear', () => {
  test('a store that regenerates in a way of its own ends the sockets of the old session once', async () => {
    const { auth, keys } = recorder()
    const plain = new OwnStore()
    plain.regenerate = (request, callback) => {
      Object.assign(request, { sessionID: 'new' })
      setImmediate(callback)
    }
    const store = endSocketsWithSessions(plain, auth)
    await new Promise((resolve) => store.regenerate({ sessionID: 'old' } as never, resolve))
    expect(keys()).toEqual([{ session: 'old' }])
    const usual = recorder()
    const inheriting = endSocketsWithSessions(new OwnStore(), usual.auth)
    ;(inheriting as unknown as { generate(): void }).generate = () => {}
    await new Promise((resolve) => inheriting.regenerate({ sessionID: 'old' } as never, resolve))
    expect(usual.keys()).toEqual([{ session: 'old' }])
  })

  test('a store that cannot list its sessions clears them, and says that sockets stay', async () => {
    const { auth, keys } = recorder()
    let cleared = 0
    const plain = new OwnStore()
    plain.clear = (callback) => {
      cleared += 1
      callback?.()
    }
    const store = endSocketsWithSessions(plain, auth)
    expect(await new Promise((resolve) => store.clear?.(resolve))).toMatchObject({
      code: 'AUTH_ERROR',
      reason: 'sessions_unlisted',
    })
    expect([cleared, keys()]).toEqual([1, []])
  })

  test('a thousand sessions are ended when the store is cleared, none twice', async () => {
    const { auth, keys } = recorder()
    const plain = new expressSession.MemoryStore()
    for (let i = 0; i < 1000; i += 1) plain.set(`sid-${i}`, { cookie: {} } as never)
    const store = endSocketsWithSessions(plain, auth)
    await new Promise((resolve) => store.clear(resolve))
    expect(new Set(keys().map((key) => (key as { session: string }).session)).size).toBe(1000)
    expect(keys()).toHaveLength(1000)
  })
})

describe('options', () => {
  const auth = recorder().auth
  test.each([
    ['"store"', () => endSocketsWithSessions({} as never, auth)],
    ['"auth"', () => endSocketsWithSessions(new OwnStore(), {} as never)],
    ['"maxWaitMs"', () => endSocketsWithSessions(new OwnStore(), auth, { maxWaitMs: 0 })],
    ['"rememberSeconds"', () => endSocketsWithSessions(new OwnStore(), auth, { rememberSeconds: -1 })],
    ['"onError"', () => endSocketsWithSessions(new OwnStore(), auth, { onError: 1 as never })],
    ['"clock"', () => endSocketsWithSessions(new OwnStore(), auth, { clock: {} as never })],
    ['"maxWait"', () => endSocketsWithSessions(new OwnStore(), auth, { maxWait: 5 } as never)],
  ])('a malformed %s is a TypeError that quotes it', (option, make) => {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(option)
  })

  test('a frozen store is refused, not passed over', () => {
    expect(() => endSocketsWithSessions(Object.freeze(new OwnStore()), auth)).toThrow(TypeError)
  })
})
