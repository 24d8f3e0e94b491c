/** A23: being in a room lets nobody speak in it. Events have rules of their own. */

import { permit, permitIf } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { outcome, start } from '../harness.ts'

/** Everybody may read every channel; who may write says its own rule; what has no rule writes nowhere. */
async function newsroom() {
  const server = await start()
  const chat = server.auth.protect(server.io.of('/chat'), {
    rooms: { 'channel:{id}': () => permit() },
    events: {
      publish: ({ identity, args }) => permitIf(args[0] === `channel:${identity.claims.org}`),
      'list:rooms': () => permit(),
    },
  })
  chat.on('connection', (socket) => {
    // As an application would: it sends where the client says, and leaves it to the gate whether it may.
    const speak = (room: string, text: string) => socket.to(room).emit('said', text)
    for (const event of ['publish', 'broadcast', 'said', 'message', 'channel:acme', 'publish ', 'Publish']) {
      socket.on(event, (room, text, ack) => {
        speak(room, text)
        ack({ said: true })
      })
    }
    socket.onAny((event, room, text) => {
      if (event.startsWith('any:')) speak(room, text)
    })
  })
  const join = async (token: string, ...rooms: string[]) => {
    const client = server.client('/chat', { auth: { token } })
    expect(await outcome(client)).toBe(null)
    if (rooms.length > 0) expect(await client.emitWithAck('auth:join', rooms)).toMatchObject({ joined: rooms })
    const heard: unknown[] = []
    client.on('said', (text) => heard.push(text))
    return { client, heard }
  }
  return { ...server, join }
}

describe('A23: whoever may subscribe to a room', () => {
  it('publishes to it by no event but the one whose rule says so', async () => {
    const server = await newsroom()
    const listener = await server.join('bob-key', 'channel:acme', 'channel:globex')
    const speaker = await server.join('alice-key', 'channel:acme', 'channel:globex')
    const say = (event: string, room: string, text: string) => speaker.client.emitWithAck(event, room, text)
    for (const event of ['broadcast', 'said', 'message', 'channel:acme', 'publish ', 'Publish', 'any:thing']) {
      for (const room of ['channel:acme', 'channel:globex']) {
        expect([event, await say(event, room, 'no')]).toEqual([
          event,
          { error: expect.objectContaining({ code: 'AUTH_FORBIDDEN' }) },
        ])
      }
    }
    expect(await say('publish', 'channel:globex', 'no')).toHaveProperty('error.code', 'AUTH_FORBIDDEN')
    expect(await say('publish', 'channel:acme', 'yes')).toEqual({ said: true })
    // What was sent before it would have been heard before it.
    await expect.poll(() => listener.heard).toEqual(['yes'])
  })

  it('nor by the packets of another event’s acknowledgement, or by a join that carries a text', async () => {
    const server = await newsroom()
    const listener = await server.join('bob-key', 'channel:globex')
    const speaker = await server.join('alice-key')
    expect(await speaker.client.emitWithAck('auth:join', 'channel:globex', { said: 'no' })).toHaveProperty('joined')
    speaker.client.io.engine.write('3/chat,1["channel:globex","no"]')
    expect(await speaker.client.emitWithAck('publish', 'channel:globex', 'no')).toHaveProperty('error')
    expect(await speaker.client.emitWithAck('publish', 'channel:acme', 'elsewhere')).toEqual({ said: true })
    server.io.of('/chat').to('channel:globex').emit('said', 'of the server')
    await expect.poll(() => listener.heard).toEqual(['of the server'])
  })

  it('and whoever may publish to one is not in it by that', async () => {
    const server = await newsroom()
    const listener = await server.join('bob-key', 'channel:acme')
    const speaker = await server.join('alice-key', 'channel:globex')
    expect(await speaker.client.emitWithAck('publish', 'channel:acme', 'yes')).toEqual({ said: true })
    await expect.poll(() => listener.heard).toEqual(['yes'])
    server.io.of('/chat').to('channel:acme').emit('said', 'for members')
    await expect.poll(() => listener.heard).toEqual(['yes', 'for members'])
    expect(speaker.heard).toEqual([])
    expect((await speaker.client.emitWithAck('auth:whoami')).rooms).toEqual(['channel:globex'])
  })
})
