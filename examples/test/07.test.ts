import { describe, expect, it } from 'vitest'
import { client, connected, next, paste, useExample } from './running.ts'

describe('example 07: private channels', () => {
  const example = useExample('07')
  const ask = (name: string, password: string, socketId = '', channel = '') =>
    fetch(`${example.url}/pusher/auth`, {
      method: 'POST',
      headers: name === '' ? {} : { authorization: `Basic ${btoa(`${name}:${password}`)}` },
      body: new URLSearchParams({ socket_id: socketId, channel_name: channel }),
    })
  const signatureFor = async (name: string, socketId = '', channel = '') => {
    const response = await ask(name, example.printed(name), socketId, channel)
    expect(response.status).toBe(200)
    return (await response.json()) as { auth: string }
  }
  const forbidden = { error: { code: 'AUTH_FORBIDDEN' } }

  it('S10: with the signature of the endpoint a socket joins its channel, and hears it', async () => {
    const socket = await connected(client(example.url))
    const message = next(socket, 'message')
    const signature = await signatureFor('alice', socket.id, 'private-user-1')
    expect(signature).toEqual({ auth: expect.stringMatching(/^demo:[0-9a-f]{64}$/) })
    expect(await socket.emitWithAck('auth:join', 'private-user-1', signature)).toMatchObject({
      joined: ['private-user-1'],
    })
    expect((await message)[0]).toMatch(/^for Alice/)
  })

  it('S10: a signature holds for its own socket and its own channel', async () => {
    const [mine, other] = [await connected(client(example.url)), await connected(client(example.url))]
    const signature = await signatureFor('alice', mine.id, 'private-user-1')
    expect(await other.emitWithAck('auth:join', 'private-user-1', signature)).toMatchObject(forbidden)
    expect(await mine.emitWithAck('auth:join', 'private-user-2', signature)).toMatchObject(forbidden)
    for (const presented of [undefined, {}, { auth: signature.auth.slice(0, -1) }, { auth: 'demo:' }, null]) {
      expect(await mine.emitWithAck('auth:join', 'private-user-1', presented)).toMatchObject(forbidden)
    }
    expect(await mine.emitWithAck('auth:join', 'user-1', signature)).toMatchObject(forbidden)
  })

  it('the endpoint signs nothing for a stranger, a wrong password or the channel of somebody else', async () => {
    const socket = await connected(client(example.url))
    const alice = example.printed('alice')
    expect((await ask('', '', socket.id, 'private-user-1')).status).toBe(403)
    expect((await ask('alice', 'wrong', socket.id, 'private-user-1')).status).toBe(403)
    expect((await ask('alice', alice, socket.id, 'private-user-2')).status).toBe(403)
    expect((await ask('alice', alice, 'x', 'private-user-1')).status).toBe(400)
    expect((await ask('alice', alice, socket.id, 'public')).status).toBe(400)
  })

  it('prints commands that work when they are pasted', async () => {
    const [alice, bob, endpoint] = example.commands
    expect(await paste(alice ?? '')).toContain('joined: private-user-1\n')
    expect(await paste(bob ?? '')).toBe('not joined: 403, AUTH_FORBIDDEN\n')
    expect(JSON.parse(await paste(endpoint ?? ''))).toEqual({ auth: expect.stringMatching(/^demo:/) })
  })
})
