import { AuthError, deny, type Policy, permit, permitIf, type ReloadOptions } from 'portcullis'
import { fromAuth, readOne } from 'portcullis/strategies/from'
import type { Socket as ClientSocket } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { fakeTime, type KeyRecord, keys, next, ORIGIN, outcome, start, type User } from '../harness.ts'
import { listenTo, refresh, refused, settled } from './lease-fixtures.ts'

type ChatPolicy = Policy<User, Record<string, never>, string>

const OPEN: ChatPolicy = {
  events: { say: () => permit(), hum: () => permit() },
  rooms: { 'team:{name}': () => permit() },
  memberships: ({ claims }) => [`org:${claims.org}`],
}

async function chat(policy: ChatPolicy = OPEN, options: Parameters<typeof start>[0] = {}) {
  const harness = await start(options)
  const namespace = harness.auth.protect(harness.io.of('/chat'), policy)
  const said: unknown[] = []
  namespace.on('connection', (socket) => socket.onAny((event) => said.push(event)))
  async function enter(token = 'alice-key', path = '/chat', extraHeaders: Record<string, string> = {}) {
    const socket = harness.client(path, { auth: { token }, extraHeaders })
    expect(await outcome(socket)).toBeNull()
    return socket
  }
  /** Only that much is replaced. */
  const replace = (changes: Partial<ChatPolicy>) =>
    harness.auth.reload({ policies: [[namespace, { ...policy, ...changes }]] })
  return { ...harness, namespace, said, enter, replace }
}

function named(heard: unknown[][], event: string) {
  return heard.filter(([name]) => name === event).map(([, body]) => body)
}

async function rooms(client: ClientSocket): Promise<readonly string[]> {
  return (await client.emitWithAck('auth:whoami')).rooms
}

