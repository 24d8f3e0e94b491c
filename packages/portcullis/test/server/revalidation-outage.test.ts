import { AuthError } from 'portcullis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { gate } from '../harness.ts'
import { closing, turns, WRITER, watched } from './revalidation-fixtures.ts'

/** A store that says nothing about anybody. */
const SILENT: Readonly<Record<string, (handles: readonly unknown[]) => unknown>> = {
  'answers AUTH_UNAVAILABLE': (handles) => handles.map(() => new AuthError('AUTH_UNAVAILABLE')),
  'answers AUTH_ERROR': (handles) => handles.map(() => new AuthError('AUTH_ERROR')),
  'answers AUTH_RATE_LIMITED': (handles) => handles.map(() => new AuthError('AUTH_RATE_LIMITED')),
  'rejects with AUTH_UNAVAILABLE': () => Promise.reject(new AuthError('AUTH_UNAVAILABLE')),
  'rejects with a verdict, which is nobody’s': () => Promise.reject(new AuthError('AUTH_CREDENTIAL_INVALID')),
  'throws something else': () => {
    throw new TypeError('a bug')
  },
  'never answers': () => new Promise(() => {}),
  'answers nothing': () => undefined,
  'answers too few': () => [],
  'answers too many': (handles) => [...handles, 1].map(() => new AuthError('AUTH_CREDENTIAL_INVALID')),
  'answers null': (handles) => handles.map(() => null),
  'answers something malformed': (handles) => handles.map(() => ({ identity: { scheme: 'key' }, lease: {} })),
}

describe('X13: a store that', () => {
  it.each(Object.keys(SILENT))(
    '%s ends its sockets with AUTH_UNAVAILABLE a minute after it was last right, and not before',
    async (name) => {
      const { enter, pass, store, asked, errors } = await watched()
      const socket = await enter('s1', { claims: WRITER })
      const end = closing(socket)
      // The first look is a good one.
      while (asked.length === 0) await pass(1)
      store.instead = SILENT[name] ?? null
      await pass(59)
      expect([end.code, socket.connected]).toEqual([null, true])
      // X12: an event is decided under the lease that there is.
      expect(await socket.emitWithAck('say')).toBe('said')
      await pass(1)
      expect(await end.closed).toBe('AUTH_UNAVAILABLE')
      expect(errors.length).toBeGreaterThan(0)
      expect(new Set(errors.map(({ where }) => where))).toEqual(new Set(['revalidation of key']))
    },
  )

  it('comes back in time loses nobody, and is asked again every five seconds or sooner', async () => {
    const { enter, pass, store, asked } = await watched()
    const socket = await enter('s1')
    const end = closing(socket)
    while (asked.length === 0) await pass(1)
    store.instead = SILENT['answers AUTH_UNAVAILABLE'] ?? null
    asked.length = 0
    await pass(55)
    expect(asked.length).toBeGreaterThanOrEqual(6)
    expect(asked.length).toBeLessThanOrEqual(9)
    store.instead = null
    await pass(5)
    asked.length = 0
    await pass(55)
    expect([end.code, socket.connected]).toEqual([null, true])
    expect(asked.length).toBeLessThanOrEqual(2)
  })

  it('comes back with the session gone ends it at the next look', async () => {
    const { enter, pass, store, asked, logins } = await watched()
    const { closed } = closing(await enter('s1'))
    store.instead = SILENT['throws something else'] ?? null
    while (asked.length === 0) await pass(1)
    store.instead = null
    logins.delete('s1')
    await pass(5)
    expect(await closed).toBe('AUTH_REVOKED')
  })

  it('is away for one session is away for no other', async () => {
    const { enter, pass, logins, chat } = await watched()
    const [bad, good, gone] = [await enter('bad'), await enter('good'), await enter('gone')]
    const end = closing(good)
    logins.set('bad', new AuthError('AUTH_UNAVAILABLE'))
    logins.delete('gone')
    await pass(91)
    expect([...chat.sockets.keys()]).toEqual([good.id])
    expect([bad.connected, gone.connected, end.code]).toEqual([false, false, null])
  })
})

