import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createInspector, hashPassword, type InspectorSource } from 'portcullis-inspector'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Newsroom, newsroom, PASSWORDS, quickHash, SECRET, users } from './newsroom.ts'
import { asker, logIn } from './operator.ts'
import { openStream } from './sse.ts'

/** A source that knows nothing. */
const empty = {
  decisions: { read: () => ({ events: [], next: '', missed: 0 }), subscribe: () => () => {} },
  overview: () => {},
} as unknown as InspectorSource

let room: Newsroom
let cookie: string
beforeAll(async () => {
  room = await newsroom()
  cookie = await logIn(room.url)
})

describe('who may look', () => {
  it.each([
    'session',
    'overview',
    'connections',
    'connections/some-id',
    'members?namespace=/news&room=a',
    'decisions',
    'decisions/stream',
    'series',
    'shadow',
    'nothing',
  ])('answers 401 to api/%s without a session', async (path) => {
    const { status, body } = await asker(room.url).get(`api/${path}`)
    expect([status, body.title]).toEqual([401, 'Log in first.'])
  })

  it.each(['explain', 'revoke', 'disconnect'])('answers 401 to a POST of %s without a session', async (name) => {
    expect((await asker(room.url).post(`api/${name}`)).status).toBe(401)
  })

  it('sets a cookie that scripts cannot read and other sites do not send', async () => {
    const { headers, body } = await asker(room.url).post('api/sign-in', { name: 'ben', password: PASSWORDS.ben })
    expect(headers.get('set-cookie')).toMatch(
      /^portcullis-inspector=[\w.-]+; Max-Age=28800; HttpOnly; SameSite=Strict$/,
    )
    expect(body).toEqual({ name: 'ben', mayRevoke: false })
  })

  it('says who is logged in, and serves what they ask', async () => {
    const me = asker(room.url, cookie)
    expect((await me.get('api/session')).body).toEqual({ name: 'ada', mayRevoke: true, signIn: 'password' })
    expect((await me.get('api/overview')).body).toMatchObject({ title: 'Newsroom', state: 'fresh', version: '1.2.3' })
  })

  it('answers a wrong password and an unknown name alike', async () => {
    const wrong = await asker(room.url).post('api/sign-in', { name: 'ada', password: 'wrong' })
    const unknown = await asker(room.url).post('api/sign-in', { name: 'eve', password: 'wrong' })
    expect([wrong.status, wrong.text]).toEqual([401, unknown.text])
    expect(wrong.headers.get('set-cookie')).toBeNull()
  })

  it('refuses a cookie whose signature, name or end was changed', async () => {
    const [payload = '', signature = ''] = cookie.split('=')[1]?.split('.') ?? []
    const [id, , end] = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const forge = (parts: unknown) =>
      `portcullis-inspector=${Buffer.from(JSON.stringify(parts)).toString('base64url')}.${signature}`
    const changed = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
    for (const forged of [
      forge([id, 'ben', end]),
      forge([id, 'ada', end + 1]),
      `portcullis-inspector=${payload}.${changed}`,
      'portcullis-inspector=..',
    ]) {
      expect((await asker(room.url, forged).get('api/session')).status).toBe(401)
    }
    const beside = `portcullis-inspector=planted.value; ${cookie}`
    expect((await asker(room.url, beside).get('api/session')).status).toBe(200)
  })

  it('ends a session when its operator logs out', async () => {
    const mine = await logIn(room.url, 'ben')
    expect((await asker(room.url, mine).post('api/sign-out')).headers.get('set-cookie')).toMatch(/=; Max-Age=0/)
    expect((await asker(room.url, mine).get('api/session')).status).toBe(401)
    expect((await asker(room.url, cookie).get('api/session')).status).toBe(200)
  })

  it('ends the live feed of an operator who logs out', async () => {
    const mine = await logIn(room.url, 'ben')
    const stream = await openStream(`${room.url}api/decisions/stream`, { cookie: mine })
    const other = await openStream(`${room.url}api/decisions/stream`, { cookie })
    await asker(room.url, mine).post('api/sign-out')
    expect(await stream.next()).toBeNull()
    const socket = await room.enter('alice')
    expect((await other.next())?.data.events.length).toBeGreaterThan(0)
    other.close()
    socket.close()
  })

  it('ends the sessions of a password that was changed', async () => {
    const changed = [{ name: 'ada', passwordHash: quickHash('another'), mayRevoke: true }]
    const other = await newsroom({ users: changed })
    expect((await asker(other.url, cookie).get('api/session')).status).toBe(401)
    const same = await newsroom({ users: users() })
    expect((await asker(same.url, cookie).get('api/session')).status).toBe(200)
  })

  it('lets the application say who looks, and believes nothing else', async () => {
    const own = await newsroom({
      authenticate: ({ headers }) => (headers['x-operator'] === 'carl' ? { name: 'carl', mayRevoke: false } : null),
    })
    const { body } = await asker(own.url).get('api/session', { 'x-operator': 'carl' })
    expect(body).toEqual({ name: 'carl', mayRevoke: false, signIn: 'external' })
    expect((await asker(own.url, cookie).get('api/session')).body.title).toBe(
      'You are not logged in where this page is.',
    )
    expect((await asker(own.url).post('api/sign-in', { name: 'ada', password: PASSWORDS.ada })).status).toBe(404)
  })

  it('refuses every attempt of an address after ten failures, the right password included', async () => {
    const own = await newsroom()
    const attempts = Array.from({ length: 8 }, () => asker(own.url).post('api/sign-in', { name: 'eve', password: 'x' }))
    await Promise.all(attempts)
    const more = [1, 2, 3].map(() => asker(own.url).post('api/sign-in', { name: 'ada', password: 'x' }))
    expect((await Promise.all(more)).map(({ status }) => status).toSorted()).toEqual([401, 401, 429])
    const right = await asker(own.url).post('api/sign-in', { name: 'ada', password: PASSWORDS.ada })
    expect([right.status, Number(right.headers.get('retry-after')) > 200]).toEqual([429, true])
  })

  it('takes a password of hashPassword, however its letters were composed', async () => {
    const passwordHash = await hashPassword('caf\u00e9 au lait')
    const own = await newsroom({ users: [{ name: 'ada', passwordHash }] })
    const enter = (password: string) => asker(own.url).post('api/sign-in', { name: 'ada', password })
    expect((await enter('cafe\u0301 au lait')).status).toBe(200)
  })
})

