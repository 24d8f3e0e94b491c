import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { AuthError } from 'portcullis'
import { type HookItem, type HttpHooks, httpHooks, verifyHookRequest } from 'portcullis/hooks/http'
import { handshakeOf } from 'portcullis/testing'
import { expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'

interface Parameter {
  readonly name: string
  readonly schema: object
}
interface Document {
  readonly components: {
    readonly parameters: Readonly<Record<string, Parameter>>
    readonly schemas: Readonly<Record<string, object>>
  }
}

const SECRET = `whsec_${Buffer.from('a test secret of 32 bytes, fixed').toString('base64')}`
const document: Document = parse(readFileSync(new URL('../openapi/hooks.yaml', import.meta.url), 'utf8'))
const ajv = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true, validateSchema: true })
ajv.addFormat('uuid', /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
// Words of OpenAPI beside those of JSON Schema.
ajv.addVocabulary(['openapi', 'info', 'jsonSchemaDialect', 'webhooks', 'components'])
ajv.addSchema(document as object, 'hooks')

function schemaOf(name: string): ValidateFunction {
  return ajv.compile({ $ref: `hooks#/components/schemas/${name}` })
}

type Answer = Readonly<Record<string, unknown>>
interface Heard {
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
  readonly items: readonly HookItem[]
}

/** Hooks, and a back end that answers each item with `answer`, until the test ends. */
async function asking(answer: (item: HookItem) => Answer) {
  const heard: Heard[] = []
  const answers: unknown[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    const items = verifyHookRequest(SECRET, request.headers, body)?.items ?? []
    heard.push({ headers: request.headers, body: JSON.parse(body.toString()), items })
    const given = { items: items.map((item) => ({ id: item.id, ...answer(item) })) }
    answers.push(given)
    response.end(JSON.stringify(given))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const hooks = httpHooks({ url: `http://127.0.0.1:${port}`, secret: SECRET, batch: { waitMs: 0 } })
  onTestFinished(async () => {
    await hooks.close()
    server.closeAllConnections()
    server.close()
  })
  return { hooks, heard, answers }
}

const identity = { scheme: 'hook', issuer: 'app', subject: '42', claims: { org: 'acme' } }
const base = { identity, lease: { id: 'l', issuedAt: 0, expiresAt: null }, namespace: '/chat' }
const headers = { authorization: 'Bearer token', cookie: 'PHPSESSID=abc', 'user-agent': 'x' }

async function authenticate(hooks: HttpHooks) {
  const strategy = hooks.connect({ issuer: 'app', forward: { cookies: ['PHPSESSID'], headers: ['user-agent'] } })
  const found = await strategy.authenticate(handshakeOf({ headers }), null)
  return { strategy, found }
}

const ASK: Readonly<Record<string, (hooks: HttpHooks) => Promise<unknown>>> = {
  connect: authenticate,
  async refresh(hooks) {
    const { strategy, found } = await authenticate(hooks)
    return strategy.revalidate?.([found?.handle])
  },
  auth: (hooks) =>
    hooks
      .connect({ issuer: 'app', forward: { auth: true } })
      .authenticate(handshakeOf(), { namespace: '/chat', auth: { key: 'k', more: [1] } }),
  join: async (hooks) =>
    hooks.join({ ...base, room: 'organization:7', params: { id: '7' }, socketId: 's', presented: undefined }),
  presented: async (hooks) =>
    hooks.join({ ...base, room: 'organization:7', params: { id: '7' }, socketId: 's', presented: { auth: 'a' } }),
  event: async (hooks) => hooks.event({ ...base, event: 'say', args: ['hello', { a: [null] }] }),
  handle: (hooks) => hooks.handle({ ...base, event: 'say', args: [], socketId: 's' }),
  memberships: (hooks) => hooks.memberships(identity),
  async disconnect(hooks) {
    hooks.disconnect({ identity, namespace: '/chat', socketId: 's', reason: 'transport close' })
    await hooks.close()
  },
}

const PERMITS: Readonly<Record<HookItem['type'], Answer>> = {
  connect: {
    permit: true,
    subject: '42',
    claims: { org: 'acme' },
    expiresAt: 4_000_000_000,
    session: 's',
    maxAgeSeconds: 1,
  },
  refresh: { permit: true, subject: '42' },
  join: { permit: true, expiresAt: 4_000_000_000, maxAgeSeconds: 0 },
  event: { permit: true },
  handle: { permit: true, reply: ['sent'], publish: [{ to: { room: 'a' }, event: 'news', args: [1] }] },
  memberships: { rooms: ['a', 'b'] },
  disconnect: { permit: true },
}

it.each(Object.keys(ASK))('a request of %s and its answer are as the document says', async (name) => {
  const { hooks, heard, answers } = await asking(({ type }) => PERMITS[type])
  await ASK[name]?.(hooks)
  expect(heard.length).toBeGreaterThan(0)
  const [isRequest, isResponse] = [schemaOf('HookRequest'), schemaOf('HookResponse')]
  for (const { body, headers: sent } of heard) {
    expect([isRequest(body), isRequest.errors]).toEqual([true, null])
    for (const parameter of Object.values(document.components.parameters)) {
      expect([parameter.name, ajv.validate(parameter.schema, sent[parameter.name])]).toEqual([parameter.name, true])
    }
  }
  for (const given of answers) expect([isResponse(given), isResponse.errors]).toEqual([true, null])
})

const ANSWERS: Readonly<Record<'ConnectAnswer' | 'DecisionAnswer' | 'HandledAnswer' | 'MembershipsAnswer', Answer[]>> =
  {
    ConnectAnswer: [
      PERMITS.connect,
      { permit: true },
      { permit: true, subject: '' },
      { permit: true, subject: '4'.repeat(257) },
      { permit: true, subject: '42', claims: [] },
      { permit: true, subject: '42', expiresAt: '4000000000' },
      { permit: true, subject: '42', roles: ['admin'] },
      { permit: 'true', subject: '42' },
      { permit: null, subject: '42' },
      { permit: true, subject: '42', maxAgeSeconds: -1 },
    ],
    DecisionAnswer: [
      PERMITS.join,
      { permit: true },
      { permit: false },
      { permit: false, code: 'AUTH_RATE_LIMITED', maxAgeSeconds: 5 },
      { permit: false, code: 'AUTH_REVOKED' },
      { permit: null },
      { permit: 1 },
      {},
      { permit: true, expires: 1 },
      { permit: false, expiresAt: 1 },
    ],
    HandledAnswer: [
      PERMITS.handle,
      { permit: true },
      { permit: true, reply: 'sent' },
      { permit: true, reply: Array(101).fill(0) },
      { permit: true, publish: [{ to: { user: { issuer: 'app', subject: '42' } }, event: 'note' }] },
      { permit: true, publish: [{ to: { namespace: true }, event: 'note', namespace: '/admin' }] },
      { permit: true, publish: [{ to: { namespace: '/admin' }, event: 'note' }] },
      { permit: true, publish: [{ to: { room: 'a', namespace: true }, event: 'note' }] },
      { permit: true, publish: [{ to: { room: '' }, event: 'note' }] },
      { permit: true, publish: [{ to: { room: 'a' } }] },
      { permit: true, publish: [{ to: { room: 'a' }, event: 'note', args: {} }] },
      { permit: true, publish: [{ room: 'a', event: 'note' }] },
    ],
    MembershipsAnswer: [
      PERMITS.memberships,
      { rooms: [] },
      {},
      { rooms: 'a' },
      { rooms: [1] },
      { rooms: ['a'], room: 'b' },
    ],
  }
const ASKED = {
  ConnectAnswer: 'connect',
  DecisionAnswer: 'event',
  HandledAnswer: 'handle',
  MembershipsAnswer: 'memberships',
}

it.each(Object.entries(ANSWERS))(
  'what the document accepts for %s is used, and what it does not is undecided',
  async (name, all) => {
    const accepts = schemaOf(name)
    for (const answer of all) {
      const { hooks } = await asking(() => answer)
      const used = await Promise.resolve(ASK[ASKED[name as keyof typeof ASKED]]?.(hooks)).then(
        () => true,
        (error: unknown) => !(AuthError.is(error) && error.code === 'AUTH_UNAVAILABLE'),
      )
      const id = '00000000-0000-4000-8000-000000000000'
      expect([answer, used]).toEqual([answer, accepts({ id, ...answer })])
    }
  },
)
