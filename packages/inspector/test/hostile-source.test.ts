import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AuthError } from 'portcullis'
import { createInspector, type InspectorSource } from 'portcullis-inspector'
import { afterEach, expect, it } from 'vitest'
import { asker } from './operator.ts'
import { openStream } from './sse.ts'

/** Stands in every object of the source, under names that nobody lists. */
const PLANTED = 'planted-secret'

/** The same objects with a secret in each, at any depth. */
function planted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(planted) as T
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, each]) => [name, planted(each)])
  return { ...Object.fromEntries(fields), claims: PLANTED, credential: PLANTED, headers: { cookie: PLANTED } }
}

const identity = { scheme: 'jwt', issuer: 'i', subject: 's' }
const event = {
  id: 'd-1',
  at: 1,
  stage: 'event',
  namespace: '/',
  identity,
  effect: 'deny',
  code: 'AUTH_FORBIDDEN',
  rule: 'events.a',
  tookUs: 3,
} as const
const connection = {
  ...identity,
  node: 'n',
  namespace: '/',
  socketId: 'a',
  connectedAt: 1,
  issuedAt: 1,
  expiresAt: null,
  withheld: [],
  rooms: [{ room: 'r', by: 'grant', expiresAt: 2 }],
  roomsLeftOut: 0,
} as const
const receipt = { id: 'r', complete: true, nodes: [{ node: 'n', state: 'applied', closed: 1 }], closed: 1 } as const
const verdict = { effect: 'deny', code: 'AUTH_FORBIDDEN', rule: 'a' } as const

/** A source whose every answer carries more than it should. */
function source(changed: Partial<InspectorSource> = {}): InspectorSource {
  return {
    overview: () =>
      planted({
        title: 't',
        node: 'n',
        state: 'fresh',
        version: null,
        nodes: [{ node: 'n', state: 'live', seenMsAgo: 1, sockets: 1 }],
        sockets: 1,
        namespaces: {},
        startedAt: 1,
      } as const),
    connections: async () => planted({ connections: [connection], next: 'c', total: 1, silent: [] }),
    connection: async () => planted(connection),
    members: async () =>
      planted({
        members: [{ issuer: 'i', subject: 's', sockets: [{ socketId: 'a', node: 'n', by: 'grant' }], expiresAt: 1 }],
        partial: false,
      } as const),
    decisions: {
      read: ({ after }) => ({ events: after === undefined ? [planted(event)] : [], next: '1', missed: 0 }),
      subscribe: () => () => {},
    },
    explain: async () =>
      planted({
        ...verdict,
        steps: [{ ...verdict, reason: 'why', tookUs: 1 }],
        identity,
        at: 1,
        notes: ['note'],
      }),
    revoke: async () => planted(receipt),
    disconnect: async () => planted(receipt),
    shadow: {
      read: () => ({
        differences: [planted({ at: 1, stage: 'event', namespace: '/', identity, enforced: verdict, shadow: verdict })],
        next: '1',
        missed: 0,
      }),
    },
    ...changed,
  }
}

let server: Server
let errors: unknown[]
async function serve(from: InspectorSource, authenticate = () => ({ name: 'ada', mayRevoke: true })) {
  errors = []
  const inspector = createInspector({ source: from, authenticate, onError: (error) => errors.push(error) })
  server = createServer(inspector)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.once('close', () => inspector.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
afterEach(() => {
  server.close()
  server.closeAllConnections()
})

it('lets nothing out but the fields that it lists', async () => {
  const url = await serve(source())
  const ask = asker(url)
  const key = { issuer: 'i', subject: 's' }
  const answers = await Promise.all([
    ...['overview', 'connections', 'connections/a', 'members?namespace=/&room=r', 'decisions', 'series', 'shadow'].map(
      (path) => ask.get(`api/${path}`),
    ),
    ask.post('api/explain', { decision: 'd-1' }),
    ask.post('api/revoke', { key }),
    ask.post('api/disconnect', { key }),
  ])
  const stream = await openStream(`${url}api/decisions/stream`, {})
  const streamed = JSON.stringify(await stream.next())
  stream.close()
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  expect(streamed).toContain('"rule":"events.a"')
  for (const text of [streamed, ...answers.map((answer) => answer.text)]) expect(text).not.toContain(PLANTED)
  expect(answers[8]?.body).toEqual(receipt)
})

it('tells the operator fixed words when the source fails, and the application the error', async () => {
  const unavailable = new AuthError('AUTH_UNAVAILABLE', { cause: new Error(PLANTED) })
  const failing = source({
    connections: () => Promise.reject(new Error(PLANTED)),
    explain: () => Promise.reject(new TypeError(PLANTED)),
    revoke: () => Promise.reject(unavailable),
    overview: () => {
      throw PLANTED
    },
  })
  const ask = asker(await serve(failing))
  const answers = await Promise.all([
    ask.get('api/connections'),
    ask.post('api/explain', { decision: 'd-1' }),
    ask.post('api/revoke', { key: { tag: 'a' } }),
    ask.get('api/overview'),
  ])
  expect(answers.map(({ status }) => status)).toEqual([500, 400, 503, 500])
  for (const { text } of answers) expect(text).not.toContain(PLANTED)
  expect(errors).toContain(unavailable)
  expect(errors.length).toBe(4)
})

it('survives answers that are not what they should be', async () => {
  const nonsense = (): never =>
    ({ connections: null, nodes: 7, namespaces: {}, events: 'x', effect: 'yes', identity: 'x' }) as never
  const ask = asker(
    await serve(source({ overview: nonsense, connections: async () => nonsense(), explain: async () => nonsense() })),
  )
  expect((await ask.get('api/overview')).body).toMatchObject({ title: '', state: 'unknown', nodes: [] })
  expect((await ask.get('api/connections')).body).toMatchObject({ connections: [], next: null })
  expect((await ask.post('api/explain', { decision: 'd' })).body).toMatchObject({ effect: 'deny', steps: [] })
})

it('answers 500 when the application cannot say who looks', async () => {
  const url = await serve(source(), () => {
    throw new Error(PLANTED)
  })
  const { status, text } = await asker(url).get('api/overview')
  expect([status, text.includes(PLANTED)]).toEqual([500, false])
})

it('opens at most 32 streams', async () => {
  const url = await serve(source())
  const streams = await Promise.all(Array.from({ length: 32 }, () => openStream(`${url}api/decisions/stream`, {})))
  await expect(openStream(`${url}api/decisions/stream`, {})).rejects.toThrow('503')
  for (const stream of streams) stream.close()
})
