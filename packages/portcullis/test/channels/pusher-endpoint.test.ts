import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deny, permit, permitIf } from 'portcullis'
import { type PusherAuthEndpointOptions, pusherAuthEndpoint, pusherSigner } from 'portcullis/channels/pusher'
import { fakeClock } from 'portcullis/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { KEY, OTHER_SOCKET, present, SOCKET, vectors } from './pusher-fixtures.ts'

type Parsed = IncomingMessage & { readonly body?: unknown }
type Options = PusherAuthEndpointOptions<Parsed>

const signer = pusherSigner({ keys: [KEY] })
let server: Server
let url = ''
let endpoint = pusherAuthEndpoint<Parsed>({ signer, authorize: () => deny() })
/** What `authorize` was asked, and what `onError` was told. */
let asked: string[] = []
let errors: unknown[] = []

/** A server that parses as express.urlencoded() and express.json() do. */
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const type = request.headers['content-type'] ?? ''
    const form = () => {
      const body: Record<string, unknown> = {}
      for (const [name, value] of new URLSearchParams(text)) {
        body[name] = Object.hasOwn(body, name) ? [body[name], value].flat() : value
      }
      return body
    }
    const body = type.includes('json') ? JSON.parse(text) : type.includes('form') ? form() : undefined
    await endpoint(Object.assign(request, { body }), response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pusher/auth`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))
beforeEach(() => {
  asked = []
  errors = []
})

function serve(authorize: Options['authorize'], more: Partial<Options> = {}): void {
  endpoint = pusherAuthEndpoint<Parsed>({
    signer,
    authorize(request, channel) {
      asked.push(channel)
      return authorize(request, channel)
    },
    onError: (error) => errors.push(error),
    ...more,
  })
}

async function post(body: string | URLSearchParams, type?: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'x-user': '7', ...(type === undefined ? {} : { 'content-type': type }) },
  })
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  return { status: response.status, body: await response.json() }
}

/** As pusher-js sends it, through XMLHttpRequest. */
const ask = (channel: string, socketId = SOCKET) =>
  post(new URLSearchParams({ socket_id: socketId, channel_name: channel }))
const json = (body: unknown) => post(JSON.stringify(body), 'application/json')

const FORBIDDEN = { code: 'AUTH_FORBIDDEN', message: 'This is not permitted.', retry: 'never' }
const MALFORMED = {
  code: 'AUTH_ARGUMENTS_INVALID',
  message: 'The arguments do not fit what is expected.',
  retry: 'never',
}

describe('a socket that may have the channel', () => {
  test('gets a signature that holds for it alone, asked by form', async () => {
    serve(({ headers }, channel) => permitIf(channel === `private-user-${headers['x-user']}`))
    const { status, body } = await ask('private-user-7')
    expect(status).toBe(200)
    expect(Object.keys(body as object)).toEqual(['auth'])
    const presented = { ...(body as { auth: string }), channel: 'private-user-7' }
    expect(signer.verifyChannel({ ...presented, socketId: SOCKET })).not.toBeNull()
    expect(signer.verifyChannel({ ...presented, socketId: OTHER_SOCKET })).toBeNull()
  })

  test('gets the same asked by JSON, and with a socket id of Pusher', async () => {
    serve(() => permit())
    expect(await json({ socket_id: '123.456', channel_name: 'private-a' })).toEqual({
      status: 200,
      body: signer.signChannel('123.456', 'private-a'),
    })
    expect((await ask('private-a', '123.456')).body).toEqual(signer.signChannel('123.456', 'private-a'))
  })

  test('gets channel_data on a presence channel, with what Pusher knows of and nothing else', async () => {
    serve(async () => ({ user_id: 7, user_info: { name: 'Ann' }, password: 'never-sent' }))
    const { status, body } = await ask('presence-room')
    expect([status, body]).toEqual([
      200,
      { auth: expect.any(String), channel_data: '{"user_id":7,"user_info":{"name":"Ann"}}' },
    ])
    const { auth, channel_data: channelData } = body as { auth: string; channel_data: string }
    const verified = signer.verifyChannel({ socketId: SOCKET, channel: 'presence-room', auth, channelData })
    expect(verified?.member).toEqual({ userId: '7', userInfo: { name: 'Ann' } })
  })
})

describe('a request is refused with 400 before authorize is asked', () => {
  for (const socketId of present ? vectors.invalid_socket_ids : []) {
    test(`U02: with the socket id ${JSON.stringify(socketId)}`, async () => {
      serve(() => permit())
      expect(await json({ socket_id: socketId, channel_name: 'private-a' })).toEqual({ status: 400, body: MALFORMED })
      expect(asked).toEqual([])
    })
  }
  for (const channel of present ? vectors.invalid_channels : []) {
    test(`U02: with the channel ${JSON.stringify(channel)?.slice(0, 40)}`, async () => {
      serve(() => permit())
      expect(await json({ socket_id: SOCKET, channel_name: channel })).toEqual({ status: 400, body: MALFORMED })
      expect(asked).toEqual([])
    })
  }

  test('for a channel that needs no signature', async () => {
    serve(() => permit())
    for (const channel of ['orders', 'private', 'private-', 'presence-', 'Private-a', 'my-private-a']) {
      expect((await ask(channel)).status, channel).toBe(400)
    }
    expect(asked).toEqual([])
  })

  test('with a field twice, none, no object, or fields of a prototype', async () => {
    serve(() => permit())
    const twice = `socket_id=${SOCKET}&channel_name=private-a&channel_name=private-b`
    expect((await post(new URLSearchParams(twice))).status).toBe(400)
    const own = { socket_id: SOCKET, channel_name: 'private-a' }
    for (const body of [{}, [], null, 'x', 7, { ...own, channel_name: undefined }]) {
      expect((await json(body)).status).toBe(400)
    }
    const inherited = `{"__proto__":${JSON.stringify(own)}}`
    expect((await post(inherited, 'application/json')).status).toBe(400)
    expect((await post('socket_id=1.1&channel_name=private-a', 'text/plain')).status).toBe(400)
    expect(asked).toEqual([])
  })
})

describe('a request is refused with 403, and the reason is in no answer', () => {
  const answers: readonly (readonly [string, string, Options['authorize']])[] = [
    ['a denial', 'private-a', () => deny()],
    ['a denial with another code', 'private-a', async () => deny('AUTH_INSUFFICIENT_SCOPE')],
    ['a denial on a presence channel', 'presence-a', () => deny()],
  ]
  for (const [name, channel, authorize] of answers) {
    test(`after ${name}`, async () => {
      serve(authorize)
      expect(await ask(channel)).toEqual({ status: 403, body: FORBIDDEN })
      expect([asked, errors]).toEqual([[channel], []])
    })
  }

  const noDecisions = [undefined, null, true, 1, 'true', {}, [], { allow: true }, { effect: 'permit' }, permit]
  for (const answer of noDecisions) {
    test(`D13: when authorize answers ${typeof answer} ${JSON.stringify(answer)}`, async () => {
      for (const channel of ['private-a', 'presence-a']) {
        serve(() => answer as never)
        expect(await ask(channel)).toEqual({ status: 403, body: FORBIDDEN })
      }
      expect(errors).toHaveLength(2)
    })
  }

  test('when a presence channel is permitted without a member, or a private one with one', async () => {
    serve(() => permit())
    expect((await ask('presence-a')).status).toBe(403)
    serve(() => ({ user_id: '7' }))
    expect((await ask('private-a')).status).toBe(403)
  })

  test('U13: when the member is no member, or exceeds 2048 bytes', async () => {
    const members: unknown[] = [
      { user_id: '__proto__' },
      { user_id: { id: '7' } },
      { user_id: '' },
      { user_id: 7n },
      { user_id: '7', user_info: 'x'.repeat(1_000_000) },
    ]
    for (const member of members) {
      serve(() => member as never)
      expect(await ask('presence-a')).toEqual({ status: 403, body: FORBIDDEN })
    }
    expect(errors).toHaveLength(members.length)
  })

  test('Z01: when authorize throws or rejects, and even when onError throws too', async () => {
    const failure = new Error('postgres://user:secret@db/app')
    const fail = () => {
      throw failure
    }
    for (const authorize of [fail, () => Promise.reject(failure), () => Promise.reject(undefined)]) {
      serve(authorize as Options['authorize'])
      expect(await ask('private-a')).toEqual({ status: 403, body: FORBIDDEN })
    }
    expect(errors).toEqual([failure, failure, undefined])
    serve(fail, { onError: fail })
    expect(await ask('private-a')).toEqual({ status: 403, body: FORBIDDEN })
  })

  test('D13: when authorize does not answer within a second, and no timer is left', async () => {
    const clock = fakeClock()
    let reached = () => {}
    const asking = new Promise<void>((resolve) => {
      reached = resolve
    })
    serve(() => new Promise(() => reached()), { clock })
    const answer = ask('private-a')
    await asking
    await clock.advance(999)
    expect(errors).toEqual([])
    await clock.advance(1)
    expect(await answer).toEqual({ status: 403, body: FORBIDDEN })
    expect(errors).toMatchObject([{ code: 'AUTH_UNAVAILABLE', reason: 'authorize_timeout' }])
    serve(() => permit(), { clock })
    expect((await ask('private-a')).status).toBe(200)
    expect(clock.pending).toBe(0)
  })
})

describe('a user who signs in, with socket_id alone', () => {
  /** As pusher-js sends it to `/pusher/user-auth`. */
  const signIn = (socketId = SOCKET) => post(new URLSearchParams({ socket_id: socketId }))
  const verify = (body: unknown, socketId = SOCKET) => {
    const { auth, user_data: userData } = body as { auth: string; user_data: string }
    return signer.verifyUser({ socketId, auth, userData })
  }

  test('gets a signature that holds for its socket, asked by form or JSON', async () => {
    serve(() => deny(), { identify: async ({ headers }) => ({ id: String(headers['x-user']) }) })
    for (const { status, body } of [await signIn(), await json({ socket_id: SOCKET })]) {
      expect([status, body]).toEqual([200, signer.signUser(SOCKET, { id: '7' })])
      expect(verify(body)).toEqual({ key: KEY.key, userId: '7', data: { id: '7' } })
      expect(verify(body, OTHER_SOCKET)).toBeNull()
    }
    expect(asked).toEqual([])
  })

  test('has its user_info and watchlist signed, and nothing else of the application’s record', async () => {
    const user = { id: '7', user_info: { name: 'Ann' }, watchlist: ['8'], password: 'never-sent' }
    serve(() => deny(), { identify: () => user })
    const { body } = await signIn('123.456')
    expect(JSON.parse((body as { user_data: string }).user_data)).toEqual({
      id: '7',
      user_info: { name: 'Ann' },
      watchlist: ['8'],
    })
  })

  test('U08: gets nothing that opens a channel, and a channel’s answer signs nobody in', async () => {
    serve(() => permit(), { identify: () => ({ id: '7' }) })
    const { auth, user_data: channelData } = (await signIn()).body as { auth: string; user_data: string }
    for (const channel of ['private-a', 'presence-a']) {
      for (const data of [undefined, channelData, `user::${channelData}`]) {
        expect(signer.verifyChannel({ socketId: SOCKET, channel, auth, channelData: data })).toBeNull()
      }
    }
    const { body } = await ask('private-a')
    expect(verify({ ...(body as object), user_data: channelData })).toBeNull()
  })

  test('U02: is refused with 400 with no socket id of ours, or with a channel that is malformed, unasked', async () => {
    let times = 0
    const identify = () => {
      times += 1
      return { id: '7' }
    }
    serve(() => permit(), { identify })
    for (const socketId of ['', 'x', `${SOCKET}\n`, '1.1:private-a']) expect((await signIn(socketId)).status).toBe(400)
    for (const body of [{}, [], { socket_id: 7 }, { socket_id: SOCKET, channel_name: null }]) {
      expect(await json(body)).toEqual({ status: 400, body: MALFORMED })
    }
    expect((await ask('')).status).toBe(400)
    expect(times).toBe(0)
  })

  test('is refused with 400 where there is no identify', async () => {
    serve(() => permit())
    expect(await signIn()).toEqual({ status: 400, body: MALFORMED })
  })

  test('is refused with 403 when identify knows nobody, and nobody is told', async () => {
    serve(() => permit(), { identify: () => null })
    expect(await signIn()).toEqual({ status: 403, body: FORBIDDEN })
    expect(errors).toEqual([])
  })

  test('U13, Z01: is refused with 403 when identify throws or answers no user', async () => {
    const failure = new Error('postgres://user:secret@db/app')
    const fail = () => {
      throw failure
    }
    const users = [undefined, true, '7', {}, { id: '' }, { id: '__proto__' }, { id: ['7'] }, { user_id: '7' }, permit()]
    users.push({ id: '7', user_info: 'x'.repeat(1_000_000) } as never)
    for (const identify of [fail, () => Promise.reject(failure), ...users.map((user) => () => user)]) {
      serve(() => permit(), { identify: identify as never })
      expect(await signIn()).toEqual({ status: 403, body: FORBIDDEN })
    }
    expect(errors).toHaveLength(users.length + 2)
  })

  test('D13: is refused with 403 when identify does not answer within a second', async () => {
    const clock = fakeClock()
    let reached = () => {}
    const asking = new Promise<void>((resolve) => {
      reached = resolve
    })
    serve(() => permit(), { identify: () => new Promise(() => reached()), clock })
    const answer = signIn()
    await asking
    await clock.advance(1000)
    expect(await answer).toEqual({ status: 403, body: FORBIDDEN })
    expect(errors).toMatchObject([{ code: 'AUTH_UNAVAILABLE', reason: 'identify_timeout' }])
    expect(clock.pending).toBe(0)
  })
})

test('Z06: a polluted prototype permits nothing', async () => {
  const prototype = Object.prototype as unknown as Record<string, unknown>
  serve(() => ({}) as never, { identify: () => ({}) as never })
  try {
    Object.assign(prototype, { effect: 'permit', expiresAt: null, user_id: '7', id: '7' })
    expect((await ask('private-a')).status).toBe(403)
    expect((await ask('presence-a')).status).toBe(403)
    expect((await post(new URLSearchParams({ socket_id: SOCKET }))).status).toBe(403)
  } finally {
    for (const field of ['effect', 'expiresAt', 'user_id', 'id']) delete prototype[field]
  }
})

describe('options', () => {
  const good = { signer, authorize: () => permit() }
  for (const [option, value] of Object.entries({
    signer: {},
    authorize: 'yes',
    identify: 'yes',
    authorizeTimeoutMs: 0,
    onError: true,
  })) {
    test(`"${option}" is checked at once`, () => {
      expect(() => pusherAuthEndpoint({ ...good, [option]: value } as never)).toThrow(TypeError)
      expect(() => pusherAuthEndpoint({ ...good, [option]: value } as never)).toThrow(`"${option}"`)
    })
  }
})
