/** What an outside review found: the message of a refusal may be an object, as it is with Passport. */

import { authenticate } from 'portcullis/compat/socketio-jwt-auth'
import { expect, it } from 'vitest'
import { SECRET, sign, VERSIONS, withServer } from '../socketio-jwt/kit.ts'

it.each(VERSIONS)('tells socket.io-client %i the message of an object, and its name', async (version) => {
  const answers: unknown[] = [
    { name: 'Banned', message: 'until Monday' },
    { message: 'until Monday' },
    { message: 5 },
    5,
  ]
  await withServer(
    (io) => io.use(authenticate({ secret: SECRET }, (_payload, done) => done(null, false, answers.shift()))),
    async ({ outcome }) => {
      const ask = async () => (await outcome({ query: { auth_token: sign() } }, '', version))?.data
      expect(await ask()).toEqual({ name: 'Banned', message: 'until Monday' })
      expect(await ask()).toEqual({ name: 'Error', message: 'until Monday' })
      expect(await ask()).toEqual({ name: 'Error', message: 'Authentication failed' })
      expect(await ask()).toEqual({ name: 'Error', message: 'Authentication failed' })
    },
  )
})
