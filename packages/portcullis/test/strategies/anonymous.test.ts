import { anonymous } from 'portcullis/strategies/anonymous'
import { handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { connecting, keys, next, outcome, start } from '../harness.ts'

const CONNECT = { namespace: '/chat', auth: {} }

describe('the anonymous strategy keeps the contract of strategies', () => {
  const cases = strategyContract({
    strategy: () => anonymous(),
    good: () => ({ handshake: handshakeOf(), connect: null }),
    missing: () => ({ handshake: handshakeOf(), connect: CONNECT }),
    bad: [],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('a visitor', () => {
  test('is identified by issuer and scheme, without claims, until it leaves', async () => {
    const answer = await anonymous().authenticate(handshakeOf({ issued: 1_700_000_000_500 }), null)
    expect(answer).toEqual({
      identity: {
        scheme: 'anonymous',
        issuer: 'anonymous',
        subject: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
        claims: {},
      },
      lease: { id: answer?.identity.subject, issuedAt: 1_700_000_000.5, expiresAt: null },
    })
  })

  test('is another one on each connection, and the same on all namespaces of one', async () => {
    const strategy = anonymous()
    const subjects = new Set<string | undefined>()
    for (let i = 0; i < 1000; i += 1) {
      subjects.add((await strategy.authenticate(handshakeOf({ issued: 0 }), null))?.identity.subject)
    }
    expect(subjects.size).toBe(1000)
    const handshake = handshakeOf()
    expect(await strategy.authenticate(handshake, null)).toBe(await strategy.authenticate(handshake, null))
  })

  test('is nobody in a CONNECT packet, whatever that holds', async () => {
    for (const auth of [{}, { token: 'x' }, { anonymous: true }]) {
      expect(await anonymous().authenticate(handshakeOf(), { namespace: '/', auth })).toBeNull()
    }
  })

  test('leaves after leaseSeconds where that is set', async () => {
    const strategy = anonymous({ leaseSeconds: 60 })
    const answer = await strategy.authenticate(handshakeOf({ issued: 5_000 }), null)
    expect([answer?.lease.expiresAt, strategy.maxLifetimeSeconds]).toEqual([65, 60])
  })

  test('Z10: is not configured by accident', () => {
    for (const leaseSeconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '60']) {
      expect(() => anonymous({ leaseSeconds: leaseSeconds as number })).toThrow(
        new TypeError('"leaseSeconds" must be a number above 0'),
      )
    }
    expect(() => anonymous({ subject: 'guest' } as never)).toThrow('"subject" is not an option of anonymous()')
  })
})

describe('behind a strategy that reads keys, on a real server', () => {
  const opened = async () => {
    const records = new Map([['alice-key', { subject: 'alice' }]])
    const handled: string[] = []
    const server = await start({ strategies: [keys(records), anonymous() as never] })
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    chat.on('connection', (socket) => {
      const { scheme, subject } = socket.data.identity
      handled.push(scheme)
      socket.emit('you are', { scheme: scheme as string, subject })
    })
    return { ...server, handled }
  }
  const whoIs = async (client: ReturnType<Awaited<ReturnType<typeof start>>['client']>) =>
    (await next(client, 'you are'))[0] as { scheme: string; subject: string }

  test('whoever presents nothing is a visitor, each its own', async () => {
    const { client } = await opened()
    const [first, second] = await Promise.all([whoIs(client('/chat')), whoIs(client('/chat'))])
    expect([first.scheme, second.scheme]).toEqual(['anonymous', 'anonymous'])
    expect(first.subject).not.toBe(second.subject)
  })

  test('a good key counts, in the CONNECT packet or in a header', async () => {
    const { client } = await opened()
    const inPacket = await whoIs(client('/chat', { auth: { token: 'alice-key' } }))
    const inHeader = await whoIs(client('/chat', { extraHeaders: { authorization: 'Bearer alice-key' } }))
    const alice = { scheme: 'key', subject: 'alice' }
    expect([inPacket, inHeader]).toEqual([alice, alice])
  })

  test('a bad key is refused with AUTH_CREDENTIAL_INVALID, and never falls to anonymous', async () => {
    const { client, get, handled, audit, errors, io } = await opened()
    const bad = 'not-a-key-of-anybody'
    const refused = await outcome(client('/chat', { auth: { token: bad } }))
    expect([refused?.code, refused?.retry]).toEqual(['AUTH_CREDENTIAL_INVALID', 'refresh'])
    const answer = await get('/socket.io/?EIO=4&transport=polling', { authorization: `Bearer ${bad}` })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
    expect(handled).toEqual([])
    expect(connecting(io.of('/chat'))).toBe(0)
    expect(`${JSON.stringify([audit, refused, errors])}${answer.body}`).not.toContain(bad)
  })

  test('a visitor who is revoked goes, and the others stay', async () => {
    const { client, auth } = await opened()
    const [leaving, staying] = [client('/chat'), client('/chat')]
    const [{ subject }] = await Promise.all([whoIs(leaving), whoIs(staying)])
    const closed = next(leaving, 'disconnect')
    expect((await auth.revoke({ issuer: 'anonymous', subject })).closed).toBe(1)
    await closed
    expect(staying.connected).toBe(true)
  })
})
