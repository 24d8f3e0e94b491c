/** What a client reads when something behind the gate fails, or when it sends what a page would run. */

import { createSecretKey, randomBytes } from 'node:crypto'
import { AuthError, permit } from 'portcullis'
import { anonymous } from 'portcullis/strategies/anonymous'
import { jwt } from 'portcullis/strategies/jwt'
import { describe, expect, it } from 'vitest'
import { keys, ORIGIN, outcome, start } from '../harness.ts'
import { connectAnswers, heardBy, httpAnswers, POLLING, presented, TRANSPORTS, UPGRADE } from './leak-fixtures.ts'

/** In the manner of what drivers and file systems put into their messages. */
const INSIDE = ['db.internal', 'hunter2', 'SELECT id FROM users', '/srv/app/lib/auth.js', 'eyJhbGciOiJ', 'mallory']

function driverError(): Error {
  const error = new Error(
    "connect postgres://app:hunter2@db.internal:5432/app failed: SELECT id FROM users WHERE token = 'eyJhbGciOiJ'",
    { cause: new Error('ENOENT /srv/app/lib/auth.js, asked by mallory') },
  )
  return Object.assign(error, {
    code: 'ECONNREFUSED db.internal',
    data: { dsn: 'db.internal', retry: 'hunter2' },
    content: 'hunter2',
    status: 418,
  })
}

const fail = (): never => {
  throw driverError()
}

describe('L01: an error that holds a DSN, a statement, a path and a token', () => {
  it.each([
    ['throws', fail],
    ['rejects', async () => fail()],
    ['is the cause of an AuthError', async () => Promise.reject(new AuthError('AUTH_ERROR', { cause: driverError() }))],
    [
      'is the cause, and the reason, of AUTH_UNAVAILABLE',
      async () => Promise.reject(new AuthError('AUTH_UNAVAILABLE', { cause: driverError(), reason: 'db.internal' })),
    ],
  ])('of a strategy that %s is told to nobody, in HTTP and in a connect, on both transports', async (_name, broken) => {
    const server = await start({ strategies: [{ ...keys(new Map()), authenticate: broken as never }] })
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const told: string[] = []
    for (const headers of presented('alice-key')) told.push(...(await httpAnswers(server, headers)))
    for (const answer of told) expect(JSON.parse(answer).status).toBeOneOf([500, 503])
    expect(told).toHaveLength(4)
    for (const inside of INSIDE) expect(told.join()).not.toContain(inside)
    expect(JSON.stringify(server.errors.map(({ error }) => String(error)))).toContain('hunter2')
  })

  it.each(TRANSPORTS)('of a strategy, a rule, memberships or a schema is told to nobody over %s', async (transport) => {
    let stage = 'none'
    const at = (name: string) => (stage === name ? fail() : permit())
    const server = await start({
      limits: { failuresPerMinute: Number.POSITIVE_INFINITY },
      strategies: [
        {
          ...keys(new Map()),
          authenticate: async (_handshake, connect) => {
            if (connect === null) return null
            at('strategy')
            return {
              identity: { scheme: 'key', issuer: 'i', subject: 's', claims: { org: 'acme', scope: '' } },
              lease: { id: 'l', issuedAt: 0, expiresAt: null },
            }
          },
        },
      ],
    })
    server.auth.protect(server.io.of('/chat'), {
      connect: () => at('connect'),
      memberships: () => [at('memberships')].map(String).slice(1),
      events: {
        say: () => at('event'),
        checked: {
          rule: () => permit(),
          args: { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: [at('schema')] }) } } as never,
        },
      },
      rooms: { 'room:{id}': () => at('room') },
    })
    const told: string[] = []
    for (stage of ['strategy', 'connect', 'memberships']) {
      const { heard, refusal } = await connectAnswers(server, '/chat', { token: 'x' }, transport)
      expect([stage, refusal?.code]).toEqual([stage, 'AUTH_ERROR'])
      told.push(...heard, JSON.stringify(refusal))
    }
    stage = 'none'
    const { client, heard } = await connectAnswers(server, '/chat', { token: 'x' }, transport)
    for (const [where, ask] of [
      ['event', () => client.emitWithAck('say')],
      ['schema', () => client.emitWithAck('checked', 1)],
      ['room', () => client.emitWithAck('auth:join', 'room:1')],
    ] as const) {
      stage = where
      expect([where, await ask()]).toEqual([where, { error: expect.objectContaining({ code: 'AUTH_ERROR' }) }])
    }
    // A refresh asks the strategy again.
    stage = 'strategy'
    expect(await client.emitWithAck('auth:refresh', { token: 'y' })).toHaveProperty('error.code', 'AUTH_ERROR')
    expect(server.errors).toHaveLength(7)
    for (const inside of INSIDE) expect([...told, ...heard].join()).not.toContain(inside)
  })
})

