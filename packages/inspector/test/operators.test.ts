import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createAuth, decisionLog } from 'portcullis'
import { anonymous } from 'portcullis/strategies/anonymous'
import { createInspector, type OperatorAct, type SourceOptions, sourceOf } from 'portcullis-inspector'
import { describe, expect, it, onTestFinished } from 'vitest'
import { PASSWORDS, SECRET, users } from './newsroom.ts'
import { asker, logIn } from './operator.ts'

/** An inspector behind a proxy that is believed, with nobody connected. */
async function inspector(options: Pick<SourceOptions, 'onRevoke'> = {}) {
  const decisions = decisionLog()
  const auth = createAuth({ origins: 'same-host', strategies: [anonymous()], audit: decisions.sink })
  const inspect = createInspector({
    source: sourceOf({ auth, decisions, title: 'T', ...options }),
    users: users(),
    secret: SECRET,
  })
  const server = createServer(express().set('trust proxy', true).use(inspect))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    inspect.close()
    await auth.close()
    server.closeAllConnections()
    server.close()
  })
  return { auth, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

describe('onRevoke', () => {
  it('hears who revokes whom, and never the id of a session', async () => {
    const acts: OperatorAct[] = []
    const { url } = await inspector({ onRevoke: (act) => acts.push(act) })
    const ada = asker(url, await logIn(url))
    const key = { issuer: 'https://id.example', subject: 'bob' }
    expect((await ada.post('api/revoke', { key })).status).toBe(200)
    expect((await ada.post('api/disconnect', { key: { session: 'the-id-of-a-session' } })).status).toBe(200)
    expect(acts).toEqual([
      { operator: 'ada', effect: 'revoke', key },
      { operator: 'ada', effect: 'disconnect', key: null },
    ])
  })

  it('that rejects is the answer 500: nothing is revoked, and the process goes on', async () => {
    const { auth, url } = await inspector({ onRevoke: () => Promise.reject(new Error('the log is full')) })
    const ada = asker(url, await logIn(url))
    for (const act of ['revoke', 'disconnect']) {
      expect((await ada.post(`api/${act}`, { key: { tag: 'a' } })).status).toBe(500)
    }
    expect(auth.status().revocations).toBe(0)
  })
})

describe('failures of log-ins, ten of them', () => {
  it.each([
    [
      'one /64 of IPv6, however it is written',
      429,
      (i: number) => `${['2001:db8::', '2001:DB8:0:0:'][i % 2]}${i + 1}:a:b:c`,
    ],
    ['several of them', 401, (i: number) => `2001:db8:0:${i + 1}::1`],
  ])('from %s: the next is answered %i', async (_from, last, addressOf) => {
    const { url } = await inspector()
    const statuses: number[] = []
    for (let i = 0; i < 11; i += 1) {
      const headers = { 'x-forwarded-for': addressOf(i) }
      statuses.push((await asker(url).post('api/sign-in', { name: `n${i}`, password: PASSWORDS.ada }, headers)).status)
    }
    expect([statuses.slice(0, 10), statuses[10]]).toEqual([Array(10).fill(401), last])
  })
})

describe('trustedProxies, without a framework', () => {
  async function behind(trustedProxies: readonly string[]) {
    const auth = createAuth({ origins: 'same-host', strategies: [anonymous()] })
    const source = sourceOf({ auth, decisions: decisionLog(), title: 'T' })
    const inspect = createInspector({ source, users: users(), secret: SECRET, trustedProxies })
    const server = createServer(inspect)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      inspect.close()
      await auth.close()
      server.closeAllConnections()
      server.close()
    })
    const ask = asker(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    return (password: string, headers: Record<string, string>) =>
      ask.post('api/sign-in', { name: 'ada', password }, headers)
  }

  it('whoever fails ten times shuts nobody else out, and the cookie is Secure where the proxy took TLS', async () => {
    const signIn = await behind(['127.0.0.0/8', '2001:db8:1::/48'])
    const mallory = { 'x-forwarded-for': '198.51.100.1, 192.0.2.66, 2001:db8:1::7' }
    for (let i = 0; i < 10; i += 1) expect((await signIn('x', mallory)).status).toBe(401)
    expect((await signIn('x', mallory)).status).toBe(429)
    const own = await signIn(PASSWORDS.ada, { 'x-forwarded-for': '198.51.100.1', 'x-forwarded-proto': 'http, https' })
    expect([own.status, own.headers.get('set-cookie')]).toEqual([200, expect.stringMatching(/; Secure$/)])
  })

  it('nobody else is believed', async () => {
    const signIn = await behind(['10.0.0.0/8'])
    for (let i = 0; i < 10; i += 1) await signIn('x', { 'x-forwarded-for': `192.0.2.${i}` })
    expect((await signIn(PASSWORDS.ada, { 'x-forwarded-for': '192.0.2.99' })).status).toBe(429)
  })

  it.each([['10.0.0.0/33'], ['example.com'], ['::1/129'], ['10.0.0.1/8/9'], [7]])(
    '%s is a TypeError',
    async (range) => {
      await expect(behind([range as string])).rejects.toThrow(
        new TypeError('"trustedProxies[0]" must be an address or a range, such as 10.0.0.0/8'),
      )
    },
  )
})
