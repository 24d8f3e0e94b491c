/** Socket.IO's four type parameters are on a protected namespace what they were before. */

import { createAuth, permit } from 'portcullis'
import { anonymous } from 'portcullis/strategies/anonymous'
import type { Namespace, Server } from 'socket.io'
import { describe, expectTypeOf, it } from 'vitest'

interface ClientToServer {
  add: (numbers: { a: number; b: number }, answer: (sum: number) => void) => void
  leave: () => void
}
interface ServerToClient {
  news: (title: string, content: Buffer) => void
  question: (text: string, answer: (reply: boolean) => void) => void
}
interface Between {
  ping: (n: number, answer: (m: number) => void) => void
}
interface Data {
  nick: string
}

declare const io: Server<ClientToServer, ServerToClient, Between, Data>
const auth = createAuth({ origins: [], strategies: [anonymous()] })
const rules = { add: () => permit(), leave: () => permit() }
const chat = auth.protect(io.of('/'), { events: rules })

describe('a protected namespace', () => {
  it('is one of Socket.IO, with what a guard adds to its data', () => {
    expectTypeOf(chat).toExtend<Namespace<ClientToServer, ServerToClient, Between>>()
    chat.on('connection', (socket) => {
      expectTypeOf(socket.data.nick).toEqualTypeOf<string>()
      expectTypeOf(socket.data.identity.scheme).toEqualTypeOf<'anonymous'>()
    })
  })

  it('knows the events that it hears', () => {
    chat.on('connection', (socket) => {
      socket.on('add', (numbers, answer) => {
        expectTypeOf(numbers).toEqualTypeOf<{ a: number; b: number }>()
        expectTypeOf(answer).toEqualTypeOf<(sum: number) => void>()
      })
      // @ts-expect-error no client says that
      socket.on('subtract', () => {})
    })
  })

  it('knows the events that it sends, to one and to many', () => {
    chat.emit('news', 'title', Buffer.alloc(1))
    // @ts-expect-error the content is missing
    chat.emit('news', 'title')
    // @ts-expect-error nobody hears that
    chat.to('room').except('other').emit('olds')
    chat.on('connection', async (socket) => {
      expectTypeOf(await socket.emitWithAck('question', 'why?')).toEqualTypeOf<boolean>()
      expectTypeOf(await socket.timeout(10).emitWithAck('question', 'why?')).toEqualTypeOf<boolean>()
      // @ts-expect-error the text is a text
      socket.broadcast.emit('question', 7)
    })
  })

  it('knows what servers say to each other', async () => {
    expectTypeOf(await chat.serverSideEmitWithAck('ping', 1)).toEqualTypeOf<number[]>()
    // @ts-expect-error no server says that
    chat.serverSideEmit('pong')
  })

  it('knows the data of remote sockets', async () => {
    for (const socket of await chat.fetchSockets()) {
      expectTypeOf(socket.data.nick).toEqualTypeOf<string>()
      expectTypeOf(socket.data.lease.expiresAt).toEqualTypeOf<number | null>()
    }
  })

  it('runs middlewares with the same sockets', () => {
    chat.use((socket, next) => {
      expectTypeOf(socket.data.nick).toEqualTypeOf<string>()
      next()
    })
  })

  it('leaves the server’s own types alone', () => {
    io.of('/').on('connection', (socket) => expectTypeOf(socket.data).toEqualTypeOf<Data>())
  })
})
