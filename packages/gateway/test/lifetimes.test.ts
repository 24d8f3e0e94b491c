import { expect, it } from 'vitest'
import { startGateway } from '../src/demo/gateway.ts'
import { readSettings } from '../src/demo/settings.ts'
import { runGateway } from './running.ts'
import { client, closed, connected, refused, TRANSPORTS } from './socket-client.ts'

it('a socket ends with its token or session, says so, and the same credential is refused afterwards', async () => {
  const running = await runGateway({ TOKEN_LIFETIME_SECONDS: '2', SESSION_LIFETIME_SECONDS: '2' })
  const [token, cookie] = [await running.token('alice'), await running.login('alice')]
  const sockets = await Promise.all(
    TRANSPORTS.flatMap((transport) =>
      [{ token }, { cookie }].map((given) => connected(client(running, '/news', transport, given))),
    ),
  )
  for (const end of sockets.map(closed)) expect(await end).toMatchObject({ code: 'AUTH_EXPIRED', retry: 'refresh' })
  expect((await refused(client(running, '/news', 'websocket', { token }))).code).toBe('AUTH_EXPIRED')
  const authorization = `Bearer ${token}`
  expect(await (await running.post('/news/acme', { title: 'x' }, { authorization })).json()).toMatchObject({
    code: 'AUTH_EXPIRED',
  })
  expect(await (await fetch(`${running.url}/me`, { headers: { cookie } })).json()).toEqual({ user: null })
  await connected(client(running, '/news', 'websocket', { token: await running.token('alice') }))
}, 60_000)

it('a revocation outlives a restart', async () => {
  const running = await runGateway({ DATABASE_URL: '' })
  const [before, admin] = [await running.token('bob'), await running.token('carol')]
  const socket = await connected(client(running, '/admin', 'websocket', { token: admin }))
  await socket.emitWithAck('admin:revoke', 'bob')
  const after = await running.token('bob')
  await running.gateway.close()

  const settings = readSettings({ PORT: '0', DATA_DIR: running.dataDir }, running.dataDir)
  const gateway = await startGateway(settings, { pageFolder: running.dataDir, onError: () => undefined })
  try {
    const again = { ...running, url: `http://127.0.0.1:${gateway.port}` }
    expect((await refused(client(again, '/news', 'websocket', { token: before }))).code).toBe('AUTH_REVOKED')
    await connected(client(again, '/news', 'websocket', { token: after }))
  } finally {
    await gateway.close()
  }
}, 60_000)
