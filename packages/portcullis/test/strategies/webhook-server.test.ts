import { webhook } from 'portcullis/strategies/webhook'
import { expect, test } from 'vitest'
import { keys, outcome, start } from '../harness.ts'
import { backend, rawBackend, SECRET } from './webhook-fixtures.ts'

const TOKEN = 'token-of-a-user-0123456789'

test('K14, F7: on a real server: a permit admits, a refusal does not, a revoked one is refused although its answer is remembered', async () => {
  const { origin, requests } = await backend((_request, response, body) => {
    const permit = JSON.parse(body.toString()).credential === TOKEN
    response.writeHead(200, { 'cache-control': 'max-age=30' })
    const issuedAt = Math.floor(Date.now() / 1000) - 60
    response.end(JSON.stringify(permit ? { permit, subject: '42', issuedAt } : { permit }))
  })
  const strategy = webhook({ url: origin, secret: SECRET, issuer: 'app' })
  const server = await start({ strategies: [strategy as never, keys(new Map())] })
  const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
  const subjects: string[] = []
  chat.on('connection', (socket) => subjects.push(socket.data.identity.subject))
  const come = (token: string) => outcome(server.client('/chat', { auth: { token } }))
  expect(await come(TOKEN)).toBeNull()
  expect((await come('another-token'))?.code).toBe('AUTH_CREDENTIAL_INVALID')
  const asked = requests.length
  await server.auth.revoke({ issuer: 'app', subject: '42' })
  expect((await come(TOKEN))?.code).toBe('AUTH_REVOKED')
  expect([subjects, requests.length]).toEqual([['42'], asked])
  expect(JSON.stringify([server.audit, server.errors])).not.toContain(TOKEN)
})

test('F7, W02: on a real server: a back end that hangs is 503 on polling and on the upgrade, and nobody connects', async () => {
  const { origin } = await rawBackend(() => {})
  const strategy = webhook({ url: origin, secret: SECRET, issuer: 'app', timeoutMs: 200 })
  const server = await start({ strategies: [strategy as never] })
  const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
  let connected = 0
  chat.on('connection', () => {
    connected += 1
  })
  const headers = { authorization: `Bearer ${TOKEN}` }
  const answers = await Promise.all([
    server.get('/socket.io/?EIO=4&transport=polling', headers),
    server.upgrade('/socket.io/?EIO=4&transport=websocket', headers),
  ])
  expect(answers.map(({ status }) => status)).toEqual([503, 503])
  expect(answers[0]?.body).toContain('AUTH_UNAVAILABLE')
  expect(connected).toBe(0)
  expect(JSON.stringify([server.audit, String(server.errors.map(({ error }) => error))])).not.toContain(TOKEN)
})
