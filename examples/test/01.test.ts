import { beforeAll, describe, expect, it } from 'vitest'
import { client, connected, outcome, paste, useExample } from './running.ts'

const old = (json: string) => ({ query: { joinServerParameters: json } })

describe('example 01: a token that was in the URL', () => {
  const example = useExample('01')
  let key = ''
  beforeAll(() => {
    key = /demo_\w+/.exec(example.output)?.[0] ?? ''
  })

  it('S1: the key in `auth` opens a socket, which knows whose it is', async () => {
    const socket = await connected(client(example.url, { auth: { token: key } }))
    expect(await socket.emitWithAck('hello')).toBe('Hello, customer-1')
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ scheme: 'api-key', subject: 'customer-1' })
  })

  it.each([['polling'], ['websocket']])(
    'S1: an old client with JSON in the query still works (%s)',
    async (transport) => {
      const before = example.output.length
      const socket = await connected(
        client(example.url, { ...old(JSON.stringify({ token: key })), transports: [transport] }),
      )
      expect(await socket.emitWithAck('hello')).toBe('Hello, customer-1')
      expect(example.output.slice(before)).toContain('customer-1 still sends its key in the URL')
      expect(example.output.slice(before)).not.toContain(key)
    },
  )

  it('S1: a wrong key is refused in both places', async () => {
    const wrong = `${key.slice(0, -4)}0000`
    expect(await outcome(client(example.url, { auth: { token: wrong } }))).toMatchObject({
      code: 'AUTH_CREDENTIAL_INVALID',
    })
    const answer = await outcome(client(example.url, old(JSON.stringify({ token: wrong }))))
    expect(answer).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
  })

  it.each(['', '{', 'null', '[]', '{"token":7}', '{}', '"xxx"'])(
    'refuses joinServerParameters=%s and lives on',
    async (json) => {
      expect(await outcome(client(example.url, old(json)))).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
      await connected(client(example.url, { auth: { token: key } }))
    },
  )

  it('refuses a client with nothing', async () => {
    expect(await outcome(client(example.url))).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
  })

  it('S5: a page of another origin is refused by Origin and by Referer; its own page is not', async () => {
    const asked = (extraHeaders: Record<string, string>) =>
      outcome(client(example.url, { auth: { token: key }, extraHeaders }))
    const refused = { code: 'AUTH_ORIGIN_REFUSED' }
    expect(await asked({ origin: 'https://elsewhere.example' })).toMatchObject(refused)
    expect(await asked({ referer: 'https://elsewhere.example/page?x=127.0.0.1' })).toMatchObject(refused)
    // The seed compared what stands before the first `/`, `?` or `#`; this one has a port besides.
    expect(await asked({ referer: `${example.url}.elsewhere.example/` })).toMatchObject(refused)
    expect(await asked({ referer: `${example.url}/page` })).toBeNull()
    expect(await asked({ origin: example.url, referer: 'https://elsewhere.example/' })).toBeNull()
  })

  it('prints commands that work when they are pasted', async () => {
    const [now, before, page] = example.commands
    expect(await paste(now ?? '')).toBe('Hello, customer-1\n')
    expect(await paste(before ?? '')).toBe('Hello, customer-1\n')
    expect(JSON.parse(await paste(page ?? ''))).toMatchObject({ code: 'AUTH_ORIGIN_REFUSED' })
  })
})
