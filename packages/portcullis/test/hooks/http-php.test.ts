import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { deny, permit } from 'portcullis'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { freePort } from '../free-port.mjs'
import { hooksOf, joining, outcomeOf, SECRET, sending, user } from './hooks-fixtures.ts'

const NEW_SECRET = `whsec_${Buffer.from('another secret of 32 bytes, fixed').toString('base64')}`
let php: ChildProcess
let url = ''

beforeAll(async () => {
  const port = await freePort()
  const router = fileURLToPath(new URL('php/hooks.php', import.meta.url))
  const env = { ...process.env, HOOK_SECRET: SECRET }
  php = spawn('php', ['-S', `127.0.0.1:${port}`, router], { stdio: 'ignore', env })
  url = `http://127.0.0.1:${port}`
  await vi.waitFor(async () => expect((await fetch(url)).status).toBe(400), { timeout: 10_000, interval: 20 })
}, 15_000)

afterAll(async () => {
  php.kill()
  await once(php, 'exit')
})

describe('a back end of real PHP', () => {
  it('verifies the signature, and says who it is', async () => {
    const strategy = hooksOf({ url }).connect({ issuer: 'app' })
    const authenticate = (token: string) =>
      strategy.authenticate(handshakeOf({ headers: { authorization: `Bearer ${token}` } }), null)
    expect((await authenticate('token-of-alice'))?.identity).toEqual({
      scheme: 'hook',
      issuer: 'app',
      subject: '42',
      claims: { org: 'acme' },
    })
    expect(await outcomeOf(authenticate('token-of-nobody'))).toEqual(['AUTH_CREDENTIAL_INVALID', 'refused_by_back_end'])
  })

  it('decides about rooms and events, names rooms, and acts upon an event', async () => {
    const hooks = hooksOf({ url })
    expect(
      await Promise.all([
        hooks.join(joining('organization:acme')),
        hooks.join(joining('organization:globex')),
        hooks.event(sending('message:send', ['h\u00e9llo \ud83d\ude00', { '': null, a: [1.5, true] }])),
        hooks.event(sending('message:delete')),
        hooks.memberships(user()),
        hooks.handle(sending('message:send', ['h\u00e9llo'])),
      ]),
    ).toEqual([
      permit(),
      deny(),
      permit(),
      deny(),
      ['organization:acme'],
      { reply: ['sent'], publish: [{ to: { room: 'organization:acme' }, event: 'message', args: ['h\u00e9llo'] }] },
    ])
    expect(hooks.state().remembered).toBe(2)
  })

  it('reads whatever a client is let send: 50 levels, names that PHP has no property for, and large numbers', async () => {
    const deep = JSON.parse('['.repeat(50) + ']'.repeat(50))
    const odd = JSON.parse('{"":1,"\\u0000a":2,"__proto__":3,"1":1e308}')
    const outcomes = [sending('message:send', [deep]), sending('message:send', [odd, 2 ** 70, -0])]
    expect(await Promise.all(outcomes.map(hooksOf({ url }).event))).toEqual([permit(), permit()])
  })

  it('leaves out what it cannot decide, which is undecided for that item alone', async () => {
    const hooks = hooksOf({ url })
    const broken = joining('organization:acme', user('bob', {}))
    const [good, bad] = await Promise.all([
      hooks.join(joining('organization:acme')),
      outcomeOf(hooks.memberships(user('bob', 'text'))),
    ])
    expect([good, bad]).toEqual([permit(), ['AUTH_UNAVAILABLE', 'answer_missing']])
    expect(await hooks.join(broken)).toEqual(deny())
  })

  it('refuses another secret and another hour, and takes either secret while one replaces the other', async () => {
    const join = (options: Parameters<typeof hooksOf>[1]) =>
      outcomeOf(hooksOf({ url }, options).join(joining('organization:acme')))
    expect(await join({ secret: NEW_SECRET })).toEqual(['AUTH_UNAVAILABLE', 'status'])
    expect(await join({ clock: fakeClock(Date.now() - 400_000) })).toEqual(['AUTH_UNAVAILABLE', 'status'])
    expect(await join({ secret: [NEW_SECRET, SECRET] })).toEqual(permit())
  })
})

it('the PHP of docs/hooks.md is what is run here', async () => {
  const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')
  const [, shown] = (await read('../../../../docs/hooks.md')).split(/```php\n([^`]*)```/)
  expect(shown).toContain('hash_hmac')
  expect(await read('php/hooks.php')).toContain(shown)
})
