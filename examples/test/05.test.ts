import { describe, expect, it } from 'vitest'
import { freePort } from './free-port.mjs'
import { client, connected, failToStart, next, outcome, paste, useExample, useRedis } from './running.ts'

describe('example 05: the login of a PHP site', () => {
  const { prefix, redis } = useRedis()
  let site = ''
  const example = useExample('05', async () => {
    const port = await freePort()
    site = `http://127.0.0.1:${port}`
    return { PHP_PORT: String(port), REDIS_PREFIX: prefix }
  })
  const submit = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(site, { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' })
  const login = async () => {
    const response = await submit({ name: 'alice', password: example.printed('alice') })
    expect(response.status).toBe(303)
    return response.headers.getSetCookie().at(-1)?.split(';')[0] ?? ''
  }
  const withCookie = (cookie: string) => client(example.url, { extraHeaders: { cookie, origin: site } })

  it('S13: a PHP logs in by its form, and its cookie opens the socket', async () => {
    const cookie = await login()
    const socket = withCookie(cookie)
    const greetings = next(socket, 'greetings')
    await connected(socket)
    expect(await greetings).toEqual(['Greetings, alice'])
    expect(await socket.emitWithAck('hello')).toBe('Hello, user 1')
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ scheme: 'php-session', subject: '1' })
    expect(await (await fetch(site, { headers: { cookie } })).text()).toContain(`${example.url}/socket.io/socket.io.js`)
  })

  it('S13: a visitor of the site who is not logged in has no socket, nor has a cookie that PHP never gave', async () => {
    const visitor = (await fetch(site)).headers.getSetCookie()[0]?.split(';')[0] ?? ''
    expect(visitor).toMatch(/^PHPSESSID=/)
    for (const cookie of [visitor, `PHPSESSID=${'0'.repeat(32)}`, 'PHPSESSID=../x']) {
      expect((await outcome(withCookie(cookie)))?.code).toMatch(/^AUTH_CREDENTIAL_(MISSING|INVALID)$/)
    }
    // A session that PHP keeps for somebody who has not logged in.
    await redis.set(`${prefix}${'a'.repeat(26)}`, 'visits|i:1;')
    const sockets = [withCookie(`PHPSESSID=${'a'.repeat(26)}`), client(example.url)]
    // Heard of all at once: a refusal that comes while another is awaited would be missed.
    for (const refusal of await Promise.all(sockets.map(outcome))) {
      expect(refusal).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
    }
  })

  it('refuses the cookie from a page of another origin', async () => {
    const cookie = await login()
    for (const origin of ['https://elsewhere.example', example.url]) {
      const elsewhere = client(example.url, { extraHeaders: { cookie, origin } })
      expect(await outcome(elsewhere)).toMatchObject({ code: 'AUTH_ORIGIN_REFUSED' })
    }
  })

  it('the site refuses a wrong password, and a form of another site', async () => {
    expect((await submit({ name: 'alice', password: 'wrong' })).status).toBe(401)
    const fields = { name: 'alice', password: example.printed('alice') }
    expect((await submit(fields, { origin: 'https://elsewhere.example' })).status).toBe(403)
  })

  it('a logout in PHP ends the sockets of that session at once, and no others', async () => {
    const [leaving, staying] = [await login(), await login()]
    const [first, second] = [await connected(withCookie(leaving)), await connected(withCookie(staying))]
    const closed = next(first, 'auth:closed')
    await submit({ logout: '1' }, { cookie: leaving })
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(await second.emitWithAck('hello')).toBe('Hello, user 1')
    expect(await (await fetch(site, { headers: { cookie: leaving } })).text()).toContain('Log in')
    expect((await outcome(withCookie(leaving)))?.code).toMatch(/^AUTH_(CREDENTIAL_INVALID|REVOKED)$/)
  })

  it('nobody revokes without the key of the site', async () => {
    const headers = { authorization: 'Bearer ', 'content-type': 'text/plain' }
    expect((await fetch(`${example.url}/revoke`, { method: 'POST', headers, body: 'x' })).status).toBe(401)
  })

  it('prints commands that work when they are pasted', async () => {
    const [all, nobody] = example.commands
    expect(await paste(all ?? '')).toBe('login: 303\nGreetings, alice\nclosed: AUTH_REVOKED\n')
    expect(JSON.parse(await paste(nobody ?? ''))).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
  })

  it('ends with one clear line where there is no Redis, or no PHP', async () => {
    const noRedis = await failToStart('05', { REDIS_URL: 'redis://127.0.0.1:1' })
    expect(noRedis).toEqual({ code: 1, stderr: expect.stringMatching(/^No Redis answers: .*REDIS_URL\.\n$/) })
    const noPhp = await failToStart('05', { PATH: '/nowhere' })
    expect(noPhp).toEqual({ code: 1, stderr: expect.stringMatching(/^No PHP with phpredis: .*\n$/) })
  })
})