describe('a policy replaced while sockets are connected', () => {
  it('refuses at once an event that it has no rule for, and permits one that it has', async () => {
    const { enter, said, replace } = await chat()
    const client = await enter()
    await replace({ events: { hum: () => permit() } })
    expect(await client.emitWithAck('say', 1)).toEqual(refused('AUTH_FORBIDDEN'))
    client.emit('hum')
    await settled(client)
    expect(said).toEqual(['hum'])
  })

  it('closes whom its connect rule denies with the code of the rule, and nobody else', async () => {
    const { enter, replace, audit } = await chat()
    const [alice, bob] = [await enter(), await enter('bob-key')]
    const heard = listenTo(alice)
    const gone = next(alice, 'disconnect')
    const answer = await replace({
      connect: ({ identity }) => (identity.subject === 'alice' ? deny('AUTH_INSUFFICIENT_SCOPE') : permit()),
    })
    expect(answer).toEqual({ checked: 2, closed: 1, left: 0, gained: 0, undecided: 0, tookMs: expect.any(Number) })
    await gone
    expect(named(heard, 'auth:closed')).toEqual([expect.objectContaining({ code: 'AUTH_INSUFFICIENT_SCOPE' })])
    expect(audit.filter(({ stage }) => stage === 'reload')).toMatchObject([
      { effect: 'deny', code: 'AUTH_INSUFFICIENT_SCOPE', rule: 'connect', identity: { subject: 'alice' } },
    ])
    expect(audit.some(({ stage }) => stage === 'expire')).toBe(false)
    expect(await rooms(bob)).toEqual(['org:globex'])
  })

  it('takes a client out of a room that it does not permit, by auth:left, and leaves the other', async () => {
    const { enter, replace, audit, namespace } = await chat()
    const client = await enter()
    const heard = listenTo(client)
    await client.emitWithAck('auth:join', ['team:red', 'team:blue'])
    const answer = await replace({
      rooms: { 'team:{name}': ({ params }) => permitIf((params as { name: string }).name === 'blue') },
    })
    expect(answer).toMatchObject({ checked: 1, closed: 0, left: 1, gained: 0, undecided: 0 })
    namespace.to('team:red').emit('news', 'red')
    namespace.to('team:blue').emit('news', 'blue')
    await settled(client)
    expect(named(heard, 'auth:left')).toMatchObject([{ room: 'team:red', code: 'AUTH_FORBIDDEN', retry: 'never' }])
    expect(named(heard, 'news')).toEqual(['blue'])
    expect(audit).toContainEqual(
      expect.objectContaining({ stage: 'reload', room: 'team:red', code: 'AUTH_FORBIDDEN', rule: 'grant' }),
    )
  })

  it('asks memberships again: rooms are left and joined', async () => {
    const { enter, replace, audit } = await chat()
    const client = await enter()
    const heard = listenTo(client)
    expect(await replace({ memberships: () => ['everyone', 'readers'] })).toMatchObject({ left: 1, gained: 2 })
    expect((await rooms(client)).toSorted()).toEqual(['everyone', 'readers'])
    expect(named(heard, 'auth:left')).toMatchObject([{ room: 'org:acme' }])
    expect(named(heard, 'auth:joined')).toEqual([{ rooms: ['everyone', 'readers'] }])
    expect(audit).toContainEqual(expect.objectContaining({ stage: 'reload', room: 'org:acme', rule: 'memberships' }))
  })

  it('ends a lease no later than its connect rule says', async () => {
    const { enter, replace, namespace } = await chat()
    const client = await enter()
    const end = Math.floor(Date.now() / 1000) + 500
    await replace({ connect: () => permit({ expiresAt: end }) })
    expect((await client.emitWithAck('auth:whoami')).expiresAt).toBe(end)
    expect([...namespace.sockets.values()][0]?.data.lease.expiresAt).toBe(end)
  })

  it('keeps what a rule cannot decide, puts the rest into force, and asks again until it can', async () => {
    let broken = true
    const { enter, replace, errors } = await chat()
    const client = await enter()
    const heard = listenTo(client)
    await client.emitWithAck('auth:join', ['team:red', 'team:blue'])
    const answer = await replace({
      rooms: {
        'team:{name}': ({ params }) => {
          if ((params as { name: string }).name === 'red') return deny()
          if (broken) throw new AuthError('AUTH_UNAVAILABLE')
          return deny()
        },
      },
      memberships: () => {
        if (broken) throw new Error('database away')
        return ['everyone']
      },
    })
    expect(answer).toMatchObject({ checked: 1, closed: 0, left: 1, gained: 0, undecided: 1 })
    expect((await rooms(client)).toSorted()).toEqual(['org:acme', 'team:blue'])
    expect(errors.map(({ where }) => where)).toContain('memberships of /chat')
    broken = false
    await expect.poll(() => rooms(client), { timeout: 5_000 }).toEqual(['everyone'])
    expect(named(heard, 'auth:closed')).toEqual([])
  })

  it('judges sockets of dynamic namespaces by the policy of their parent', async () => {
    const { auth, io, enter } = await chat(OPEN, {})
    io._opts.cleanupEmptyChildNamespaces = true
    const parent = io.of(/^\/tenant-\d+$/)
    auth.protect(parent, OPEN as never)
    const client = await enter('alice-key', '/tenant-1')
    const gone = next(client, 'disconnect')
    expect(await auth.reload({ policies: [[parent, { ...OPEN, connect: () => deny() }]] })).toMatchObject({ closed: 1 })
    await gone
  })
})

