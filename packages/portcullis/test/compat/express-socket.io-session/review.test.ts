/** What was found by comparing the facade with the original, and by attacking it from outside. */

import { sharedsession } from 'portcullis/compat/express-socket.io-session'
import { describe, expect, test } from 'vitest'
import { connect, handshakeOf, outcome, type Session, sessionOf, startWebApp } from './web-app.ts'

type Options = Parameters<typeof sharedsession>[2]

class Cart {
  readonly items: string[] = []
  add(item: string): void {
    this.items.push(item)
  }
}

async function start(options: Options) {
  const web = await startWebApp()
  web.io.use(sharedsession(web.session, options))
  const { cookie } = await web.visit('/')
  const client = connect(web.url, 4, { cookie })
  const { id } = sessionOf(cookie)
  expect(await outcome(client)).toBeNull()
  const { session } = handshakeOf(web.socketOf(client))
  const held = session as Session & { cart: Cart; at: Date; within: { at: Date }; helper: () => string }
  const saved = () =>
    new Promise<void>((resolve, reject) => session.save((error) => (error ? reject(error) : resolve())))
  return { ...web, client, cookie, session: held, stored: () => web.stored(id), saved }
}

describe('what a handler puts into the session', () => {
  test('stays what it was for the socket once it is saved: a Date, an instance of a class, a function', async () => {
    const { session, saved, stored } = await start({})
    Object.assign(session, { cart: new Cart(), at: new Date(5), within: { at: new Date(6) }, helper: () => 'here' })
    await saved()
    expect(await stored()).toMatchObject({ at: new Date(5).toJSON(), cart: { items: [] } })
    session.cart.add('apple')
    expect([session.at.getTime(), session.within.at.getTime(), session.helper()]).toEqual([5, 6, 'here'])
    await saved()
    expect(await stored()).toMatchObject({ cart: { items: ['apple'] } })
  })

  test('is saved by autoSave also where it is changed by its own methods', async () => {
    const { session, stored } = await start({ autoSave: true })
    Object.assign(session, { cart: new Cart(), at: new Date(5) })
    await expect.poll(stored).toMatchObject({ cart: { items: [] } })
    session.cart.add('apple')
    await expect.poll(stored).toMatchObject({ cart: { items: ['apple'] } })
    session.at.setTime(7)
    await expect.poll(stored).toMatchObject({ at: new Date(7).toJSON() })
  })

  test('may be no JSON: autoSave tells onError, and nothing ends', async () => {
    const errors: unknown[] = []
    const { session, client } = await start({ autoSave: true, onError: (error) => errors.push(error) })
    session.self = session
    await expect.poll(() => errors.length).toBe(1)
    expect(errors[0]).toBeInstanceOf(TypeError)
    expect(client.connected).toBe(true)
  })

  test('may be no JSON without autoSave: the socket outlives being looked at again', async () => {
    const { session, client, visit, cookie, store } = await start({ revalidateEveryMs: 1000, revalidateGraceMs: 0 })
    session.timer = setTimeout(() => {}, 60_000).unref()
    let looks = 0
    const get = store.get.bind(store)
    store.get = (id, done) => {
      looks += 1
      get(id, done)
    }
    await expect.poll(() => looks, { timeout: 10_000 }).toBeGreaterThanOrEqual(3)
    expect(client.connected).toBe(true)
    clearTimeout(session.timer as NodeJS.Timeout)
    expect((await visit('/', cookie)).text).toContain('cookie')
  })

  test('may come from a client and be nested in thousands of levels: nothing is saved, and session and process go on', async () => {
    const errors: unknown[] = []
    const { io, session, client, stored, saved, visit, cookie } = await start({
      autoSave: true,
      onError: (error) => errors.push(error),
    })
    // As in the README.
    for (const socket of io.sockets.sockets.values()) {
      socket.on('login', (userdata: unknown) => {
        session.userdata = userdata
      })
    }
    let deep: unknown = 1
    for (let i = 0; i < 2000; i += 1) deep = { a: deep }
    client.emit('login', deep)
    await expect.poll(() => errors.length).toBe(1)
    expect(String(errors[0])).toContain('RangeError')
    await expect(saved()).rejects.toThrow(RangeError)
    expect((await visit('/', cookie)).text).not.toContain('userdata')
    client.emit('login', { name: 'ann' })
    await expect.poll(stored).toMatchObject({ userdata: { name: 'ann' } })
    expect(client.connected).toBe(true)
  })
})
