import { describe, expect, it } from 'vitest'
import { client, connected, failToStart, next, outcome, paste, post, useExample, useRedis } from './running.ts'

describe('example 06: a key after connecting', () => {
  const { prefix, redis } = useRedis()
  const example = useExample('06', async () => ({ DEFER_MS: '3000', REDIS_PREFIX: prefix }))
  const login = async (name: string) => {
    const response = await post(`${example.url}/login`, { name, password: example.printed(name) })
    return (await response.json()) as { rediskey: string }
  }
  const refused = (code: string) => ({ error: { code } })

  it('S9: a plain client connects with nothing, sends its key afterwards, and is known', async () => {
    const socket = await connected(client(example.url))
    const arrived = next(socket, 'arrived')
    expect(await socket.emitWithAck('hello')).toMatchObject(refused('AUTH_CREDENTIAL_MISSING'))
    expect(await socket.emitWithAck('auth:refresh', await login('alice'))).toHaveProperty('joined', [])
    expect(await socket.emitWithAck('hello')).toBe('Hello, alice')
    expect(await arrived).toEqual(['alice'])
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ scheme: 'session-key', subject: '1' })
  })

  it('gives no key for a wrong password', async () => {
    const response = await post(`${example.url}/login`, { name: 'alice', password: 'wrong' })
    expect(response.status).toBe(401)
    expect(await response.text()).not.toContain('rediskey')
  })

  it('S9: until then it hears nothing, and at the deadline it is closed with the reason', async () => {
    const silent = await connected(client(example.url))
    const heard: string[] = []
    silent.onAny((event) => heard.push(event))
    const gone = next(silent, 'disconnect')
    const bob = await connected(client(example.url, { auth: await login('bob') }))
    expect(await bob.emitWithAck('hello')).toBe('Hello, bob')
    await gone
    expect(heard).toEqual(['auth:closed'])
  })

  it('refuses a key that is wrong, malformed or of another place in Redis, and lets it try again', async () => {
    const socket = await connected(client(example.url))
    await redis.set(`${prefix}other`, JSON.stringify({ id: '1', username: 'alice', issuedAt: Date.now() / 1000 }))
    for (const rediskey of ['0'.repeat(64), '', 'other']) {
      expect(await socket.emitWithAck('auth:refresh', { rediskey })).toMatchObject(refused('AUTH_CREDENTIAL_INVALID'))
    }
    expect(await socket.emitWithAck('auth:refresh', await login('bob'))).toHaveProperty('joined', [])
  })

  it('a client that comes with its key is connected at once, and one with a wrong key is not', async () => {
    const socket = await connected(client(example.url, { auth: await login('bob') }))
    expect(await socket.emitWithAck('hello')).toBe('Hello, bob')
    const wrong = client(example.url, { auth: { rediskey: 'f'.repeat(64) } })
    expect(await outcome(wrong)).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
  })

  it('prints commands that work when they are pasted', async () => {
    const [key, never] = example.commands
    expect(await paste(key ?? '')).toBe('before: AUTH_CREDENTIAL_MISSING\nafter: Hello, alice\n')
    expect(await paste(never ?? '')).toBe('before: AUTH_CREDENTIAL_MISSING\nclosed: AUTH_CREDENTIAL_MISSING\n')
  })

  it('ends with one clear line where no Redis answers', async () => {
    const { code, stderr } = await failToStart('06', { REDIS_URL: 'redis://127.0.0.1:1' })
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^No Redis answers: .*REDIS_URL\.\n$/) })
  })
})
