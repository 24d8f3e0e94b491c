/** What the examples of frameworks have in common, and what must be the same in each of them. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { afterTest } from './cleanups.ts'
import { freePort } from './free-port.mjs'
import { client, connected, failToStart, next, outcome, paste, post, ROOT, useExample } from './running.ts'

const ENGINE = '/socket.io/?EIO=4&transport=polling'

export function describeFramework(number: string, framework: string): void {
  describe(`example ${number}: ${framework}`, () => {
    const example = useExample(number)
    const login = async (name: string) => {
      const response = await post(`${example.url}/login`, { name, password: example.printed(name) })
      expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
      return ((await response.json()) as { token: string }).token
    }
    const as = (token: string, options = {}) => client(`${example.url}/chat`, { auth: { token }, ...options })
    const forbidden = { code: 'AUTH_FORBIDDEN', message: 'This is not permitted.', retry: 'never' }

    it('S11: a token of its route opens the guarded namespace, and what is permitted reaches the application', async () => {
      const [alice, bob] = [await connected(as(await login('alice'))), await connected(as(await login('bob')))]
      const heard = next(alice, 'message')
      expect(await bob.emitWithAck('message:send', 'Hello')).toBe('bob: Hello')
      expect(await heard).toEqual(['bob: Hello'])
      expect(await alice.emitWithAck('messages:clear')).toBe('cleared')
    })

    it('refusals arrive unchanged: in the acknowledgement, as auth:denied, as connect_error and over HTTP', async () => {
      const token = await login('bob')
      const bob = await connected(as(token))
      expect(await bob.emitWithAck('messages:clear')).toEqual({ error: forbidden })
      expect(await bob.emitWithAck('no:such')).toEqual({ error: forbidden })
      const denied = next(bob, 'auth:denied')
      bob.emit('messages:clear')
      expect(await denied).toEqual([{ ...forbidden, event: 'messages:clear' }])
      expect(await outcome(as('no token'))).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
      expect(await outcome(client(example.url, { auth: { token } }))).toEqual(forbidden)
      const page = await fetch(`${example.url}${ENGINE}`, { headers: { origin: 'https://evil.example' } })
      expect([page.status, await page.json()]).toEqual([
        403,
        { code: 'AUTH_ORIGIN_REFUSED', message: expect.any(String), retry: 'never' },
      ])
      const bearer = await fetch(`${example.url}${ENGINE}`, { headers: { authorization: 'Bearer no-token' } })
      expect([bearer.status, bearer.headers.get('www-authenticate'), await bearer.json()]).toEqual([
        401,
        expect.stringMatching(/^Bearer/),
        expect.objectContaining({ code: 'AUTH_CREDENTIAL_INVALID' }),
      ])
    })

    it('a logout closes the sockets of its token alone, with a receipt, and nobody connects with it again', async () => {
      const [token, other] = [await login('bob'), await login('bob')]
      const [first, second, kept] = [await connected(as(token)), await connected(as(token)), await connected(as(other))]
      const closed = [first, second].map((socket) => next(socket, 'auth:closed'))
      const gone = [first, second].map((socket) => next(socket, 'disconnect'))
      const response = await post(`${example.url}/logout`, {}, { authorization: `Bearer ${token}` })
      expect([response.status, await response.json()]).toEqual([200, { complete: true, closed: 2 }])
      for (const [notice] of await Promise.all(closed)) expect(notice).toMatchObject({ code: 'AUTH_REVOKED' })
      await Promise.all(gone)
      expect(await outcome(as(token))).toMatchObject({ code: 'AUTH_REVOKED' })
      expect(await kept.emitWithAck('message:send', 'still here')).toBe('bob: still here')
    })

    it.each([
      ['a login with a wrong password', '/login', { name: 'alice', password: 'x' }, {}],
      ['a login with no strings', '/login', { name: ['alice'], password: { length: 1 } }, {}],
      ['a login with nothing', '/login', {}, {}],
      ['a logout without a token', '/logout', {}, {}],
      ['a logout with a token of somebody else', '/logout', {}, { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' }],
    ])('refuses %s', async (_what, path, body, headers) => {
      const response = await post(`${example.url}${path}`, body, headers)
      expect(response.status).toBe(401)
      expect(await response.text()).not.toMatch(/"(token|closed)"/)
    })

    it('prints commands that work when they are pasted', { timeout: 30_000 }, async () => {
      const [alice, bob] = await Promise.all(example.commands.map(paste))
      const lines = (printed = '') => printed.trim().split('\n').sort()
      const ends = ['closed: AUTH_REVOKED', 'logged out: { complete: true, closed: 1 }']
      expect(lines(alice)).toEqual(['clear: cleared', ...ends, 'said: alice: Hello'])
      expect(lines(bob)).toEqual(['clear: AUTH_FORBIDDEN', ...ends, 'said: bob: Hello'])
    })

    it('says which port is in use', { timeout: 30_000 }, async () => {
      const port = new URL(example.url).port
      const { code, stderr } = await failToStart(number, { PORT: port })
      expect([code, stderr]).toEqual([1, expect.stringContaining(`Port ${port} is in use: set PORT to another.\n`)])
    })

    it('ends by SIGTERM as by Ctrl+C, with exit code 0, and tells its clients', { timeout: 30_000 }, async () => {
      const port = await freePort()
      const child = spawn(process.execPath, ['tools/run-example.mjs', number], {
        cwd: ROOT,
        env: { ...process.env, PORT: String(port) },
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      afterTest(() => child.kill('SIGKILL'))
      let printed = ''
      for await (const chunk of child.stdout) {
        printed += chunk
        if (printed.includes('Ctrl+C ends it.')) break
      }
      const password = /^ {2}bob +(\S+)$/m.exec(printed)?.[1]
      const url = `http://127.0.0.1:${port}`
      const { token } = (await (await post(`${url}/login`, { name: 'bob', password })).json()) as { token: string }
      const socket = await connected(client(`${url}/chat`, { auth: { token } }))
      const [closed, gone] = [next(socket, 'auth:closed'), next(socket, 'disconnect')]
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      expect((await closed)[0]).toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff' })
      await gone
      expect(await ended).toEqual([0, null])
    })
  })
}
