import { AuthRefusal } from 'portcullis/client'
import { type TestClientOptions, testClient } from 'portcullis/testing'
import { expect, test } from 'vitest'
import { bareServer, bodyOf, onCleanup } from '../client/bare-server.ts'

async function serverAndClient(options: TestClientOptions = {}) {
  const server = await bareServer()
  const client = testClient(server.url, { timeoutMs: 2_000, ...options })
  onCleanup(() => client.dispose())
  return { server, client }
}

test('connect resolves when the server admits it, and again at once', async () => {
  const { server, client } = await serverAndClient({ auth: { token: 'abc' } })
  await client.connect()
  await client.connect()
  expect(server.presented).toEqual([{ token: 'abc' }])
})

test('connect rejects with the refusal of the namespace', async () => {
  const { server, client } = await serverAndClient()
  server.refusals.push(bodyOf('AUTH_FORBIDDEN'))
  const error = await client.connect().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(AuthRefusal)
  expect(error).toMatchObject(bodyOf('AUTH_FORBIDDEN'))
})

test('connectError tells a refused namespace from a refused handshake', async () => {
  const { server, client } = await serverAndClient()
  server.refusals.push(bodyOf('AUTH_EXPIRED'))
  expect(await client.connectError()).toEqual({ ...bodyOf('AUTH_EXPIRED'), status: null })
  server.doorRefusals.push(bodyOf('AUTH_RATE_LIMITED'))
  expect(await client.connectError()).toEqual({ ...bodyOf('AUTH_RATE_LIMITED'), status: 429 })
  await client.connect()
})

test('connectError rejects when it connects', async () => {
  const { client } = await serverAndClient()
  await expect(client.connectError()).rejects.toThrow('expected a refusal, but it connected')
})

test('a failure without a refusal rejects with the error of socket.io', async () => {
  const { client } = await serverAndClient({ path: '/nothing-here' })
  await expect(client.connect()).rejects.toThrow('xhr poll error')
  await expect(client.connectError()).rejects.toThrow('xhr poll error')
})

test('next finds events that came before it was called, in order, and waits for later ones', async () => {
  const { server, client } = await serverAndClient()
  server.io.on('connection', (socket) => {
    socket.emit('news', 1, 'a')
    socket.emit('news', 2)
    socket.on('more', (reply) => {
      reply('sent')
      socket.emit('news', 3)
    })
  })
  await client.connect()
  expect(await client.next('news')).toEqual([1, 'a'])
  expect(await client.next('news')).toEqual([2])
  const third = client.next('news')
  expect(await client.emitAck('more')).toBe('sent')
  expect(await third).toEqual([3])
})

test('what does not come rejects within the deadline, and names itself', async () => {
  const { client } = await serverAndClient({ timeoutMs: 20 })
  await expect(client.next('news')).rejects.toThrow('no "news" within 20 ms')
  await expect(client.closed()).rejects.toThrow('no "disconnect" within 20 ms')
})

test('closed tells the reason and the auth:closed before it, once for each end', async () => {
  const { server, client } = await serverAndClient()
  server.io.once('connection', (socket) => {
    socket.emit('auth:closed', bodyOf('AUTH_REVOKED'))
    socket.disconnect()
  })
  await client.connect()
  expect(await client.closed()).toEqual({ reason: 'io server disconnect', refusal: bodyOf('AUTH_REVOKED') })
  server.io.once('connection', (socket) => socket.disconnect())
  await client.connect()
  expect(await client.closed()).toEqual({ reason: 'io server disconnect', refusal: null })
})

test('dispose disconnects and leaves no listener', async () => {
  const { server, client } = await serverAndClient()
  const gone = new Promise((resolve) => server.io.on('connection', (socket) => socket.on('disconnect', resolve)))
  await client.connect()
  client.dispose()
  expect(await gone).toBe('client namespace disconnect')
  expect([client.socket.listeners('connect'), client.socket.listenersAny()]).toEqual([[], []])
})
