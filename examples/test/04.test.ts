import { describe, expect, it } from 'vitest'
import { client, connected, failToStart, next, outcome, paste, post, useExample } from './running.ts'

describe('example 04: rooms for members', () => {
  const example = useExample('04')
  const as = (name: string, options = {}) => client(example.url, { auth: { token: example.printed(name) }, ...options })
  const publish = (organization: string, data: string, key = example.printed('backend')) =>
    post(`${example.url}/organizations/${organization}/news`, { data }, { authorization: `Bearer ${key}` })
  const forbidden = { error: { code: 'AUTH_FORBIDDEN' } }

  it('S14: a token of the table opens a socket, and a member joins and hears the news', async () => {
    const alice = await connected(as('alice'))
    expect(await alice.emitWithAck('auth:whoami')).toMatchObject({ scheme: 'access-token', subject: '1', rooms: [] })
    expect(await alice.emitWithAck('auth:join', 'organization.acme')).toMatchObject({ joined: ['organization.acme'] })
    const news = next(alice, 'news')
    expect((await publish('acme', 'We moved')).status).toBe(202)
    expect(await news).toEqual([{ data: 'We moved' }])
  })

  it('S14: an unknown token, one that has expired and none are refused', async () => {
    expect(await outcome(as('expired'))).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    const unknown = client(example.url, { auth: { token: '0'.repeat(48) } })
    expect(await outcome(unknown)).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    expect(await outcome(client(example.url))).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
  })

  it('S14: who is no member is refused, whatever the client says, and hears nothing', async () => {
    // As the clients of the seed do.
    const bob = await connected(as('bob', { query: { organizationId: 'acme' } }))
    for (const room of ['organization.acme', 'organization.nowhere', "organization.acme'--", 'acme', 'organization.']) {
      expect(await bob.emitWithAck('auth:join', room)).toHaveProperty('error')
    }
    expect(await bob.emitWithAck('auth:join', 'organization.acme')).toMatchObject(forbidden)
    expect(await bob.emitWithAck('auth:join', 'organization.globex')).toMatchObject({ joined: ['organization.globex'] })
    const heard: unknown[] = []
    bob.on('news', (news) => heard.push(news))
    await publish('acme', 'not for Bob')
    const last = next(bob, 'news')
    await publish('globex', 'for Bob')
    await last
    expect(heard).toEqual([{ data: 'for Bob' }])
  })

  it('nobody publishes without the key of the backend', async () => {
    expect((await publish('acme', 'x', '')).status).toBe(401)
    expect((await publish('acme', 'x', example.printed('alice'))).status).toBe(401)
  })

  it('prints commands that work when they are pasted', async () => {
    const [bob, alice, backend] = example.commands
    expect(await paste(bob ?? '')).toBe('not joined: AUTH_FORBIDDEN\n')
    let done = false
    const waiting = paste(alice ?? '').finally(() => {
      done = true
    })
    // Whoever pastes the third waits until the second has printed that it joined; here it is pasted again until then.
    while (!done) expect(await paste(backend ?? '')).toBe('Accepted')
    // News may come as soon as it has joined, which is before it is told so.
    expect((await waiting).trim().split('\n').sort()).toEqual(['joined: organization.acme', 'news: We moved'])
  })

  it('ends with one clear line where no Postgres answers', async () => {
    const { code, stderr } = await failToStart('04', { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^No Postgres answers: .*DATABASE_URL\.\n$/),
    })
  })
})
