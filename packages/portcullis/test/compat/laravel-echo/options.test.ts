import * as module_ from 'portcullis/compat/laravel-echo'
import { channelRule, laravelEcho, run as runEcho, strategy } from 'portcullis/compat/laravel-echo'
import { Server } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { application, heard, inRoom, run, subscribed, until } from './site.ts'

const redis = { call: async () => null, duplicate: () => null } as never

describe('at start-up', () => {
  it.each([
    [{ port: 6001 }, /"port" belongs to the server.*listen\(\)/],
    [{ host: '0.0.0.0' }, /"host" belongs to the server/],
    [{ protocol: 'https' }, /"protocol" belongs to the server/],
    [{ sslCertPath: '/cert.pem' }, /"sslCertPath".*"cert" of https\.createServer\(\)/],
    [{ sslKeyPath: '/key.pem' }, /"sslKeyPath"/],
    [{ sslCertChainPath: '/chain.pem' }, /"sslCertChainPath"/],
    [{ sslPassphrase: 'x' }, /"sslPassphrase"/],
    [{ secureOptions: 1 }, /"secureOptions"/],
    [{ socketio: { path: '/x' } }, /"socketio".*new Server\(\)/],
    [{ headers: { 'X-A': 'b' } }, /"headers"/],
    [{ authHost: '.example.com' }, /"authHost" must be a URL/],
    [{ authHost: 'app.example' }, /"authHost" must be a URL/],
    [{ authHost: 'https://a:b@app.example' }, /"authHost" must not contain a password/],
    [{ authHost: 'https://app.example?x=' }, /"authHost" must not contain a password, a query/],
    [{ authHost: ['https://a.example', 'https://b.example'] }, /"authHost" must be one URL/],
    [{ authEndpoint: 'broadcasting/auth' }, /"authEndpoint" must be a path/],
    [{ authEndpoint: '//evil.example/auth' }, /"authEndpoint" must be a path/],
    [{ clients: [{ appId: 'a', key: 'short' }] }, /"clients" must have a "key" of 16/],
    [{ clients: [{ appId: '', key: 'k'.repeat(16) }] }, /"clients" must have an "appId"/],
    [
      {
        clients: [
          { appId: 'a', key: 'k'.repeat(16) },
          { appId: 'a', key: 'l'.repeat(16) },
        ],
      },
      /no two the same/,
    ],
    [{ clients: {} }, /"clients" must be an array/],
    [{ database: 'sqlite' }, /"database" cannot be sqlite: write redis/],
    [{ database: 'redis' }, /write redis: <your client>/],
    [{ subscribers: { redis: true } }, /write redis: <your client>/],
    [{ redis }, /"keyPrefix" must be what Laravel puts before its channels/],
    [{ redis: {}, keyPrefix: 'x_' }, /"redis" must be a client/],
    [{ redis, keyPrefix: 7 }, /"keyPrefix" must be a string/],
    [{ apiOriginAllow: { allowCors: true } }, /"apiOriginAllow.allowOrigin"/],
    [{ forwardHeaders: ['Host'] }, /"forwardHeaders" must not contain "host"/],
    [{ forwardHeaders: ['X-Forwarded-For'] }, /"forwardHeaders"/],
    [{ forwardHeaders: ['Cookie'] }, /"forwardHeaders"/],
    [{ forwardHeaders: ['a b'] }, /"forwardHeaders"/],
    [{ forwardHeaders: 'X-A' }, /"forwardHeaders" must be an array/],
    [{ origins: ['app.example'] }, /"origins"/],
    [{ authTimeoutMs: 0 }, /"authTimeoutMs" must be a number from 100 to 30000/],
    [{ reauthorizeEveryMs: Number.POSITIVE_INFINITY }, /"reauthorizeEveryMs"/],
    [{ maxChannels: Number.NaN }, /"maxChannels"/],
    [{ allowQueryKey: 'yes' }, /"allowQueryKey"/],
  ])('%j is refused', (options, message) => {
    const io = new Server()
    expect(() => laravelEcho(io, options as never)).toThrow(TypeError)
    expect(() => laravelEcho(io, options as never)).toThrow(message)
  })

  it('the file that the old command line wrote is taken once what it says of listening is left out', () => {
    const file = {
      authHost: 'http://localhost',
      authEndpoint: '/broadcasting/auth',
      clients: [{ appId: 'f00', key: '0123456789abcdef0123456789abcdef' }],
      databaseConfig: {},
      devMode: true,
      host: null,
      socketio: {},
      sslCertPath: '',
      sslKeyPath: '',
      sslCertChainPath: '',
      sslPassphrase: '',
      subscribers: { http: true },
      apiOriginAllow: { allowCors: false, allowOrigin: '', allowMethods: '', allowHeaders: '' },
    }
    expect(() => laravelEcho(new Server(), file as never)).not.toThrow()
  })

  it('connectionStateRecovery is refused: it gives rooms back without asking', () => {
    const io = new Server({ connectionStateRecovery: {} })
    expect(() => laravelEcho(io, {})).toThrow(/"connectionStateRecovery"/)
  })

  it.each([undefined, null, {}, 7])('%s is no server', (io) => {
    expect(() => laravelEcho(io as never)).toThrow(/must be a Socket\.IO server/)
  })

  it('rule and strategy say what is wrong with them', () => {
    expect(() => channelRule({ grantSeconds: 0 })).toThrow(/"grantSeconds"/)
    expect(() => channelRule({ authHost: '.example.com' })).toThrow(/"authHost"/)
    expect(() => strategy({ authHost: [] })).toThrow(/"authHost"/)
  })
})

describe('run', () => {
  it('refuses to make a server, and says what to write', async () => {
    await expect(runEcho({ authHost: 'http://localhost' } as never)).rejects.toThrow(
      /"io" must be your own.*write run\(\{ io/,
    )
  })

  it('resolves with the running server', async () => {
    const echo = await runEcho({ io: new Server() })
    await echo.stop()
  })

  it('is where it was in the module', () => {
    expect(module_.default.run).toBe(runEcho)
    expect(Object.entries(module_)).toContainEqual(['module.exports', module_.default])
  })
})

describe('a namespace', () => {
  it('has channels of its own', async () => {
    const app = await application()
    const running = await run(app)
    const other = running.io.of('/tenant')
    laravelEcho(other, { authHost: app.url })
    const page = await running.page()
    await subscribed(running, page, 'news')
    const tenant = page.io.socket('/tenant')
    tenant.emit('subscribe', { channel: 'news' })
    await until(() => other.adapter.rooms.get('laravel-echo#news')?.size === 1)
    const arrived = heard(tenant, 'Only')
    page.on('Only', () => expect.unreachable())
    other.to('laravel-echo#news').emit('Only', 'news', 1)
    await arrived
    expect(inRoom(running, 'news')).toBe(1)
  })
})

describe('stop', () => {
  it('leaves every channel, and hears nothing more', async () => {
    const running = await run(await application())
    const page = await running.page()
    for (const channel of ['news', 'private-a', 'presence-b']) await subscribed(running, page, channel)
    await running.echo.stop()
    for (const channel of ['news', 'private-a', 'presence-b']) expect(inRoom(running, channel)).toBe(0)
    page.emit('subscribe', { channel: 'news' })
    const pong = heard(page, 'pong')
    running.io
      .of('/')
      .sockets.get(page.id ?? '')
      ?.on('ping', () => page && running.io.emit('pong'))
    page.emit('ping')
    await pong
    expect(inRoom(running, 'news')).toBe(0)
  })
})
