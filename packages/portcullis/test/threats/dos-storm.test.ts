/** Everybody comes back at once. */

import { webhook } from 'portcullis/strategies/webhook'
import { expect, it } from 'vitest'
import { start } from '../harness.ts'
import { backend, SECRET } from '../strategies/webhook-fixtures.ts'

it('D17: of 400 clients who come at once with 40 credentials, each credential is asked about once', async () => {
  const issuedAt = Math.floor(Date.now() / 1000) - 60
  const { origin, requests } = await backend((_request, response, body) => {
    response.writeHead(200, { 'cache-control': 'max-age=30' })
    response.end(JSON.stringify({ permit: true, subject: JSON.parse(body.toString()).credential, issuedAt }))
  })
  const strategy = webhook({ url: origin, secret: SECRET, issuer: 'app' })
  const { get, auth, io } = await start({ strategies: [strategy as never] })
  auth.protect(io.of('/chat'), { events: {} })
  const answers = await Promise.all(
    Array.from({ length: 400 }, (_, i) =>
      get('/socket.io/?EIO=4&transport=polling', { authorization: `Bearer credential-of-a-user-${i % 40}` }),
    ),
  )
  expect(answers.map(({ status }) => status)).toEqual(Array(400).fill(200))
  const asked = requests.map(({ body }) => JSON.parse(body.toString()).credential)
  expect([asked.length, new Set(asked).size]).toEqual([40, 40])
})
