/** What was found by attacking the facade from outside. */

import * as facade from 'portcullis/compat/passport-socketio'
import { describe, expect, test } from 'vitest'
import { connect, KEY, outcome, SECRET, startWebApp, VERSIONS } from './web-app.ts'

describe('a page of another site that loads the connection as a script (JSONP)', () => {
  async function opened(headers: Record<string, string>, options: { readonly origins?: readonly string[] } = {}) {
    const { io, url, store, passport, login } = await startWebApp()
    io.use(facade.authorize({ key: KEY, secret: SECRET, store, passport, ...options }))
    io.on('connection', (socket) => socket.emit('secret', 'for Alice'))
    const cookie = await login('alice')
    const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace('OWN', url)]))
    async function load(sid: string): Promise<string> {
      const response = await fetch(`${url}/socket.io/?EIO=3&transport=polling&j=0${sid}`, {
        headers: { ...own, cookie },
      })
      return response.text()
    }
    const sid = /sid\\":\\"([^\\]+)/.exec(await load(''))?.[1] ?? ''
    return load(`&sid=${sid}`)
  }

  test.each([
    ['an old browser, or one without TLS, that says nothing of the page', {}],
    ['a page of another site', { referer: 'https://evil.example/' }],
    ['a page of another site that hides', { 'sec-fetch-site': 'cross-site' }],
    ['a page of a sibling', { 'sec-fetch-site': 'same-site', referer: 'https://evil.app.example/' }],
    ['a Referer that is none', { referer: 'about:blank' }],
  ])('reads nothing: %s', async (_who, headers) => {
    const heard = await opened(headers as Record<string, string>)
    expect(heard).toContain('Connections from this origin are not permitted')
    expect(heard).not.toContain('for Alice')
  })

  test.each([
    ['the server’s own page', { referer: 'OWN/page' }, {}],
    ['the server’s own page, as browsers of today say it', { 'sec-fetch-site': 'same-origin' }, {}],
    ['a page that is listed', { referer: 'https://app.example/' }, { origins: ['https://app.example'] }],
  ])('is no foreign page: %s', async (_who, headers, options) => {
    expect(await opened(headers as Record<string, string>, options)).toContain('for Alice')
  })
})

describe('what callbacks of old applications call accept with', () => {
  async function start(options: Partial<Parameters<typeof facade.authorize>[0]>) {
    const web = await startWebApp()
    const { store, passport } = web
    web.io.use(facade.authorize({ key: KEY, secret: SECRET, store, passport, ...options }))
    return web
  }

  test.each(VERSIONS)('accept(null, user) admits, with client %i', async (version) => {
    const web = await start({ success: ({ user }, accept) => accept(null, user) })
    expect(await outcome(connect(web.url, version, { cookie: await web.login('alice') }))).toBeNull()
  })

  test('message and data of an error that is no Error reach the client', async () => {
    const error = { message: 'log in first', data: { code: 'login' } }
    const web = await start({ fail: (_data, _message, _critical, accept) => accept(error) })
    const client = connect(web.url, 4)
    const refused = new Promise<Error & { data?: unknown }>((resolve) => client.once('connect_error', resolve))
    expect(await refused).toMatchObject(error)
  })
})

test('nobody looks again for a client that left while the store was asked, and that no callback ever answered', async () => {
  const { io, url, store, passport, login } = await startWebApp()
  const asked: (() => void)[] = []
  const looks: string[] = []
  const slow = {
    get(id: string, done: (error: unknown, session?: unknown) => void) {
      looks.push(id)
      if (looks.length > 1) store.get(id, done)
      else asked.push(() => store.get(id, done))
    },
  }
  let succeeded = 0
  const success = () => {
    succeeded += 1
  }
  io.use(
    facade.authorize({ key: KEY, secret: SECRET, store: slow as never, passport, revalidateEveryMs: 1000, success }),
  )
  const gone = new Promise<void>((resolve) => {
    io.engine.on('connection', (conn: { once(event: string, then: () => void): void }) => conn.once('close', resolve))
  })
  const client = connect(url, 4, { cookie: await login('alice') })
  await expect.poll(() => asked.length).toBe(1)
  client.disconnect()
  await gone
  asked[0]?.()
  await expect.poll(() => succeeded).toBe(1)
  // Another one is looked at again meanwhile: the time has come.
  const other = connect(url, 4, { cookie: await login('bob') })
  const lookedAt = () => looks.filter((id) => id !== looks[0]).length
  await expect.poll(lookedAt, { timeout: 10_000 }).toBeGreaterThanOrEqual(3)
  other.disconnect()
  expect(looks.length - lookedAt()).toBe(1)
})
