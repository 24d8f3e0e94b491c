import { describe, expect, it } from 'vitest'
import { createOperations } from '../src/control/operations.ts'
import { settingsOf } from '../src/control/options.ts'
import { problemStatuses } from '../src/control/problem.ts'
import { allowsBody, document, text } from './control-document.ts'
import { alice, bob, controlToken, KEYS, soon, startNode } from './control-node.ts'

const toAll = { namespace: '/news', to: { namespace: true }, event: 'last', args: [] as unknown[] }

describe('publish', () => {
  it('reaches a room, several rooms, a user on every socket, and a whole namespace, and nobody else', async () => {
    const node = await startNode()
    const one = await node.client('alice', '/news', ['organization:1'])
    const two = await node.client('alice', '/news', ['organization:2'])
    const other = await node.client('bob')
    const elsewhere = await node.client('alice', '/ops')
    const publish = async (to: object, word: string, more: object = {}) => {
      const body = { namespace: '/news', to, event: 'news', args: [word, { deep: [1, null] }], ...more }
      expect(await node.call('POST', '/v1/publish', { body })).toMatchObject({ status: 202, body: { accepted: 1 } })
    }
    await publish({ room: 'organization:1' }, 'room')
    await publish({ rooms: ['organization:1', 'organization:2', 'organization:3'] }, 'rooms')
    await publish({ user: alice }, 'user')
    await publish({ users: [alice, bob] }, 'users')
    await publish({ namespace: true }, 'namespace')
    await publish({ namespace: true }, 'except room', { except: { rooms: ['organization:1'] } })
    await publish({ namespace: true }, 'except user', { except: { users: [alice] }, volatile: true })
    await publish({ namespace: true }, 'except socket', { except: { sockets: [two.socket.id ?? ''] } })
    await publish({ room: other.socket.id ?? '' }, 'socket')
    await node.call('POST', '/v1/publish', { body: toAll })
    await soon(() => [one, two, other].every(({ heard }) => heard.at(-1)?.[0] === 'last')).toBe(true)
    const words = ({ heard }: typeof one) => heard.slice(0, -1).map(([, word]) => word)
    expect(words(one)).toEqual(['room', 'rooms', 'user', 'users', 'namespace', 'except socket'])
    expect(words(two)).toEqual(['rooms', 'user', 'users', 'namespace', 'except room'])
    expect(words(other)).toEqual(['users', 'namespace', 'except room', 'except user', 'except socket', 'socket'])
    expect(one.heard[0]).toEqual(['news', 'room', { deep: [1, null] }])
    expect(elsewhere.heard).toEqual([])
  })

  it('of a batch keeps the order, and of one with a fault sends nothing', async () => {
    const node = await startNode()
    const { heard } = await node.client('alice')
    const messages = Array.from({ length: 1_000 }, (_, i) => ({ ...toAll, event: 'item', args: [i] as unknown[] }))
    const spoilt = messages.with(700, { ...toAll, event: 'disconnect' })
    const refused = await node.call('POST', '/v1/publish/batch', { body: { messages: spoilt } })
    expect(refused.status).toBe(422)
    expect(refused.body.errors).toEqual([{ pointer: '/messages/700/event', detail: 'is a reserved event' }])
    const unknown = messages.with(999, { ...toAll, namespace: '/nowhere', args: [] })
    const missing = await node.call('POST', '/v1/publish/batch', { body: { messages: unknown } })
    expect(missing).toMatchObject({ status: 404, body: { code: 'NAMESPACE_UNKNOWN' } })
    expect(missing.body.errors).toEqual([{ pointer: '/messages/999/namespace', detail: 'is no protected namespace' }])
    expect((await node.call('POST', '/v1/publish/batch', { body: { messages } })).body).toEqual({ accepted: 1_000 })
    await soon(() => heard.length).toBe(1_000)
    expect(heard.map(([, i]) => i)).toEqual(messages.map((_, i) => i))
    const tooMany = await node.call('POST', '/v1/publish/batch', { body: { messages: [...messages, toAll] } })
    expect(tooMany.status).toBe(422)
  })

  it('makes no namespace, and says 503 where this node may deliver nothing', async () => {
    const node = await startNode({ isReady: () => false })
    const before = [...node.io._nsps.keys()]
    expect((await node.call('POST', '/v1/publish', { body: { ...toAll, namespace: '/made-up' } })).status).toBe(404)
    expect([...node.io._nsps.keys()]).toEqual(before)
    const refused = await node.call('POST', '/v1/publish', { body: toAll })
    expect(refused).toMatchObject({ status: 503, body: { code: 'AUTH_UNAVAILABLE' } })
    expect(refused.headers.get('retry-after')).toBe('1')
  })
})