describe('strategies replaced', () => {
  it('closes whose scheme is gone with AUTH_EXPIRED, so that they refresh', async () => {
    const { auth, enter, audit } = await chat()
    const client = await enter()
    const heard = listenTo(client)
    const gone = next(client, 'disconnect')
    const other = { ...keys(new Map()), scheme: 'other' as const }
    expect(await auth.reload({ strategies: [other] })).toMatchObject({ checked: 1, closed: 1 })
    await gone
    expect(named(heard, 'auth:closed')).toMatchObject([{ code: 'AUTH_EXPIRED', retry: 'refresh' }])
    expect(audit).toContainEqual(expect.objectContaining({ stage: 'reload', code: 'AUTH_EXPIRED', rule: 'strategies' }))
  })

  it('keeps the lease of whose scheme is still there, and presents the next credential to the new strategy', async () => {
    const { auth, enter, client: connect } = await chat()
    const client = await enter()
    const now = new Map<string, KeyRecord>([['rotated', { subject: 'alice', expiresAt: 4_000_000_000 }]])
    expect(await auth.reload({ strategies: [keys(now)] })).toMatchObject({ checked: 1, closed: 0, left: 0 })
    expect(await refresh(client, { token: 'alice-key' })).toEqual(refused('AUTH_CREDENTIAL_INVALID'))
    expect(await refresh(client, { token: 'rotated' })).toMatchObject({ expiresAt: 4_000_000_000 })
    expect(await outcome(connect('/chat', { auth: { token: 'bob-key' } }))).toMatchObject({
      code: 'AUTH_CREDENTIAL_INVALID',
    })
  })

  it('looks again, from now on, by the new strategy', async () => {
    const records = new Map<string, KeyRecord>([['alice-key', { subject: 'alice' }]])
    const looked: string[] = []
    const revalidated = (name: string) => ({
      ...keys(records),
      revalidateEveryMs: 1_000,
      async authenticate(...args: Parameters<ReturnType<typeof keys>['authenticate']>) {
        const found = await keys(records).authenticate(...args)
        return found && { ...found, handle: 'alice' }
      },
      async revalidate(handles: readonly unknown[]) {
        looked.push(name)
        return handles.map(() => new AuthError('AUTH_REVOKED'))
      },
    })
    const time = fakeTime()
    const { auth, enter } = await chat(OPEN, { clock: time.clock, strategies: [revalidated('old')] })
    const client = await enter()
    const gone = next(client, 'disconnect')
    await auth.reload({ strategies: [revalidated('new')] })
    time.advance(2_000)
    await gone
    expect(looked).toEqual(['new'])
  })

  it('takes credentials of a strategy that is gone out of the handshake all the same', async () => {
    const records = new Map<string, KeyRecord>([['alice-key', { subject: 'alice' }]])
    const from = [fromAuth('ticket')]
    const other = {
      ...keys(records),
      from,
      async authenticate(...[handshake, connect]: Parameters<ReturnType<typeof keys>['authenticate']>) {
        if (readOne(from, handshake, connect) === null) return null
        return {
          identity: { scheme: 'key' as const, issuer: 'x', subject: 'y', claims: { org: '', scope: '' } },
          lease: { id: 'y', issuedAt: 0, expiresAt: null },
        }
      },
    }
    const { auth, io, client: connect } = await chat()
    await auth.reload({ strategies: [other] })
    const client = connect('/chat', { auth: { ticket: 'new', token: 'alice-key' } })
    expect(await outcome(client)).toBeNull()
    expect([...io.of('/chat').sockets.values()].map(({ handshake }) => handshake.auth)).toEqual([{}])
  })
})

describe('origins replaced', () => {
  it('closes the sockets of a page that is gone, and refuses its next handshake', async () => {
    const { auth, enter, get } = await chat()
    const [page, program] = [await enter('alice-key', '/chat', { Origin: ORIGIN }), await enter('bob-key')]
    const heard = listenTo(page)
    const gone = next(page, 'disconnect')
    expect(await auth.reload({ origins: ['https://new.example'] })).toMatchObject({ checked: 1, closed: 1 })
    await gone
    expect(named(heard, 'auth:closed')).toMatchObject([{ code: 'AUTH_ORIGIN_REFUSED', retry: 'never' }])
    expect((await get('/socket.io/?EIO=4&transport=polling', { Origin: ORIGIN })).status).toBe(403)
    expect((await get('/socket.io/?EIO=4&transport=polling', { Origin: 'https://new.example' })).status).toBe(200)
    expect(await rooms(program)).toEqual(['org:globex'])
  })
})

