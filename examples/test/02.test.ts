import { createHmac } from 'node:crypto'
import { withAuth } from 'portcullis/client'
import { io } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { client, connected, next, outcome, paste, post, useExample } from './running.ts'

describe('example 02: a JSON Web Token', () => {
  const example = useExample('02', async () => ({ TOKEN_LIFETIME_SECONDS: '3' }))
  const login = async (name: string) => {
    const response = await post(`${example.url}/login`, { name, password: example.printed(name) })
    return ((await response.json()) as { token: string }).token
  }

  it('S11: the identity of the token is on the socket', async () => {
    const socket = await connected(client(example.url, { auth: { token: await login('alice') } }))
    expect(await socket.emitWithAck('hello')).toBe('Hello, alice, user 1')
    const whoami = await socket.emitWithAck('auth:whoami')
    expect(whoami).toMatchObject({ scheme: 'jwt', issuer: example.url, subject: '1' })
    expect(whoami.expiresAt).toBe(whoami.issuedAt + 3)
  })

  it.each([
    ['a wrong password', { name: 'alice', password: 'x' }],
    ['nobody', { name: 'nobody', password: 'x' }],
    ['no strings', { name: ['alice'], password: { length: 1 } }],
    ['nothing', {}],
  ])('refuses a login with %s', async (_what, body) => {
    const response = await post(`${example.url}/login`, body)
    expect(response.status).toBe(401)
    expect(await response.text()).not.toContain('token')
  })

  it('refuses a token that was changed, one without a signature and one in the query', async () => {
    const token = await login('alice')
    const [, payload = '', signature = ''] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const asBob = part({ ...claims, sub: '2' })
    const header = token.split('.')[0]
    const guessed = createHmac('sha256', 'secret').update(`${header}.${asBob}`).digest('base64url')
    for (const forged of [
      `${header}.${asBob}.${signature}`,
      `${part({ alg: 'none' })}.${asBob}.`,
      `${header}.${asBob}.${guessed}`,
    ]) {
      const refused = await outcome(client(example.url, { auth: { token: forged } }))
      expect(refused).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    }
    const refused = await outcome(client(example.url, { query: { token } }))
    expect(refused).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
  })

  it('ends a socket when its token expires, and says why', async () => {
    const socket = await connected(client(example.url, { auth: { token: await login('bob') } }))
    const [closed, gone] = [next(socket, 'auth:closed'), next(socket, 'disconnect')]
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_EXPIRED', retry: 'refresh' })
    await gone
  })

  it('a client with withAuth presents a new token before that, and stays connected', async () => {
    const socket = io(example.url, { autoConnect: false, forceNew: true })
    let asked = 0
    const auth = withAuth(socket, {
      credential: () => {
        asked += 1
        return login('alice')
      },
    })
    const ended: string[] = []
    socket.on('disconnect', (reason) => ended.push(reason))
    const twice = new Promise<void>((resolve) => auth.on('refreshed', () => asked === 3 && resolve()))
    socket.connect()
    await twice
    expect(ended).toEqual([])
    expect(await socket.emitWithAck('hello')).toBe('Hello, alice, user 1')
    auth.stop()
    socket.close()
  })

  it('prints commands that work when they are pasted', { timeout: 30_000 }, async () => {
    const [stay, byHand] = example.commands
    const hello = 'Hello, alice, user 1\n'
    expect(await paste(stay ?? '')).toBe(`${hello}refreshed\n${hello}refreshed\n${hello}`)
    expect(JSON.parse(await paste(byHand ?? ''))).toEqual({ token: expect.stringMatching(/^eyJ/) })
  })
})