describe('requests of other sites', () => {
  it.each([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ 'sec-fetch-site': 'none' }],
  ])('refuses a POST with %j', async (headers) => {
    for (const path of ['sign-in', 'sign-out', 'revoke', 'explain']) {
      expect(
        (await asker(room.url, cookie).post(`api/${path}`, {}, headers as unknown as Record<string, string>)).status,
      ).toBe(403)
    }
  })

  it('takes a POST of its own page', async () => {
    const question = { issuer: 'i', subject: 's', namespace: '/news' }
    const own = { origin: new URL(room.url).origin, 'sec-fetch-site': 'same-origin' }
    expect((await asker(room.url, cookie).post('api/explain', question, own)).status).toBe(200)
  })

  it.each([
    ['text/plain', '{}', 415],
    ['application/json', '{', 400],
    ['application/json', '[]', 400],
    ['application/json', `{"a":"${'a'.repeat(70_000)}"}`, 413],
  ])('refuses a body of %s that is not a JSON object of at most 64 KiB', async (type, body, status) => {
    expect((await asker(room.url, cookie).post('api/explain', body, { 'content-type': type })).status).toBe(status)
  })
})

describe('the page', () => {
  it('is given with a policy that lets no other script run and no other page frame it', async () => {
    const { status, headers, text } = await asker(room.url).get('')
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-cache'])
    expect(headers.get('content-security-policy')).toMatch(
      /default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/,
    )
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(text).not.toMatch(/<script>|style=|src="\//)
    const asset = /src="\.\/(assets\/[^"]+)"/.exec(text)?.[1] ?? ''
    expect((await asker(room.url).get(asset)).headers.get('cache-control')).toMatch(/immutable/)
  })

  it('weighs less than 60 KiB compressed', async () => {
    const { text } = await asker(room.url).get('')
    const assets = [...text.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path = '']) => path)
    const answers = await Promise.all(assets.map((path) => asker(room.url).get(path)))
    const bytes = answers.map(({ headers }) => Number(headers.get('content-length')))
    expect(answers.map(({ headers }) => headers.get('content-encoding'))).toEqual(assets.map(() => 'gzip'))
    expect(assets.length).toBe(3)
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(61_440)
  })

  it('leads from the path to the folder, and passes on what it does not know', async () => {
    const without = room.url.slice(0, -1)
    expect((await asker(without).get('')).headers.get('location')).toBe('./inspector/')
    for (const path of ['nothing.js', '../../../package.json', 'assets/%2e%2e/%2e%2e/index.js']) {
      const { status, headers } = await asker(room.url).get(path)
      expect([status, headers.get('x-powered-by')]).toEqual([404, 'Express'])
    }
  })

  it('keeps data out of every cache', async () => {
    expect((await asker(room.url, cookie).get('api/overview')).headers.get('cache-control')).toBe('no-store')
  })

  it('takes a body that the application has parsed already', async () => {
    const inspector = createInspector({ source: empty, users: users(), secret: SECRET })
    const server = express().use(express.json(), inspector).listen(0)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    expect(await logIn(url)).toMatch(/^portcullis-inspector=/)
    inspector.close()
    server.close()
    server.closeAllConnections()
  })

  it('is served by node:http alone', async () => {
    const inspector = createInspector({ source: empty, users: users(), secret: SECRET })
    const server = createServer(inspector).listen(0)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    expect((await asker(url).get('')).status).toBe(200)
    expect((await asker(url).get('nothing')).status).toBe(404)
    expect((await asker(url, await logIn(url)).get('api/session')).body.name).toBe('ada')
    inspector.close()
    server.close()
    server.closeAllConnections()
  })
})