describe('L02: markup that a client sends', () => {
  const SCRIPT = '<script>alert(1)</script>'
  const probes: [string, string, Record<string, string>][] = [
    ['a bearer token', '', { authorization: `Bearer ${SCRIPT}` }],
    ['a cookie', '', { cookie: `key=${encodeURIComponent(SCRIPT)}`, origin: ORIGIN }],
    ['the Origin', '', { origin: `https://${SCRIPT}` }],
    ['the Host', '', { host: SCRIPT, origin: 'https://evil.example' }],
    ['the query', `&token=${SCRIPT}&${SCRIPT}=1`, { authorization: 'Bearer x' }],
    ['the transport', `&transport=${SCRIPT}`, { origin: 'https://evil.example' }],
    ['the session id', `&sid=${SCRIPT}`, {}],
    ['the subprotocol', '', { 'sec-websocket-protocol': `portcullis, ${SCRIPT}`, authorization: `Bearer ${SCRIPT}` }],
  ]

  it.each(probes)(
    'in %s stands in no answer, and a refusal of the gate is JSON with nosniff',
    async (_n, query, headers) => {
      const server = await start()
      server.auth.protect(server.io.of('/chat'), { events: {} })
      for (const answer of [
        await server.get(POLLING + encodeURI(query), headers),
        await server.upgrade(UPGRADE + encodeURI(query), headers),
      ]) {
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(JSON.stringify(answer)).not.toContain('<')
        if (query.includes('sid')) continue
        expect(answer.headers).toMatchObject({
          'content-type': 'application/json; charset=utf-8',
          'x-content-type-options': 'nosniff',
          'cache-control': 'no-store',
        })
      }
    },
  )

  it.each(TRANSPORTS)('in a namespace, an event, a room or `auth` is never told as HTML over %s', async (transport) => {
    const server = await start()
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const refused = await connectAnswers(server, '/chat', { token: SCRIPT }, transport)
    expect(refused.heard.join()).not.toContain('<')
    const { client, heard } = await connectAnswers(server, '/chat', { token: 'alice-key' }, transport)
    expect(await client.emitWithAck(SCRIPT)).toHaveProperty('error.code', 'AUTH_FORBIDDEN')
    expect(await client.emitWithAck('auth:join', SCRIPT)).toHaveProperty('error.code', 'AUTH_FORBIDDEN')
    expect(heard.join()).not.toContain('<')
  })

  it('in a namespace comes back as text of the protocol alone', async () => {
    const server = await start()
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const { sid } = JSON.parse((await server.get(POLLING)).body.slice(1))
    await fetch(`${server.url}${POLLING}&sid=${sid}`, { method: 'POST', body: `40/${SCRIPT},{}` })
    const answer = await server.get(`${POLLING}&sid=${sid}`)
    expect(answer.body).toContain('Invalid namespace')
    expect(answer.headers['content-type']).toBe('text/plain; charset=UTF-8')
  })

  it.each([
    ['markup', `no ${SCRIPT}`, 'Forbidden'],
    ['a plain text', 'come back later', 'come back later'],
    ['an object', { toString: (): string => SCRIPT }, 'Forbidden'],
    ['nothing', undefined, 'Forbidden'],
  ])('in what `allowRequest` says: %s', async (_name, message, told) => {
    const server = await start({}, { allowRequest: (_request, done) => done(message as string, false) })
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const polling = await server.get(POLLING)
    expect([polling.status, JSON.parse(polling.body).message]).toEqual([403, told])
    expect(await server.upgrade(UPGRADE)).toMatchObject({ status: 400, body: told })
  })

  it.each<[string, (answer: (error: undefined, permitted: boolean) => void) => unknown]>([
    ['throws', fail],
    ['rejects', async () => fail()],
    [
      'answers twice',
      (answer) => {
        answer(undefined, false)
        answer(undefined, true)
      },
    ],
  ])('an `allowRequest` that %s refuses, once, and tells nobody why', async (_name, allowRequest) => {
    const asked = (_request: unknown, answer: Parameters<typeof allowRequest>[0]) => allowRequest(answer)
    const server = await start({}, { allowRequest: asked as never })
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const answers = [await server.get(POLLING), await server.upgrade(UPGRADE)]
    expect(answers.map(({ status }) => status)).toEqual([403, 400])
    for (const inside of INSIDE) expect(JSON.stringify(answers)).not.toContain(inside)
    expect(server.io.engine.clientsCount).toBe(0)
  })
})