describe('authority', () => {
  it('sessions are found by query and by body, and revoke closes them with a receipt', async () => {
    const node = await startNode()
    const { socket, heard } = await node.client('alice')
    await node.client('bob')
    const query = new URLSearchParams(alice).toString()
    for (const [method, path, call] of [
      ['GET', `/v1/sessions?${query}`, {}],
      ['POST', '/v1/sessions', { body: { key: alice } }],
    ] as const) {
      const { status, body } = await node.call(method, path, call)
      expect(status).toBe(200)
      expect(body).toMatchObject({
        partial: false,
        sessions: [{ subject: 'alice', socketId: socket.id, namespace: '/news' }],
      })
    }
    const { status, body } = await node.call('POST', '/v1/revoke', { body: { key: alice } })
    expect(status).toBe(200)
    expect(body).toMatchObject({ complete: true, closed: 1, nodes: [{ state: 'applied', closed: 1 }] })
    await soon(() => heard.at(-1)).toMatchObject(['auth:closed', { code: 'AUTH_REVOKED' }])
    expect((await node.call<{ sessions: unknown[] }>('GET', `/v1/sessions?${query}`)).body.sessions).toEqual([])
  })

  it('disconnect spares the socket that is named, and credentials stay good', async () => {
    const node = await startNode()
    const [kept, gone] = [await node.client('alice'), await node.client('alice')]
    const body = { key: alice, exceptSocket: kept.socket.id, timeoutMs: 5_000 }
    expect((await node.call('POST', '/v1/disconnect', { body })).body).toMatchObject({ complete: true, closed: 1 })
    await soon(() => gone.heard.at(-1)).toMatchObject(['auth:closed', { code: 'AUTH_REPLACED' }])
    expect(kept.socket.connected).toBe(true)
    expect((await node.client('alice')).socket.connected).toBe(true)
  })

  it('explain tells the rules in their order and the one that decided, and no claim', async () => {
    const node = await startNode()
    await node.client('alice')
    const ask = (change: object) =>
      node.call('POST', '/v1/explain', {
        body: { identity: alice, namespace: '/news', room: 'organization:7', ...change },
      })
    const permitted = await ask({})
    expect(permitted).toMatchObject({ status: 200, body: { effect: 'permit', rule: 'rooms.organization:{id}' } })
    const eve = { issuer: alice.issuer, subject: 'eve', scheme: 'jwt', claims: { secret: 's3cret' } }
    const denied = await ask({ identity: eve })
    expect(denied).toMatchObject({
      status: 200,
      body: { effect: 'deny', code: 'AUTH_FORBIDDEN', rule: 'rooms.organization:{id}' },
    })
    expect(JSON.stringify(denied.body)).not.toContain('s3cret')
    expect(await ask({ event: 'both' })).toMatchObject({ status: 422 })
  })

  it('reconcile asks memberships again, of a principal, a room and everyone', async () => {
    const node = await startNode()
    await node.client('alice')
    await node.client('bob')
    for (const [target, sockets] of [
      [alice, 1],
      [{ room: 'user-of-bob', namespace: '/news' }, 1],
      [{ room: 'user-of-nobody' }, 0],
      [{ everyone: true }, 2],
    ] as const) {
      const { status, body } = await node.call('POST', '/v1/reconcile', { body: { target } })
      expect([status, body]).toMatchObject([200, { partial: false, nodes: [{ sockets, undecided: 0 }] }])
    }
  })

  it('a reconciliation that could not be decided is 503 RECEIPT_INCOMPLETE and says where', async () => {
    const node = await startNode()
    const { socket } = await node.client('alice')
    const { auth } = node
    const partial = { nodes: [], partial: true, silent: ['web-2'] }
    const api = await startNode({ auth: { ...auth, reconcile: async () => partial } })
    const refused = await api.call('POST', '/v1/reconcile', { body: { target: alice } })
    expect(refused).toMatchObject({ status: 503, body: { code: 'RECEIPT_INCOMPLETE', reconciliation: partial } })
    expect(socket.connected).toBe(true)
  })

  it('a ticket admits once as whom it was issued for', async () => {
    const node = await startNode()
    const body = { ...alice, claims: { org: 'acme' }, namespace: '/news' }
    const { status, body: issued } = await node.call<{ ticket: string; expiresInSeconds: number }>(
      'POST',
      '/v1/tickets',
      { body },
    )
    expect([status, issued.expiresInSeconds]).toEqual([201, 30])
    const { socket } = await node.clientByTicket(issued.ticket)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ ...alice, scheme: 'ticket' })
    await expect(node.clientByTicket(issued.ticket)).rejects.toThrow()
    for (const [wrong, pointer] of [
      [{ ...body, issuer: 'https://other.example' }, '/issuer'],
      [{ ...body, origin: 'app.example' }, '/origin'],
      [{ ...body, address: 'nowhere' }, '/address'],
    ] as const) {
      const refused = await node.call('POST', '/v1/tickets', { body: wrong })
      expect(refused).toMatchObject({ status: 422, body: { code: 'REQUEST_INVALID', errors: [{ pointer }] } })
    }
  })

  it('presence is what its reader says, with the slash of the namespace or without', async () => {
    const asked: string[][] = []
    const members = [{ ...alice, since: 1_800_000_000, connections: 2 }]
    const node = await startNode({
      presence: {
        async members(...where) {
          asked.push(where)
          return { members, partial: false }
        },
      },
    })
    for (const path of ['/v1/presence/%2Fnews/organization%3A1', '/v1/presence/news/organization:1']) {
      const { body } = await node.call('GET', path)
      expect(body).toEqual({ namespace: '/news', room: 'organization:1', members, partial: false })
    }
    expect(asked).toEqual([
      ['/news', 'organization:1'],
      ['/news', 'organization:1'],
    ])
    const elsewhere = await node.call('GET', '/v1/presence/ops/a', { key: KEYS.news })
    expect(elsewhere).toMatchObject({ status: 403, body: { code: 'NAMESPACE_FORBIDDEN' } })
    expect((await node.call('GET', '/v1/presence/nowhere/a')).body.code).toBe('NAMESPACE_UNKNOWN')
    expect((await node.call('GET', '/v1/presence/news/%E0%A4%A')).body.code).toBe('PATH_INVALID')
  })
})

