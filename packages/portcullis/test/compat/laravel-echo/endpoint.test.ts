import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createTls } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Socket as TcpSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { onCleanup } from '../../harness.ts'
import { application, heard, inRoom, listenOn, run, subscribed, until, type Verdict } from './site.ts'

/** What a page hears that wants the channel, where the application answers so. */
async function told(verdict: Verdict, channel = 'private-orders.1', options: object = {}): Promise<unknown> {
  const app = await application()
  app.answer = () => verdict
  return await toldBy(app.url, channel, options)
}

async function toldBy(url: string, channel = 'private-orders.1', options: object = {}): Promise<unknown> {
  const running = await run({ url }, options)
  const page = await running.page()
  const answer = Promise.race([heard(page, 'subscription_error'), heard(page, 'presence:subscribed')])
  let answered = false
  const done = answer.finally(() => {
    answered = true
  })
  done.catch(() => {})
  page.emit('subscribe', { channel })
  if (channel.startsWith('presence-')) return await answer
  await until(() => answered || inRoom(running, channel) === 1)
  return answered ? await answer : 'joined'
}

async function tcp(each: (socket: TcpSocket) => void): Promise<string> {
  const open = new Set<TcpSocket>()
  const server = createTcp((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    each(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const error = (status: number, channel = 'private-orders.1') => [channel, status]

describe('what the application answers', () => {
  it.each([
    ['true, as RedisBroadcaster', true],
    ['an object, as PusherBroadcaster', { auth: 'key:signature' }],
  ])('%s, lets in', async (_what, body) => {
    expect(await told({ status: 200, body })).toBe('joined')
  })

  it.each([
    ['a login page', '<html>login</html>'],
    ['false', 'false'],
    ['nothing', ''],
    ['a string', '"true"'],
    ['a number', '1'],
    ['an array', '[true]'],
    ['null', 'null'],
  ])('%s with status 200 lets nobody in', async (_what, body) => {
    expect(await told({ status: 200, body })).toEqual(error(403))
  })

  it.each([201, 204, 301, 302, 400, 401, 403, 404, 419, 422, 429, 500, 503])('%i lets nobody in', async (status) => {
    expect(await told({ status, body: status === 204 ? '' : true })).toEqual(error(status))
  })

  it.each([
    ['an object', { channel_data: { user_id: 'u1', user_info: { a: 1 } } }, { user_id: 'u1', user_info: { a: 1 } }],
    ['the text of one', { channel_data: '{"user_id":7,"user_info":[1]}' }, { user_id: 7, user_info: [1] }],
    ['one without user_info', { channel_data: { user_id: 7 } }, { user_id: 7, user_info: null }],
    [
      'one with more, of which nothing is passed on',
      { channel_data: { user_id: 7, user_info: {}, socketId: 'x', session: 'y' } },
      { user_id: 7, user_info: {} },
    ],
  ])('channel_data as %s makes a member', async (_what, body, member) => {
    expect(await told({ status: 200, body }, 'presence-room')).toEqual(['presence-room', [member]])
  })

  it.each([
    ['true', true],
    ['no channel_data', {}],
    ['channel_data that is no JSON', { channel_data: '{' }],
    ['no user_id', { channel_data: { user_info: {} } }],
    ['an empty user_id', { channel_data: { user_id: '' } }],
    ['a user_id that is an object', { channel_data: { user_id: {} } }],
    ['a user_id of __proto__', '{"channel_data":{"__proto__":{"user_id":1}}}'],
  ])('%s makes none, and is refused with 0', async (_what, body) => {
    expect(await told({ status: 200, body }, 'presence-room')).toEqual(error(0, 'presence-room'))
  })

  it('more bytes than maxAnswerBytes is none', async () => {
    const body = { padding: 'x'.repeat(2_000) }
    expect(await told({ status: 200, body }, 'private-orders.1', { maxAnswerBytes: 1_000 })).toEqual(error(0))
  })

  it('compressed is none, since nobody asked for that', async () => {
    expect(await told({ status: 200, body: true, headers: { 'Content-Encoding': 'gzip' } })).toEqual(error(0))
  })
})

describe('an application that is away', () => {
  it('refuses the connection: 0', async () => {
    const site = await listenOn(() => {})
    await site.close()
    expect(await toldBy(site.url)).toEqual(error(0))
  })

  it('says nothing: 0, after authTimeoutMs', async () => {
    const before = performance.now()
    expect(await toldBy(await tcp(() => {}), 'private-orders.1', { authTimeoutMs: 200 })).toEqual(error(0))
    expect(performance.now() - before).toBeLessThan(5_000)
  })

  it('drips: 0, after authTimeoutMs', async () => {
    const url = await tcp((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n')
      const timer = setInterval(() => socket.write(' '), 20)
      socket.on('close', () => clearInterval(timer))
    })
    expect(await toldBy(url, 'private-orders.1', { authTimeoutMs: 200 })).toEqual(error(0))
  })

  it.each([
    ['closes at once', (socket: TcpSocket) => socket.destroy()],
    ['speaks no HTTP', (socket: TcpSocket) => socket.end('hello\r\n\r\n')],
    ['stops within its answer', (socket: TcpSocket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntr')],
    [
      'says its length twice',
      (socket: TcpSocket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\ntrue'),
    ],
  ])('%s: 0', async (_what, each) => {
    expect(await toldBy(await tcp((socket) => socket.once('data', () => each(socket))))).toEqual(error(0))
  })

  it('closes a kept connection: is asked once more', async () => {
    let connections = 0
    const url = await tcp((socket) => {
      connections += 1
      let requests = 0
      socket.on('data', () => {
        requests += 1
        if (requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue')
        else socket.destroy()
      })
    })
    const running = await run({ url })
    const page = await running.page()
    await subscribed(running, page, 'private-a')
    await subscribed(running, page, 'private-b')
    expect(connections).toBe(2)
  })
})

describe('hole 31: TLS', () => {
  it('a certificate that nobody vouches for is no application, and one of "ca" is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-echo-'))
    onCleanup(() => rmSync(folder, { recursive: true, force: true }))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert]
    execFileSync('openssl', [...args, ...subject], { stdio: 'ignore' })
    const ca = readFileSync(cert, 'utf8')
    let asked = 0
    const https = createTls({ key: readFileSync(key), cert: ca }, (_request, response) => {
      asked += 1
      response.end('true')
    })
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
    onCleanup(() => {
      https.closeAllConnections()
      https.close()
    })
    const url = `https://localhost:${(https.address() as AddressInfo).port}`
    expect(await toldBy(url)).toEqual(error(0))
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      expect(await toldBy(url)).toEqual(error(0))
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
    expect(asked).toBe(0)
    expect(await toldBy(url, 'private-orders.1', { ca })).toBe('joined')
  })
})

describe('what it is asked', () => {
  it('names the channel, and the socket where that is configured', async () => {
    const app = await application()
    const running = await run(app, { sendSocketId: true, authEndpoint: '/api/broadcasting/auth' })
    const page = await running.page()
    await subscribed(running, page, 'private-ü &=x')
    expect(app.asked[0]).toMatchObject({
      url: '/api/broadcasting/auth',
      form: { channel_name: 'private-ü &=x', socket_id: page.id },
    })
  })
})
