import { permit } from 'portcullis'
import { channelRule, laravelEcho, strategy } from 'portcullis/compat/laravel-echo'
import { describe, expect, it } from 'vitest'
import { next, ORIGIN, onCleanup, outcome, start } from '../../harness.ts'
import { application, CLIENTS, heard, userOf } from './site.ts'

const headers = (user: string) => ({ headers: { Authorization: `Bearer ${user}` } })
const rooms = (rule: ReturnType<typeof channelRule>) => ({ 'private-{kind}.{id}': rule })

describe('channelRule, under createAuth', () => {
  async function guarded(options: Parameters<typeof channelRule>[0] = {}) {
    const app = await application()
    const harness = await start()
    harness.auth.protect(harness.io.of('/'), {
      events: {},
      rooms: rooms(channelRule({ authHost: app.url, ...options })),
    })
    const client = harness.client('/', { auth: { token: 'alice-key' } })
    expect(await outcome(client)).toBeNull()
    return { app, harness, client }
  }

  it('lets in whom the application lets in, for grantSeconds', async () => {
    const { client } = await guarded({ grantSeconds: 1 })
    const left = next(client, 'auth:left')
    const reply = await client.emitWithAck('auth:join', 'private-orders.1', headers('1'))
    expect(reply).toEqual({ joined: ['private-orders.1'], expiresAt: expect.any(Number) })
    expect(await left).toEqual([expect.objectContaining({ room: 'private-orders.1' })])
  })

  it.each([
    ['whom the application refuses', headers('2'), 'AUTH_FORBIDDEN'],
    ['who brings nothing', undefined, 'AUTH_FORBIDDEN'],
    ['who brings no headers', { headers: 7 }, 'AUTH_ARGUMENTS_INVALID'],
    ['who brings a number', 7, 'AUTH_FORBIDDEN'],
  ])('refuses %s', async (_what, presented, code) => {
    const { client, harness } = await guarded()
    const reply = await client.emitWithAck('auth:join', 'private-orders.1', presented)
    expect(reply).toMatchObject({ error: { code } })
    expect(harness.io.of('/').adapter.rooms.has('private-orders.1')).toBe(false)
  })

  it('answers AUTH_UNAVAILABLE while the application is away', async () => {
    const { app, client } = await guarded()
    app.answer = () => ({ status: 503, body: {} })
    const reply = await client.emitWithAck('auth:join', 'private-orders.1', headers('1'))
    expect(reply).toMatchObject({ error: { code: 'AUTH_UNAVAILABLE', retry: 'backoff' } })
  })

  it('sends the cookie of the handshake where it is given the server, and none to a foreign page', async () => {
    const app = await application()
    const harness = await start()
    const rule = channelRule({ authHost: app.url, io: harness.io, sendSocketId: true, origins: [ORIGIN] })
    harness.auth.protect(harness.io.of('/'), { events: {}, rooms: rooms(rule) })
    const page = (Cookie: string, more = {}) =>
      harness.client('/', { auth: { token: 'alice-key' }, extraHeaders: { Cookie, Origin: ORIGIN, ...more } })
    const client = page('laravel_session=1')
    expect(await outcome(client)).toBeNull()
    expect(await client.emitWithAck('auth:join', 'private-orders.1')).toMatchObject({ joined: ['private-orders.1'] })
    expect(app.asked[0]?.form).toEqual({ channel_name: 'private-orders.1', socket_id: client.id })
    expect(app.asked[0]?.headers.cookie).toBe('laravel_session=1')
    const stranger = page('laravel_session=2')
    expect(await outcome(stranger)).toBeNull()
    expect(await stranger.emitWithAck('auth:join', 'private-orders.1')).toMatchObject({
      error: { code: 'AUTH_FORBIDDEN' },
    })
  })
})

describe('laravelEcho, in a namespace that createAuth protects', () => {
  it('answers pages that createAuth has let in, whose identity stays', async () => {
    const app = await application()
    const harness = await start()
    const events = { subscribe: () => permit(), unsubscribe: () => permit(), 'client event': () => permit() }
    harness.auth.protect(harness.io.of('/'), { events: events as never })
    const echo = laravelEcho(harness.io, { authHost: app.url })
    onCleanup(() => echo.stop())
    const page = (token: string) =>
      harness.client('/', { auth: { token, ...headers('1') }, extraHeaders: { Cookie: 'laravel_session=1' } })
    const [alice, bob, nobody] = [page('alice-key'), page('bob-key'), page('no-key')]
    expect(await Promise.all([alice, bob].map(outcome))).toEqual([null, null])
    expect(await outcome(nobody)).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    for (const each of [alice, bob]) {
      each.emit('subscribe', { channel: 'presence-room', auth: headers('1') })
      await heard(each, 'presence:subscribed')
    }
    const whisper = heard(bob, 'client-hello')
    alice.emit('client event', { channel: 'presence-room', event: 'client-hello', data: 1 })
    expect(await whisper).toEqual(['presence-room', 1])
    expect(harness.io.of('/').sockets.get(alice.id ?? '')?.data.identity).toMatchObject({
      scheme: 'key',
      subject: 'alice',
    })
  })
})

// Client 2 sends nothing with its CONNECT packet.
describe.each(CLIENTS.filter(([generation]) => generation > 2))(
  'strategy, under createAuth, with socket.io-client %i',
  (_generation, connect) => {
    async function guarded() {
      const app = await application()
      app.answer = (asked) => {
        const user = userOf(asked)
        return user === null || user === 'bad'
          ? { status: 403, body: {} }
          : { status: 200, body: { id: 7, name: user } }
      }
      const harness = await start(
        { strategies: [strategy({ authHost: app.url, revalidateEveryMs: 1_000 }) as never] },
        { allowEIO3: true },
      )
      harness.auth.protect(harness.io.of('/'), { events: { subscribe: permit } as never })
      const client = (auth: object) =>
        connect(harness.url, { forceNew: true, reconnection: false, transports: ['websocket'], auth })
      return { app, harness, client }
    }

    it('knows a page by what laravel-echo sends with CONNECT, and ends it when the application does', async () => {
      const { app, harness, client } = await guarded()
      const page = client(headers('alice'))
      await heard(page, 'connect')
      const [socket] = [...harness.io.of('/').sockets.values()]
      expect(socket?.data.identity).toMatchObject({
        scheme: 'legacy',
        issuer: 'laravel-echo-server',
        subject: '7',
        claims: { id: 7, name: 'alice' },
      })
      expect(app.asked.at(-1)?.url).toBe('/broadcasting/user-auth')
      const closed = heard(page, 'disconnect')
      app.answer = () => ({ status: 403, body: {} })
      await closed
      page.disconnect()
    })

    it('refuses who brings a bad token, or none', async () => {
      const { client, harness } = await guarded()
      for (const auth of [headers('bad'), {}, { headers: 7 }, { headers: { Authorization: 7 } }]) {
        const page = client(auth)
        await Promise.race([heard(page, 'connect_error'), heard(page, 'error')]).catch(() => {})
        expect(harness.io.of('/').sockets.size).toBe(0)
        page.disconnect()
      }
    })
  },
)
