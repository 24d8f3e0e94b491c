import { AuthError, type Strategy } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { keys, next, ORIGIN, outcome, type User } from '../harness.ts'
import { leased, listenTo, refresh, refused, revocableByToken, settled } from './lease-fixtures.ts'

const writer = { org: 'acme', scope: 'chat:read chat:write' }
const reader = { org: 'acme', scope: 'chat:read' }

describe('auth:refresh', () => {
  it('R06: extends the lease of the same socket, which keeps its id and its rooms', async () => {
    const { key, enter, time, begin, chat, audit } = await leased()
    const socket = await enter(key('first', 60, { claims: writer }))
    await socket.emitWithAck('auth:join', ['org:acme', 'open:1'])
    const { id } = socket
    time.advance(31_000)
    key('second', 600, { claims: writer, issuedAt: time.seconds() })
    expect(await refresh(socket, { token: 'second' })).toEqual({ expiresAt: begin + 600, joined: [], left: [] })
    expect(socket.id).toBe(id)
    const serverSocket = chat.sockets.get(id as string)
    expect([...(serverSocket?.rooms ?? [])].sort()).toEqual([id, 'home:acme', 'open:1', 'org:acme'].sort())
    expect(serverSocket?.data.lease).toMatchObject({ issuedAt: begin + 31, expiresAt: begin + 600 })
    expect(audit.at(-1)).toMatchObject({
      stage: 'refresh',
      effect: 'permit',
      socketId: id,
      identity: { subject: 'alice' },
    })
    const heard = listenTo(socket)
    time.advance(500_000)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ expiresAt: begin + 600, rooms: expect.any(Array) })
    expect(heard).toEqual([])
  })

  it('R06: what the rules see afterwards is the new identity and lease', async () => {
    const { key, enter, chat, handled } = await leased()
    const socket = await enter(key('reader', 60, { claims: reader }))
    expect(await socket.emitWithAck('say')).toEqual(refused('AUTH_FORBIDDEN'))
    await refresh(socket, { token: key('writer', 120, { claims: writer }) })
    socket.emit('say')
    await settled(socket)
    expect(handled).toEqual(['say'])
    expect(chat.sockets.get(socket.id as string)?.data.identity.claims).toEqual(writer)
  })

  it('R07, A26: fewer scopes: rooms that are no longer permitted are left, and events are refused', async () => {
    const { key, enter, chat, handled } = await leased()
    const socket = await enter(key('writer', 60, { claims: writer }))
    await socket.emitWithAck('auth:join', ['org:acme', 'open:1'])
    const heard = listenTo(socket)
    const answer = await refresh(socket, { token: key('other', 60, { claims: { org: 'globex', scope: 'chat:read' } }) })
    expect(answer).toEqual({ expiresAt: expect.any(Number), joined: ['home:globex'], left: ['home:acme', 'org:acme'] })
    expect(heard).toEqual([['auth:left', expect.objectContaining({ code: 'AUTH_FORBIDDEN', room: 'org:acme' })]])
    chat.to(['org:acme', 'home:acme']).emit('secret')
    expect(await socket.emitWithAck('say')).toEqual(refused('AUTH_FORBIDDEN'))
    expect([heard.length, handled]).toEqual([1, []])
    expect((await socket.emitWithAck('auth:whoami')).rooms).toEqual(['home:globex', 'open:1'])
  })

  it.each([
    ['of another subject', { subject: 'mallory' }, 'AUTH_SUBJECT_CHANGED', 'never'],
    ['that is older', { issuedAt: 1 }, 'AUTH_CREDENTIAL_INVALID', 'refresh'],
    ['that has expired', { expiresAt: 1 }, 'AUTH_EXPIRED', 'refresh'],
    ['that nobody knows', null, 'AUTH_CREDENTIAL_INVALID', 'refresh'],
  ])('R07: a credential %s is refused, and the old one keeps until its own end', async (_name, record, code, retry) => {
    const { key, enter, time, records, audit, handled } = await leased()
    const socket = await enter(key('first', 60, { claims: writer }))
    if (record !== null) key('second', 600, record)
    expect(await refresh(socket, { token: 'second' })).toEqual({ error: { code, message: expect.any(String), retry } })
    expect(audit.at(-1)).toMatchObject({ stage: 'refresh', effect: 'deny', code, identity: { subject: 'alice' } })
    expect(JSON.stringify(audit)).not.toContain('mallory')
    expect(records.has('second')).toBe(record !== null)
    socket.emit('say')
    await settled(socket)
    expect(handled).toEqual(['say'])
    const closed = next(socket, 'auth:closed')
    time.advance(61_000)
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_EXPIRED' })
  })

  it('R07: a credential of another issuer with the same subject is refused with AUTH_SUBJECT_CHANGED', async () => {
    const records = new Map([
      ['here', { subject: 'alice' }],
      ['there', { subject: 'alice' }],
    ])
    const base = keys(records)
    const strategy: Strategy<User> = {
      ...base,
      async authenticate(handshake, connect) {
        const found = await base.authenticate(handshake, connect)
        if (found === null || connect?.auth.token !== 'there') return found
        return { ...found, identity: { ...found.identity, issuer: 'https://other.example' } }
      },
    }
    const { enter } = await leased({ strategies: [strategy] })
    const socket = await enter('here')
    expect(await refresh(socket, { token: 'there' })).toEqual(refused('AUTH_SUBJECT_CHANGED'))
  })

  it('R07: a credential that was revoked itself is refused with AUTH_REVOKED, and the old one holds', async () => {
    const records = new Map(['first', 'second'].map((name) => [name, { subject: 'alice', claims: writer }]))
    const { enter, auth, handled } = await leased({ strategies: [revocableByToken(keys(records))] })
    const socket = await enter('first')
    await auth.revoke({ tokenId: 'second' })
    expect(await refresh(socket, { token: 'second' })).toEqual(refused('AUTH_REVOKED'))
    socket.emit('say')
    await settled(socket)
    expect(handled).toEqual(['say'])
  })

  it('is reached afterwards by what revokes the new credential, and no longer by what revokes the old one', async () => {
    const records = new Map(['first', 'second'].map((name) => [name, { subject: 'alice' }]))
    const { enter, auth } = await leased({ strategies: [revocableByToken(keys(records))] })
    const socket = await enter('first')
    await refresh(socket, { token: 'second' })
    expect((await auth.revoke({ tokenId: 'first' })).closed).toBe(0)
    expect((await auth.revoke({ tokenId: 'second' })).closed).toBe(1)
  })

  it('R07: a strategy that cannot answer is AUTH_UNAVAILABLE, which takes nothing away', async () => {
    const strategies = [keys(new Map([['first', { subject: 'alice', claims: writer }]]))]
    const [base] = strategies as [Strategy<User>]
    let away = false
    const strategy: Strategy<User> = {
      ...base,
      authenticate: async (...args) => {
        if (away) throw new AuthError('AUTH_UNAVAILABLE', { reason: 'store' })
        return base.authenticate(...args)
      },
    }
    const { enter, handled, time } = await leased({ strategies: [strategy], limits: { maxConnectFailures: 2 } })
    const socket = await enter('first')
    away = true
    for (let i = 0; i < 4; i += 1) {
      time.advance(5_000)
      expect(await refresh(socket, { token: 'first' })).toEqual(refused('AUTH_UNAVAILABLE'))
    }
    socket.emit('say')
    await settled(socket)
    expect(handled).toEqual(['say'])
  })

  it('with {} looks again at the credential of the handshake, a cookie as well', async () => {
    const { key, client, begin, records } = await leased()
    key('cookie-key', 60)
    const socket = client('/chat', { extraHeaders: { cookie: 'key=cookie-key', origin: ORIGIN } })
    expect(await outcome(socket)).toBeNull()
    key('cookie-key', 900, { claims: { org: 'globex', scope: '' } })
    expect(await refresh(socket, {})).toEqual({
      expiresAt: begin + 900,
      joined: ['home:globex'],
      left: ['home:acme'],
    })
    records.delete('cookie-key')
    expect(await refresh(socket, {})).toEqual(refused('AUTH_CREDENTIAL_INVALID'))
  })

  it('with {} is AUTH_CREDENTIAL_MISSING where the handshake carried none', async () => {
    const { key, enter } = await leased()
    const socket = await enter(key('first', 60))
    expect(await refresh(socket, {})).toEqual(refused('AUTH_CREDENTIAL_MISSING'))
  })

  it.each([
    ['nothing', [], 'AUTH_ARGUMENTS_INVALID'],
    ['null', [null], 'AUTH_ARGUMENTS_INVALID'],
    ['a string', ['second'], 'AUTH_ARGUMENTS_INVALID'],
    ['a number', [7], 'AUTH_ARGUMENTS_INVALID'],
    ['an array', [[{ token: 'second' }]], 'AUTH_ARGUMENTS_INVALID'],
    ['a nested auth', [{ auth: { token: 'second' } }], 'AUTH_CREDENTIAL_MISSING'],
    ['an object as token', [{ token: { token: 'second' } }], 'AUTH_CREDENTIAL_INVALID'],
    ['a prototype', [JSON.parse('{"__proto__":{"token":"second"}}')], 'AUTH_CREDENTIAL_MISSING'],
    ['a hundred thousand characters', [{ token: 'x'.repeat(100_000) }], 'AUTH_CREDENTIAL_INVALID'],
    ['bytes', [{ token: Buffer.from('second') }], 'AUTH_CREDENTIAL_INVALID'],
  ])('with %s is refused, and the socket goes on', async (_name, args, code) => {
    const { key, enter, errors } = await leased()
    const socket = await enter(key('first', 60))
    key('second', 600)
    expect(await refresh(socket, ...args)).toEqual(refused(code))
    expect(await refresh(socket, { token: 'second' }, 'and more')).toMatchObject({ joined: [] })
    expect(errors).toEqual([])
  })

  it('without an acknowledgement extends the lease all the same, and tells of a refusal by auth:denied', async () => {
    const { key, enter, begin } = await leased()
    const socket = await enter(key('first', 60))
    key('second', 600)
    socket.emit('auth:refresh', { token: 'second' })
    await expect.poll(async () => (await socket.emitWithAck('auth:whoami')).expiresAt).toBe(begin + 600)
    const denied = next(socket, 'auth:denied')
    socket.emit('auth:refresh', { token: 'unknown' })
    expect((await denied)[0]).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID', event: 'auth:refresh' })
  })

  it('R08: is AUTH_RATE_LIMITED from an address that has failed too often, and takes nothing away', async () => {
    const { key, enter, client } = await leased({ limits: { failuresPerMinute: 3 } })
    const socket = await enter(key('first', 60))
    for (let i = 0; i < 3; i += 1)
      expect((await outcome(client('/chat', { auth: { token: 'bad' } })))?.code).toBe('AUTH_CREDENTIAL_INVALID')
    expect(await refresh(socket, { token: 'first' })).toEqual(refused('AUTH_RATE_LIMITED'))
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })

  it('many refusals over time close no connection whose other refreshes succeed', async () => {
    const { key, enter, time } = await leased({ limits: { maxConnectFailures: 3 } })
    const socket = await enter(key('first', null))
    for (let i = 0; i < 8; i += 1) {
      time.advance(5_000)
      expect(await refresh(socket, { token: 'bad' })).toEqual(refused('AUTH_CREDENTIAL_INVALID'))
      time.advance(5_000)
      expect(await refresh(socket, { token: 'first' })).toMatchObject({ joined: [] })
    }
    expect(socket.connected).toBe(true)
  })
})
