import { describe, expect, it } from 'vitest'
import {
  client,
  connected,
  cookieOf,
  failToStart,
  next,
  outcome,
  paste,
  post,
  useExample,
  useRedis,
} from './running.ts'

describe('example 03: the login of Express and Passport', () => {
  const { prefix } = useRedis()
  const example = useExample('03', async () => ({ REDIS_PREFIX: prefix }))
  const login = async (username: string) =>
    cookieOf(await post(`${example.url}/login`, { username, password: example.printed(username) }))
  const withCookie = (cookie: string) => client(example.url, { extraHeaders: { cookie, origin: example.url } })

  it('the cookie of the login opens a socket, with the user of deserializeUser', async () => {
    const socket = withCookie(await login('alice'))
    const greetings = next(socket, 'greetings')
    await connected(socket)
    expect(await greetings).toEqual(['Greetings, alice'])
    const said = next(socket, 'said')
    socket.emit('say', 'good morning')
    expect(await said).toEqual([{ name: 'alice', text: 'good morning' }])
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ scheme: 'passport', subject: '1' })
  })

  it('S12: handlers stand in a module of their own, and an event without a rule is refused', async () => {
    const socket = await connected(withCookie(await login('alice')))
    expect(await socket.emitWithAck('shout', 'x')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
  })

  it('refuses no cookie, a cookie with another signature and a page of another origin', async () => {
    const cookie = await login('alice')
    expect(await outcome(client(example.url))).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
    expect(await outcome(withCookie(`${cookie.slice(0, -3)}xyz`))).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    const elsewhere = client(example.url, { extraHeaders: { cookie, origin: 'https://elsewhere.example' } })
    expect(await outcome(elsewhere)).toMatchObject({ code: 'AUTH_ORIGIN_REFUSED' })
  })

  it('refuses a wrong password, and gives no session', async () => {
    const response = await post(`${example.url}/login`, { username: 'alice', password: 'wrong' })
    expect(response.status).toBe(401)
    expect(cookieOf(response)).toBe('')
  })

  it('a logout ends the sockets of that session and no others, and its cookie is worth nothing', async () => {
    const [first, second, other] = [await login('alice'), await login('alice'), await login('bob')]
    const ending = await Promise.all([connected(withCookie(first)), connected(withCookie(first))])
    const staying = await Promise.all([connected(withCookie(second)), connected(withCookie(other))])
    const closed = Promise.all(ending.flatMap((socket) => [next(socket, 'auth:closed'), next(socket, 'disconnect')]))
    const answer = await post(`${example.url}/logout`, {}, { cookie: first })
    expect(await answer.json()).toEqual({ closed: 2 })
    expect((await closed)[0]?.[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    for (const socket of staying) expect(await socket.emitWithAck('auth:whoami')).toHaveProperty('subject')
    expect(await outcome(withCookie(first))).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
  })

  it('prints commands that work when they are pasted', async () => {
    const [all, nobody] = example.commands
    const [first, second, third, ...ends] = (await paste(all ?? '')).trim().split('\n')
    expect([first, second, third]).toEqual(['login: 200', 'Greetings, alice', 'alice says: good morning'])
    // They arrive on two connections, in either order.
    expect(ends.sort()).toEqual(['closed: AUTH_REVOKED', 'logout: { closed: 1 }'])
    expect(JSON.parse(await paste(nobody ?? ''))).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
  })

  it('ends with one clear line where no Redis answers', async () => {
    const { code, stderr } = await failToStart('03', { REDIS_URL: 'redis://127.0.0.1:1' })
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^No Redis answers: .*REDIS_URL\.\n$/) })
  })
})