describe('who may call', () => {
  it('nobody without one credential that is known: 401 with its code and a challenge, and nothing done', async () => {
    const node = await startNode()
    const { heard } = await node.client('alice')
    const expired = await controlToken({ scope: 'control:publish' }, '-1 minute')
    const foreign = (await controlToken({ scope: 'control:publish' })).replace(/.{8}$/, 'AAAAAAAA')
    for (const [headers, code] of [
      [{}, 'AUTH_CREDENTIAL_MISSING'],
      [{ authorization: 'Basic YTpi' }, 'AUTH_CREDENTIAL_INVALID'],
      [{ authorization: 'Bearer' }, 'AUTH_CREDENTIAL_INVALID'],
      [{ authorization: `Bearer ${KEYS.all.slice(0, -1)}` }, 'AUTH_CREDENTIAL_INVALID'],
      [{ 'x-api-key': `${KEYS.all}a` }, 'AUTH_CREDENTIAL_INVALID'],
      [{ 'x-api-key': 'x'.repeat(5_000) }, 'AUTH_CREDENTIAL_INVALID'],
      [{ authorization: `Bearer ${KEYS.all}`, 'x-api-key': KEYS.all }, 'AUTH_CREDENTIAL_INVALID'],
      [{ authorization: `Bearer ${expired}` }, 'AUTH_EXPIRED'],
      [{ authorization: `Bearer ${foreign}` }, 'AUTH_CREDENTIAL_INVALID'],
      [{ 'x-api-key': await controlToken({ scope: 'control:publish' }) }, 'AUTH_CREDENTIAL_INVALID'],
      [{ authorization: `Bearer ${await controlToken({})}` }, 'AUTH_CREDENTIAL_INVALID'],
    ] as const) {
      const refused = await node.call('POST', '/v1/publish', { key: null, body: toAll, headers: { ...headers } })
      expect(refused).toMatchObject({ status: 401, body: { code, status: 401 } })
      expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/)
    }
    expect(
      (await node.call('POST', '/v1/publish', { key: null, body: toAll, headers: { 'x-api-key': KEYS.all } })).status,
    ).toBe(202)
    await soon(() => heard).toEqual([['last']])
    const said = JSON.stringify([node.audit, node.errors.map(({ error }) => String(error))])
    for (const key of Object.values(KEYS)) expect(said).not.toContain(key)
  })

  it('A23: a key or a token only as far as its permissions and namespaces reach', async () => {
    const node = await startNode()
    const token = await controlToken({ scope: 'openid control:publish control:revoke', namespaces: ['/ops'] })
    const free = await controlToken({ scope: 'control:publish' })
    const publish = { body: toAll }
    for (const [key, path, call, status, code] of [
      [KEYS.reader, '/v1/publish', publish, 403, 'AUTH_FORBIDDEN'],
      [KEYS.news, '/v1/publish', publish, 202, undefined],
      [KEYS.news, '/v1/publish', { body: { ...toAll, namespace: '/ops' } }, 403, 'NAMESPACE_FORBIDDEN'],
      [KEYS.news, '/v1/publish', { body: { ...toAll, namespace: '/nowhere' } }, 403, 'NAMESPACE_FORBIDDEN'],
      [KEYS.news, '/v1/publish', { body: { ...toAll, namespace: '/NEWS' } }, 403, 'NAMESPACE_FORBIDDEN'],
      [
        KEYS.news,
        '/v1/publish/batch',
        { body: { messages: [toAll, { ...toAll, namespace: '/ops' }] } },
        403,
        'NAMESPACE_FORBIDDEN',
      ],
      [KEYS.news, '/v1/revoke', { body: { key: alice } }, 403, 'AUTH_FORBIDDEN'],
      [KEYS.news, '/v1/reconcile', { body: { target: alice } }, 403, 'NAMESPACE_FORBIDDEN'],
      [KEYS.news, '/v1/reconcile', { body: { target: { everyone: true } } }, 403, 'NAMESPACE_FORBIDDEN'],
      [KEYS.news, '/v1/reconcile', { body: { target: { room: 'a', namespace: '/ops' } } }, 403, 'NAMESPACE_FORBIDDEN'],
      [KEYS.news, '/v1/reconcile', { body: { target: { room: 'a', namespace: '/news' } } }, 200, undefined],
      [KEYS.news, '/v1/tickets', { body: { subject: 'alice' } }, 403, 'NAMESPACE_FORBIDDEN'],
      [KEYS.news, '/v1/tickets', { body: { subject: 'alice', namespace: '/news' } }, 201, undefined],
      [token, '/v1/publish', publish, 403, 'NAMESPACE_FORBIDDEN'],
      [token, '/v1/publish', { body: { ...toAll, namespace: '/ops' } }, 202, undefined],
      [token, '/v1/revoke', { body: { key: alice } }, 403, 'NAMESPACE_FORBIDDEN'],
      [token, '/v1/sessions', { body: { key: alice } }, 403, 'AUTH_INSUFFICIENT_SCOPE'],
      [free, '/v1/publish', publish, 202, undefined],
    ] as const) {
      const reply = await node.call('POST', path, { key, ...call })
      expect([path, reply.status, reply.body.code]).toEqual([path, status, code])
    }
    await node.client('alice', '/ops')
    await node.client('alice', '/news')
    const { body } = await node.call<{ sessions: object[] }>('POST', '/v1/sessions', {
      key: KEYS.news,
      body: { key: alice },
    })
    expect(body.sessions).toMatchObject([{ namespace: '/news' }])
    expect((await node.call('GET', '/v1/presence/ops/a', { key: KEYS.news })).body.code).toBe('NOT_CONFIGURED')
  })

  it('no page of a browser, even with a key, and no answer allows one to read it', async () => {
    const node = await startNode()
    for (const headers of [
      { origin: 'https://app.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'same-origin' },
    ]) {
      const refused = await node.call('POST', '/v1/publish', { body: toAll, headers })
      expect(refused).toMatchObject({ status: 403, body: { code: 'AUTH_ORIGIN_REFUSED' } })
      expect([...refused.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    }
    const preflight = await node.call('OPTIONS', '/v1/publish', { headers: { origin: 'https://app.example' } })
    expect(preflight.status).toBe(403)
  })

  it('beyond its requests per second a caller is told to wait, and another is not', async () => {
    const node = await startNode({ limits: { requestsPerSecond: 3 } })
    const ask = () => node.call('GET', '/v1/openapi.yaml', { key: KEYS.reader })
    const replies = await Promise.all(Array.from({ length: 20 }, ask))
    const refused = replies.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(replies.filter(({ status }) => status === 200).length).toBe(20 - refused.length)
    expect(refused.map(({ headers }) => headers.get('retry-after'))).toEqual(refused.map(() => '1'))
    expect((await node.call('GET', '/v1/openapi.yaml', { key: KEYS.news })).status).toBe(200)
  })
})

describe('start-up', () => {
  it('refuses options that cannot be meant, and quotes them without their values', async () => {
    const key = { name: 'a', key: KEYS.all, permissions: ['publish'] as const }
    for (const [options, quoted] of [
      [{ keys: [], jwt: null }, '"keys" must hold a key'],
      [{ keys: [{ ...key, key: KEYS.all.slice(0, 31) }] }, '"keys[0].key" must be 32'],
      [{ keys: [{ ...key, name: '' }] }, '"keys[0].name"'],
      [{ keys: [key, { ...key, name: 'b' }] }, '"keys[1].key" is another'],
      [{ keys: [key, { ...key, key: KEYS.news }] }, '"keys[1].name" is taken'],
      [{ keys: [{ ...key, permissions: ['write'] }] }, '"keys[0].permissions"'],
      [{ keys: [{ ...key, permissions: 'all', namespaces: ['/news'] }] }, 'must not hold "revoke"'],
      [{ keys: [{ ...key, namespaces: ['news'] }] }, '"keys[0].namespaces"'],
      [{ jwt: { issuer: '', audience: 'control', keys: new Uint8Array(32) } }, '"issuer"'],
      [{ maxBodyBytes: 0 }, '"maxBodyBytes"'],
      [{ limits: { perSecond: 3 } }, '"limits.perSecond"'],
      [{ tickets: { issue: async () => ({ ticket: '', expiresInSeconds: 1 }) } }, '"tickets.issuer"'],
      [{ misspelt: true }, '"misspelt"'],
    ] as const) {
      const failed = await startNode(options as object).then(
        () => null,
        (error: unknown) => error,
      )
      expect(failed).toBeInstanceOf(TypeError)
      expect(String(failed)).toContain(quoted)
      expect(String(failed)).not.toContain(KEYS.all.slice(0, 31))
    }
  })
})

describe('the OpenAPI document', () => {
  it('is served, and holds each operation with each status that its code can answer', async () => {
    const node = await startNode()
    const served = await node.call('GET', '/v1/openapi.yaml', { key: KEYS.reader })
    expect([served.headers.get('content-type'), served.text]).toEqual(['application/yaml', text])
    const { auth, io } = node
    const keys = [{ name: 'a', key: KEYS.all, permissions: 'all' }] as const
    const options = {
      auth,
      io,
      isProtected: () => true,
      presence: null,
      tickets: null,
      keys,
      jwt: null,
      onError: () => {},
    }
    const operations = createOperations(settingsOf(options), text)
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => [operationId, method, path]),
    )
    const known = operations.map(({ id, method, path }) => [id, method, path.replaceAll(/:(\w+)/g, '{$1}')])
    expect(documented.toSorted()).toEqual(known.toSorted())
    for (const { method, path, effect } of operations) {
      const { responses } = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method] ?? { responses: {} }
      const always = ['401', '403', '422', '429', '500', '503']
      const ofBody = method === 'post' ? ['400', '413', '415'] : []
      expect(Object.keys(responses)).toEqual(expect.arrayContaining([...always, ...ofBody, ...(effect ? ['409'] : [])]))
    }
    for (const [, reference = ''] of text.matchAll(/\$ref: '#\/([^']+)'/g)) {
      const found = reference.split('/').reduce<unknown>((part, name) => (part as Named)[name], document)
      expect([reference, typeof found]).toEqual([reference, 'object'])
    }
    const { enum: codes } = (document as unknown as Schemas).components.schemas.Problem.properties.code
    for (const code of codes) expect(problemStatuses()).toHaveProperty(code)
    for (const code of Object.keys(problemStatuses())) if (!code.startsWith('AUTH_')) expect(codes).toContain(code)
  })

  it('allows the bodies that the code allows, and no other', async () => {
    const node = await startNode()
    const publish = (change: object) => [
      '/v1/publish',
      { namespace: '/news', to: { room: 'a' }, event: 'e', ...change },
    ]
    const key = (value: unknown) => ['/v1/sessions', { key: value }]
    const reconcile = (target: unknown) => ['/v1/reconcile', { target }]
    const ticket = (change: object) => ['/v1/tickets', { subject: 'a', ...change }]
    const long = 'x'.repeat(1_025)
    const bodies = [
      publish({}),
      publish({ to: { rooms: ['a', 'b'] }, args: [null, [], {}], volatile: true, except: {} }),
      publish({ to: { users: [alice] }, except: { rooms: [], users: [bob], sockets: ['a'] } }),
      ...['connect', 'connection', 'auth:', 'auth:x', 'presence:join', 'presence:list', '', 'x'.repeat(257), 7].map(
        (event) => publish({ event }),
      ),
      ...['connected', 'auth', 'xauth:', 'presence', 'presence:joined', ' '].map((event) => publish({ event })),
      ...['', 'news', long, null].map((namespace) => publish({ namespace })),
      ...[{}, { room: '' }, { room: 'auth|x' }, { room: long }, { rooms: [] }, { user: { issuer: 'a' } }].map((to) =>
        publish({ to }),
      ),
      ...[{ namespace: false }, { room: 'a', user: alice }, { other: 1 }, null, 'a'].map((to) => publish({ to })),
      ...['a', {}, Array(65).fill(0)].map((args) => publish({ args })),
      ...[{ volatile: 1 }, { except: { sockets: [''] } }, { except: { other: [] } }, { extra: 1 }].map(publish),
      ...[alice, { session: 'a' }, { tokenId: 'a' }, { tag: 'a' }, {}, { issuer: 'a' }, { tag: '' }, { tag: long }].map(
        key,
      ),
      ...[{ tag: 'a', session: 'b' }, { ...alice, tag: 'a' }, 'a', null].map(key),
      ...[alice, { room: 'a' }, { room: 'a', namespace: '/news' }, { everyone: true }].map(reconcile),
      ...[
        { everyone: false },
        { namespace: '/news' },
        { room: 'a', namespace: 'b' },
        {},
        { everyone: true, room: 'a' },
      ].map(reconcile),
      ...[
        {},
        { claims: {} },
        { claims: [] },
        { issuedAt: -1 },
        { issuedAt: 0 },
        { namespace: 'a' },
        { namespace: '/' },
      ].map(ticket),
      ...[
        { session: { cookie: 'a', value: 'b' } },
        { session: { cookie: 'a' } },
        { subject: '' },
        { lifetimeSeconds: 5 },
      ].map(ticket),
      ...[{ timeoutMs: 0 }, { timeoutMs: 1.5 }, { exceptSocket: '' }].map((change) => [
        '/v1/disconnect',
        { key: alice, ...change },
      ]),
      ...[
        { graceMs: 3_600_001 },
        { until: 'x' },
        { until: -1 },
        { issuedBefore: 1.5, until: 4_000_000_000, graceMs: 0 },
      ].map((change) => ['/v1/revoke', { key: alice, ...change }]),
      ...[
        { decision: 'x' },
        { decision: 'x', namespace: '/news' },
        { identity: alice, namespace: '/news' },
        { identity: { socketId: 'x' }, namespace: '/news', event: 'e', args: [] },
        { identity: { ...alice, scheme: 'jwt', claims: {} }, namespace: '/news', room: 'r' },
        { identity: { subject: 'a' }, namespace: '/news' },
        { identity: alice, namespace: 'news' },
        { identity: { ...alice, scheme: 'jwt', claims: 'c' }, namespace: '/news' },
      ].map((body) => ['/v1/explain', body]),
      ['/v1/publish/batch', { messages: [] }],
      ['/v1/publish/batch', []],
    ] as [string, unknown][]
    const replies = await Promise.all(bodies.map(([path, body]) => node.call('POST', path, { body })))
    for (const [i, { status }] of replies.entries()) {
      const [path, body] = bodies[i] ?? ['', null]
      expect([path, body, status < 300]).toEqual([path, body, allowsBody('POST', path, body)])
      expect([status < 300, status === 422]).toContain(true)
    }
    expect(replies.filter(({ status }) => status < 300).length).toBeGreaterThan(20)
  })
})

type Named = Readonly<Record<string, unknown>>

interface Schemas {
  readonly components: {
    readonly schemas: {
      readonly Problem: { readonly properties: { readonly code: { readonly enum: readonly string[] } } }
    }
  }
}