describe('replaceAll', () => {
  it('closes namespaces that are left out, and protects new ones by name', async () => {
    const { auth, io, enter, client: connect } = await chat()
    auth.protect(io.of('/old'), OPEN)
    const [old, kept] = [await enter('alice-key', '/old'), await enter('bob-key')]
    const heard = listenTo(old)
    const gone = next(old, 'disconnect')
    const answer = await auth.reload({
      replaceAll: true,
      policies: new Map<string, ChatPolicy>([
        ['/chat', OPEN],
        ['/new', OPEN],
      ]),
    })
    expect(answer).toMatchObject({ checked: 2, closed: 1 })
    await gone
    expect(named(heard, 'auth:closed')).toMatchObject([{ code: 'AUTH_FORBIDDEN' }])
    expect(await outcome(connect('/old', { auth: { token: 'alice-key' } }))).toMatchObject({ code: 'AUTH_FORBIDDEN' })
    expect(await rooms(await enter('alice-key', '/new'))).toEqual(['org:acme'])
    expect(await rooms(kept)).toEqual(['org:globex'])
    await auth.reload({ policies: [['/new', { events: {} }]] })
    expect(await auth.reload({ replaceAll: true, policies: [['/old', OPEN]] })).toMatchObject({ closed: 2 })
    expect(await rooms(await enter('alice-key', '/old'))).toEqual(['org:acme'])
  })
})

describe('a reload that is wrong', () => {
  const wrong: readonly [string, unknown][] = [
    ['reload: the options must be an object', null],
    ['"polices" is not an option of reload', { polices: [] }],
    ['"strategies" must be a non-empty array', { strategies: [] }],
    ['"strategies[0]" must be a strategy', { strategies: [{}] }],
    ['"origins": "app.example" must be an origin', { origins: ['app.example'] }],
    ['"origins" must not contain "*" while a strategy reads cookies', { origins: ['*'] }],
    ['"policies" must be a Map, or a list', { policies: 7 }],
    ['"policies" must be a Map, or a list', { policies: ['/chat'] }],
    ['"policies": each must name a namespace', { policies: [['chat', OPEN]] }],
    [
      '"policies": "/chat" is named twice',
      {
        policies: [
          ['/chat', OPEN],
          ['/chat', OPEN],
        ],
      },
    ],
    ['"policies": "/other" is not protected', { policies: [['/other', OPEN]] }],
    ['policy of "/chat": "events" must be', { policies: [['/chat', {}]] }],
    ['"replaceAll" needs "policies"', { replaceAll: true }],
    ['"replaceAll" must be true or false', { replaceAll: 1 }],
  ]

  it('is a TypeError that quotes the option, and changes nothing, not even what is right beside it', async () => {
    const { auth, enter } = await chat()
    const client = await enter()
    const right = {
      strategies: [{ ...keys(new Map()), scheme: 'other' }],
      policies: [['/chat', { ...OPEN, connect: () => deny() }]],
    }
    for (const [message, options] of wrong) {
      for (const given of options === null ? [null] : [options, { ...right, ...(options as object) }]) {
        // Beside policies, `replaceAll` is right.
        if (message.includes('needs') && given !== options) continue
        const attempt = auth.reload(given as ReloadOptions<User>)
        await expect(attempt).rejects.toThrow(TypeError)
        await expect(attempt).rejects.toThrow(message)
      }
    }
    expect(await client.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice', rooms: ['org:acme'] })
  })

  it('is refused after close()', async () => {
    const { auth } = await chat()
    await auth.close()
    await expect(auth.reload({})).rejects.toThrow('reload: this guard was closed')
  })

  it('leaves a guard that waits for credentials with a strategy that reads them', async () => {
    const { auth } = await chat(OPEN, { deferMs: 1_000 })
    const cookieOnly = { ...keys(new Map()), from: keys(new Map()).from.filter((source) => source.in === 'cookie') }
    await expect(auth.reload({ strategies: [cookieOnly] })).rejects.toThrow('"deferMs" needs a strategy')
  })
})
