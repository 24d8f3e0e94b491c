import { AuthError, type AuthErrorCode, deny, permit } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { next } from '../harness.ts'
import { closing, WRITER, watched } from './revalidation-fixtures.ts'

describe('a session that is looked at again', () => {
  it('S16, P11: closes its sockets with AUTH_REVOKED within the interval once it is gone, and no others', async () => {
    const { enter, logins, pass, chat, audit } = await watched()
    const [mine, also, other] = [await enter('s1'), await enter('s1'), await enter('s2', { subject: 'bob' })]
    const ends = [closing(mine), closing(also)].map(({ closed }) => closed)
    logins.delete('s1')
    await pass(30)
    expect(await Promise.all(ends)).toEqual(['AUTH_REVOKED', 'AUTH_REVOKED'])
    expect([...chat.sockets.keys()]).toEqual([other.id])
    expect(audit.filter(({ code }) => code === 'AUTH_REVOKED')).toHaveLength(2)
  })

  it('that is gone when the lease has ended was not revoked: the lease ends its socket, after its grace', async () => {
    const { enter, logins, pass, store } = await watched({ lease: { graceMs: 60_000, revalidateGraceMs: 600_000 } })
    const { closed } = closing(await enter('s1'))
    store.instead = () => {
      throw new Error('away')
    }
    await pass(310)
    store.instead = null
    logins.delete('s1')
    await pass(120)
    expect(await closed).toBe('AUTH_EXPIRED')
  })

  it.each<[AuthErrorCode, AuthErrorCode]>([
    ['AUTH_CREDENTIAL_MISSING', 'AUTH_REVOKED'],
    ['AUTH_CREDENTIAL_INVALID', 'AUTH_REVOKED'],
    ['AUTH_REVOKED', 'AUTH_REVOKED'],
    ['AUTH_EXPIRED', 'AUTH_EXPIRED'],
    ['AUTH_FORBIDDEN', 'AUTH_FORBIDDEN'],
    ['AUTH_INSUFFICIENT_SCOPE', 'AUTH_INSUFFICIENT_SCOPE'],
  ])('%s closes with %s', async (answer, code) => {
    const { enter, logins, pass } = await watched()
    const { closed } = closing(await enter('s1'))
    logins.set('s1', new AuthError(answer))
    await pass(30)
    expect(await closed).toBe(code)
  })

  it.each([
    ['subject', { subject: 'mallory' }],
    ['issuer', { issuer: 'elsewhere' }],
  ])(
    'S14, W11: closes with AUTH_SUBJECT_CHANGED when it has another %s, which no rule ever sees',
    async (_name, login) => {
      const { enter, logins, pass, judged, audit } = await watched()
      const { closed } = closing(await enter('s1'))
      judged.length = 0
      logins.set('s1', login)
      await pass(30)
      expect(await closed).toBe('AUTH_SUBJECT_CHANGED')
      expect(judged).toEqual([])
      expect(JSON.stringify(audit)).not.toMatch(/mallory|elsewhere/)
    },
  )

  it('S17: has other claims: what its sockets may do and hear is decided anew, on the same connection', async () => {
    const { enter, logins, pass, chat } = await watched()
    const socket = await enter('s1', { claims: WRITER })
    const { id } = socket
    await socket.emitWithAck('auth:join', ['org:acme'])
    expect(await socket.emitWithAck('say')).toBe('said')
    const left = next(socket, 'auth:left')
    logins.set('s1', { claims: { org: 'globex', scope: 'chat:read' } })
    await pass(30)
    expect((await left)[0]).toMatchObject({ room: 'org:acme', code: 'AUTH_FORBIDDEN' })
    expect(await socket.emitWithAck('say')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    const server = chat.sockets.get(id as string)
    expect(server?.data.identity.claims).toEqual({ org: 'globex', scope: 'chat:read' })
    expect([...(server?.rooms ?? [])].sort()).toEqual([id, 'home:globex'].sort())
  })

  it('S17: is closed where the policy no longer permits the connect', async () => {
    const connect = ({ claims }: { claims: { org: string } }) =>
      claims.org === 'acme' ? permit() : deny('AUTH_FORBIDDEN')
    const { enter, logins, pass, errors } = await watched({}, { connect })
    const { closed } = closing(await enter('s1'))
    logins.set('s1', { claims: { org: 'globex', scope: '' } })
    await pass(30)
    expect(await closed).toBe('AUTH_FORBIDDEN')
    expect(errors).toEqual([])
  })

  it('that says the same extends the lease and asks no rule', async () => {
    const { enter, pass, judged, chat, time, asked } = await watched()
    const socket = await enter('s1', { claims: WRITER })
    await socket.emitWithAck('auth:join', ['org:acme'])
    const end = closing(socket)
    judged.length = 0
    const before = chat.sockets.get(socket.id as string)?.data.lease.expiresAt ?? 0
    await pass(30)
    const after = chat.sockets.get(socket.id as string)?.data.lease.expiresAt ?? 0
    expect(after - before).toBeGreaterThan(0)
    expect(after - before).toBeLessThanOrEqual(30)
    // Long past its first end.
    await pass(400)
    expect(time.seconds()).toBeGreaterThan(before)
    expect([end.code, judged]).toEqual([null, []])
    expect(await socket.emitWithAck('say')).toBe('said')
    expect(asked.length).toBeGreaterThanOrEqual(14)
    expect(asked.length).toBeLessThanOrEqual(16)
  })

  it('is found under the names that it can be revoked by now', async () => {
    const { enter, logins, pass, auth } = await watched()
    const socket = await enter('s1', { tag: 'old' })
    const { closed } = closing(socket)
    logins.set('s1', { tag: 'new' })
    await pass(30)
    expect((await auth.revoke({ tag: 'old' })).closed).toBe(0)
    expect((await auth.revoke({ tag: 'new' })).closed).toBe(1)
    expect(await closed).toBe('AUTH_REVOKED')
  })

  it('is closed when it has come under a name that was revoked', async () => {
    const { enter, logins, pass, auth } = await watched()
    const { closed } = closing(await enter('s1', { tag: 'staff' }))
    await auth.revoke({ tag: 'fired' })
    logins.set('s1', { tag: 'fired' })
    await pass(30)
    expect(await closed).toBe('AUTH_REVOKED')
  })

  it('goes on being looked at when its answer names no handle, and under the one that it names', async () => {
    const { enter, store, asked, pass, lookAt } = await watched()
    await enter('s1')
    store.instead = (handles) => handles.map(() => ({ ...(lookAt('s1') as object), handle: undefined }))
    await pass(60)
    expect(asked.slice(0, 2)).toEqual([['s1'], ['s1']])
    store.instead = (handles) => handles.map(() => ({ ...(lookAt('s1') as object), handle: 'rotated' }))
    await pass(30)
    asked.length = 0
    await pass(30)
    expect(asked).toEqual([['rotated']])
  })

  it('is not asked for when its socket was disconnected while it connected', async () => {
    const { enter, chat, pass, asked } = await watched()
    chat.adapter.on('join-room', (room: string, id: string) => {
      if (room === 'home:acme') chat.sockets.get(id)?.disconnect()
    })
    await enter('s1')
    await expect.poll(() => chat.sockets.size).toBe(0)
    await pass(60)
    expect(asked).toEqual([])
  })

  it('is never asked for where it has no handle, or its strategy looks at nothing again', async () => {
    const { enter, pass, asked, time } = await watched()
    await enter('s1', { handle: null })
    const idle = time.pending()
    await pass(100)
    expect([asked, time.pending()]).toEqual([[], idle])
  })
})

describe('a revocation that spares a socket', () => {
  it('still spares it when its session says the same, and closes it when it says something else', async () => {
    const { enter, auth, pass, logins } = await watched()
    const socket = await enter('s1')
    const end = closing(socket)
    await auth.revoke({ issuer: 'sessions', subject: 'alice' }, { exceptSocket: socket.id as string })
    await pass(60)
    expect([end.code, socket.connected]).toEqual([null, true])
    logins.set('s1', { claims: WRITER })
    await pass(30)
    expect(await end.closed).toBe('AUTH_REVOKED')
  })
})

describe('at start-up', () => {
  it.each([
    ['revalidateEveryMs', { revalidateEveryMs: 999 }],
    ['revalidateEveryMs', { revalidateEveryMs: Number.POSITIVE_INFINITY }],
    ['revalidateEveryMs', { revalidateEveryMs: '30000' as never }],
    ['revalidateEveryMs', { revalidateEveryMs: undefined as never }],
    ['revalidate', { revalidate: undefined as never }],
    ['revalidate', { revalidate: 'yes' as never }],
  ])('a strategy with a wrong %s is a TypeError: %o', async (name, spoilt) => {
    const { strategy } = await watched()
    await expect(watched({ strategies: [{ ...strategy, ...spoilt }] })).rejects.toThrow(
      new RegExp(`^"strategies\\[0\\]\\.${name}" must be`),
    )
  })
})
