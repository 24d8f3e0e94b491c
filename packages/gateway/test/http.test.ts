import { beforeAll, describe, expect, it } from 'vitest'
import { cookieOf, type Running, runGateway } from './running.ts'

let running: Running
beforeAll(async () => {
  running = await runGateway()
}, 60_000)

const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code
const me = async (cookie: string) => (await fetch(`${running.url}/me`, { headers: { cookie } })).json()

describe('logging in', () => {
  it('gives a cookie that scripts cannot read and that says who is logged in', async () => {
    const response = await running.post('/login', { username: 'alice', password: running.passwords.alice })
    expect(response.status).toBe(200)
    expect(response.headers.get('set-cookie')).toMatch(
      /^portcullis\.sid=s%3A[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
    )
    const user = { issuer: 'organization-news', subject: '1', name: 'alice', display: 'Alice', admin: false }
    const expected = {
      user: { ...user, subject: expect.stringMatching(/^\d+$/), organizations: [{ id: 'acme', role: 'editor' }] },
    }
    expect(await response.json()).toEqual(expected)
    expect(await me(cookieOf(response))).toEqual(expected)
  })

  it('answers a form with a redirect to the page', async () => {
    const body = new URLSearchParams({ username: 'alice', password: running.passwords.alice })
    const response = await fetch(`${running.url}/login`, { method: 'POST', body, redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([303, '/'])
    expect(await me(cookieOf(response))).toMatchObject({ user: { name: 'alice' } })
  })

  it('sends a browser whose form was refused back to the page with the code', async () => {
    const body = new URLSearchParams({ username: 'alice', password: 'wrong' })
    const response = await fetch(`${running.url}/login`, {
      method: 'POST',
      body,
      redirect: 'manual',
      headers: { Accept: 'text/html' },
    })
    expect([response.status, response.headers.get('location')]).toEqual([303, '/?refused=AUTH_CREDENTIAL_INVALID'])
  })

  it('refuses a wrong password and an unknown user alike', async () => {
    const answers = await Promise.all([
      running.post('/login', { username: 'alice', password: 'wrong' }),
      running.post('/login', { username: 'nobody', password: 'wrong' }),
    ])
    const [wrong, unknown] = await Promise.all(answers.map((answer) => answer.text()))
    expect(answers.map(({ status }) => status)).toEqual([401, 401])
    expect(wrong).toBe(unknown)
    expect(JSON.parse(wrong ?? '')).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID', retry: 'refresh' })
    expect(answers.map((answer) => answer.headers.get('set-cookie'))).toEqual([null, null])
  })

  it('changes the session id, and the old one is worth nothing', async () => {
    const old = await running.login('alice')
    const response = await running.post('/login', { username: 'bob', password: running.passwords.bob }, { cookie: old })
    expect(cookieOf(response)).not.toBe(old)
    expect(await me(old)).toEqual({ user: null })
    expect(await me(cookieOf(response))).toMatchObject({ user: { name: 'bob' } })
  })

  it.each([
    ['no body', undefined],
    ['objects for strings', { username: { $ne: '' }, password: ['x'] }],
    ['a NUL in the name', { username: 'alice\0', password: 'x' }],
    ['SQL in the name', { username: "' or 1=1 --", password: 'x' }],
    ['a password of 300 characters', { username: 'alice', password: 'x'.repeat(300) }],
  ])('refuses %s with AUTH_ARGUMENTS_INVALID', async (_what, body) => {
    const response = await running.post('/login', body)
    expect([response.status, await codeOf(response)]).toEqual([400, 'AUTH_ARGUMENTS_INVALID'])
  })

  it('takes no password from the URL', async () => {
    const query = new URLSearchParams({ username: 'alice', password: running.passwords.alice })
    const response = await running.post(`/login?${query}`, {})
    expect([response.status, await codeOf(response)]).toEqual([400, 'AUTH_ARGUMENTS_INVALID'])
  })

  it('answers a broken body with 400 and one above 16 kB with 413, in JSON', async () => {
    const json = { 'Content-Type': 'application/json' }
    const broken = await fetch(`${running.url}/login`, { method: 'POST', headers: json, body: '{"username":' })
    expect([broken.status, await codeOf(broken)]).toEqual([400, 'BODY_INVALID'])
    const large = await running.post('/login', { username: 'alice', password: 'x'.repeat(17_000) })
    expect([large.status, await codeOf(large)]).toEqual([413, 'BODY_TOO_LARGE'])
  })

  it('lets nobody guess more than ten times a minute, not even at once, and says when to come back', async () => {
    const guesses = await Promise.all(
      Array.from({ length: 14 }, (_, i) => running.post('/login', { username: 'carol', password: `guess ${i}` })),
    )
    expect(guesses.map(({ status }) => status).sort()).toEqual([...Array(10).fill(401), ...Array(4).fill(429)])
    const right = await running.post('/token', { username: 'carol', password: running.passwords.carol })
    expect([right.status, Number(right.headers.get('retry-after')) > 0]).toEqual([429, true])
    expect(await right.json()).toMatchObject({ code: 'AUTH_RATE_LIMITED', retry: 'backoff' })
    expect((await running.post('/login', { username: 'bob', password: running.passwords.bob })).status).toBe(200)
  })
})

describe('logging out', () => {
  it('ends the session and takes the cookie back', async () => {
    const cookie = await running.login('bob')
    const response = await running.post('/logout', {}, { cookie })
    expect(await response.json()).toEqual({ user: null })
    expect(response.headers.get('set-cookie')).toMatch(/^portcullis\.sid=; Path=\/; Expires=Thu, 01 Jan 1970/)
    expect(await me(cookie)).toEqual({ user: null })
  })

  it('answers a form with a redirect, and is no error for somebody who is not logged in', async () => {
    const response = await fetch(`${running.url}/logout`, {
      method: 'POST',
      body: new URLSearchParams(),
      redirect: 'manual',
    })
    expect([response.status, response.headers.get('location')]).toEqual([303, '/'])
  })
})

describe('another site', () => {
  const foreign = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]
  it.each(foreign)('with %o changes nothing', async (headers) => {
    const cookie = await running.login('alice')
    for (const path of ['/logout', '/login', '/token', '/news/acme']) {
      const response = await running.post(path, { title: 'x', username: 'alice', password: running.passwords.alice }, {
        cookie,
        ...headers,
      } as Record<string, string>)
      expect([path, response.status, await codeOf(response)]).toEqual([path, 403, 'AUTH_ORIGIN_REFUSED'])
    }
    expect(await me(cookie)).toMatchObject({ user: { name: 'alice' } })
  })

  it('of our own may', async () => {
    for (const origin of running.gateway.origins) {
      const response = await running.post(
        '/news/acme',
        { title: 'own' },
        { cookie: await running.login('alice'), origin },
      )
      expect(response.status).toBe(201)
    }
  })
})

describe('publishing over HTTP', () => {
  it('takes a cookie or a token of an editor of that organization', async () => {
    const byCookie = await running.post(
      '/news/acme',
      { title: ' By cookie ' },
      { cookie: await running.login('alice') },
    )
    expect(byCookie.status).toBe(201)
    expect(await byCookie.json()).toMatchObject({
      item: { organization: 'acme', title: 'By cookie', body: '', author: 'Alice' },
    })
    const authorization = `Bearer ${await running.token('alice')}`
    const byToken = await running.post('/news/acme', { title: 'By token', body: 'Text' }, { authorization })
    expect(await byToken.json()).toMatchObject({ item: { title: 'By token', body: 'Text' } })
  })

  it('refuses a reader, an editor elsewhere, and an organization that does not exist, with AUTH_FORBIDDEN', async () => {
    const attempts = [
      ['globex', await running.login('bob')],
      ['globex', await running.login('alice')],
      ['initech', await running.login('alice')],
    ] as const
    for (const [organization, cookie] of attempts) {
      const response = await running.post(`/news/${organization}`, { title: 'x' }, { cookie })
      expect([response.status, await codeOf(response)]).toEqual([403, 'AUTH_FORBIDDEN'])
    }
  })

  it('never falls back from a bad token to a good cookie', async () => {
    const headers = { cookie: await running.login('alice'), authorization: 'Bearer not.a.token' }
    const response = await running.post('/news/acme', { title: 'x' }, headers)
    expect([response.status, await codeOf(response)]).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
  })

  it('refuses somebody without a credential with AUTH_CREDENTIAL_MISSING', async () => {
    const response = await running.post('/news/acme', { title: 'x' })
    expect([response.status, await codeOf(response)]).toEqual([401, 'AUTH_CREDENTIAL_MISSING'])
  })

  it.each([
    ['/news/acme', {}],
    ['/news/acme', { title: '   ' }],
    ['/news/acme', { title: 'NUL \0' }],
    ['/news/acme', { title: 'x'.repeat(201) }],
    ['/news/acme', { title: 'x', author: 'Bob' }],
    ['/news/a.b', { title: 'x' }],
  ])('refuses %s with %o', async (path, body) => {
    const response = await running.post(path, body, { cookie: await running.login('alice') })
    expect([response.status, await codeOf(response)]).toEqual([400, 'AUTH_ARGUMENTS_INVALID'])
  })
})

describe('every answer', () => {
  it('forbids foreign scripts, frames and guessing of types', async () => {
    for (const path of ['/', '/status', '/nothing-here']) {
      const { headers } = await fetch(running.url + path)
      expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-powered-by')).toBeNull()
    }
  })

  it('is JSON, for a path that is not there too', async () => {
    const response = await fetch(`${running.url}/nothing-here`)
    expect([response.status, await codeOf(response)]).toEqual([404, 'NOT_FOUND'])
  })

  it('of healthz is 200 while the database answers', async () => {
    const response = await fetch(`${running.url}/healthz`)
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
  })
})