describe('L10: refusals', () => {
  it('are the same bytes whatever strategies and policies stand behind them', async () => {
    const keyed = jwt({ issuer: 'https://id.example', audience: 'chat', keys: createSecretKey(randomBytes(32)) })
    const configured = await Promise.all([
      start(),
      start({ strategies: [keys(new Map()), silent()] as never }),
      start({ strategies: [keyed] as never, lease: { graceMs: 1_000 }, explain: { keep: 5 } }),
    ])
    const told: string[][] = []
    for (const server of configured) {
      server.auth.protect(server.io.of('/chat'), { events: {} })
      const answers = [
        ...(await httpAnswers(server, { authorization: 'Bearer wrong' })),
        ...(await httpAnswers(server, { authorization: 'Bearer a.b.c' })),
        ...(await httpAnswers(server, { origin: 'https://evil.example' })),
      ]
      for (const transport of TRANSPORTS) {
        for (const auth of [{}, { token: 'wrong' }, { token: 'a.b.c' }]) {
          answers.push(JSON.stringify((await connectAnswers(server, '/chat', auth, transport)).refusal))
        }
        answers.push(JSON.stringify((await connectAnswers(server, '/', { token: 'wrong' }, transport)).refusal))
      }
      told.push(answers)
    }
    expect(told[0]).toHaveLength(14)
    expect(told[1]).toEqual(told[0])
    expect(told[2]).toEqual(told[0])
    for (const answer of told[0] ?? [])
      expect(answer).not.toMatch(/portcullis|socket\.io|engine|node|jwt|key\b|\d+\.\d+/i)
  })

  it('of an event tell a connected client no rule, scope or version', async () => {
    const server = await start()
    server.auth.protect(server.io.of('/chat'), { events: { say: () => ({ effect: 'deny', code: 'AUTH_FORBIDDEN' }) } })
    const client = server.client('/chat', { auth: { token: 'alice-key' } })
    expect(await outcome(client)).toBe(null)
    const heard = heardBy(client)
    const [known, unknown] = [await client.emitWithAck('say'), await client.emitWithAck('no such event')]
    expect(known).toEqual(unknown)
    expect(Object.keys(known.error).sort()).toEqual(['code', 'message', 'retry'])
    expect(heard.join()).not.toMatch(/rule|events\.|portcullis/i)
  })
})

/** A second scheme, which finds nothing. */
function silent() {
  return { ...anonymous(), scheme: 'second', authenticate: async () => null }
}