describe('X13: the grace', () => {
  it('of 0 is none', async () => {
    const { enter, pass, store, asked } = await watched({ lease: { revalidateGraceMs: 0 } })
    const { closed } = closing(await enter('s1'))
    store.instead = SILENT['rejects with AUTH_UNAVAILABLE'] ?? null
    while (asked.length === 0) await pass(1)
    await pass(30)
    expect(await closed).toBe('AUTH_UNAVAILABLE')
  })

  it('that is shorter than the interval begins when a look fails, and lasts ten seconds', async () => {
    const { enter, pass, store, asked } = await watched({ lease: { revalidateGraceMs: 60_000 } }, {}, 120_000)
    const socket = await enter('s1')
    const end = closing(socket)
    while (asked.length === 0) await pass(1)
    asked.length = 0
    store.instead = SILENT['answers AUTH_UNAVAILABLE'] ?? null
    await pass(129)
    expect([end.code, asked.length]).toEqual([null, expect.any(Number)])
    expect(asked.length).toBeGreaterThanOrEqual(2)
    await pass(1)
    expect(await end.closed).toBe('AUTH_UNAVAILABLE')
  })

  it('holds also for who waits behind a question that is never answered', async () => {
    const { enter, pass, store, chat, asked } = await watched({ limits: { authenticateTimeoutMs: 600_000 } })
    for (let i = 0; i < 5; i += 1) await enter(`s${i}`)
    store.instead = SILENT['never answers'] ?? null
    while (asked.length === 0) await pass(1)
    await pass(60)
    expect([asked.length, chat.sockets.size]).toEqual([1, 0])
  })

  it('and the interval count from when a question was asked, however long it was under way', async () => {
    const { enter, pass, store, asked, lookAt } = await watched()
    const end = closing(await enter('s1'))
    const { promise, open } = gate()
    store.instead = async (handles) => {
      await promise
      return handles.map(lookAt)
    }
    while (asked.length === 0) await pass(1)
    await pass(4)
    open()
    await turns()
    store.instead = SILENT['answers AUTH_UNAVAILABLE'] ?? null
    await pass(25)
    expect(asked).toHaveLength(1)
    await pass(1)
    expect(asked).toHaveLength(2)
    await pass(29)
    expect(end.code).toBeNull()
    await pass(1)
    expect(await end.closed).toBe('AUTH_UNAVAILABLE')
  })

  it('holds while a rule cannot say what follows from other claims', async () => {
    let broken = false
    const memberships = async () => {
      if (broken) throw new Error('the database')
      return ['home']
    }
    const { enter, pass, logins, errors, asked } = await watched({}, { memberships })
    const socket = await enter('s1')
    const end = closing(socket)
    while (asked.length === 0) await pass(1)
    broken = true
    logins.set('s1', { claims: WRITER })
    await pass(30)
    expect(asked).toHaveLength(2)
    await pass(10)
    expect(asked.length).toBeGreaterThanOrEqual(4)
    // As long as no rule can say what follows from the new claims, the old ones count.
    expect(await socket.emitWithAck('say')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(end.code).toBeNull()
    await pass(20)
    expect(await end.closed).toBe('AUTH_UNAVAILABLE')
    expect(errors.map(({ error }) => String(error))).toContain('Error: the database')
  })
})

describe('what fails', () => {
  it('X16: is reported once for a question, not once for each session, and without a handle', async () => {
    const { enter, pass, store, asked, errors } = await watched()
    for (let i = 0; i < 20; i += 1) await enter(`session-${i}`)
    const cause = new Error('ECONNREFUSED')
    store.instead = (handles) => handles.map(() => new AuthError('AUTH_UNAVAILABLE', { cause }))
    await pass(40)
    expect(asked.flat().length).toBeGreaterThan(asked.length)
    expect(errors.length).toBe(asked.length)
    expect(errors.every(({ error }) => error === cause)).toBe(true)
    expect(JSON.stringify(errors)).not.toContain('session-')
  })

  it('those who have to go do not wait for the rules of those who stay', async () => {
    const { promise, open } = gate()
    let slow = false
    const memberships = async () => {
      if (slow) await promise
      return []
    }
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5)
    onTestFinished(() => random.mockRestore())
    const { enter, pass, logins, asked } = await watched({}, { memberships })
    const stays = closing(await enter('stays'))
    const { closed } = closing(await enter('goes'))
    slow = true
    logins.set('stays', { claims: WRITER })
    logins.delete('goes')
    while (asked.length === 0) await pass(1)
    expect(asked).toEqual([['stays', 'goes']])
    expect(await closed).toBe('AUTH_REVOKED')
    open()
    await turns()
    expect(stays.code).toBeNull()
  })
})
