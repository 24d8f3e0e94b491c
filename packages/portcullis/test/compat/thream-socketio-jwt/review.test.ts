/** What an outside review found: an error of the application may hold what cannot be written. */

import { authorize } from 'portcullis/compat/thream-socketio-jwt'
import { expect, it } from 'vitest'
import { SECRET, sign, withServer } from '../socketio-jwt/kit.ts'

const circle: Record<string, unknown> = { code: 'BANNED' }
circle.self = circle

it.each([
  ['a circle', circle, 'internal error'],
  ['a bigint', { until: 5n }, 'internal error'],
  ['plain data', { until: 5 }, 'banned'],
])('an error of onAuthentication whose data is %s refuses', async (_name, data, message) => {
  const uncaught: unknown[] = []
  const note = (error: unknown) => uncaught.push(error)
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', note)
  function onAuthentication() {
    throw Object.assign(new Error('banned'), { data })
  }
  try {
    await withServer(
      (io) => io.use(authorize({ secret: SECRET, onAuthentication })),
      async ({ outcome }) => {
        expect((await outcome({ auth: { token: `Bearer ${sign()}` } }))?.message).toBe(message)
      },
    )
    expect(uncaught).toEqual([])
  } finally {
    process.off('uncaughtException', note)
    for (const each of before) process.on('uncaughtException', each)
  }
})
