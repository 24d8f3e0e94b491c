/** A server that speaks just enough of RESP 2 to be connected to, and then says whatever a test wants. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onCleanup } from '../harness.ts'

export interface FakeRedis {
  readonly port: number
  /** The bytes that answer each `GET`, `GETRANGE` and taken ticket from now on, made of the command's words; null: nothing more is answered. */
  answer(of: (words: readonly string[]) => string | null): void
  /** What was read of a store so far, as words. */
  readonly read: readonly (readonly string[])[]
  /** Ends what is connected now. */
  hangUp(): void
}

export async function fakeRedis(): Promise<FakeRedis> {
  const sockets = new Set<Socket>()
  const read: (readonly string[])[] = []
  let answerOf: (words: readonly string[]) => string | null = () => '$-1\r\n'
  const reply = (words: readonly string[]): string | null => {
    const [command = ''] = words
    const takes = command === 'SET' && words.includes('KEEPTTL')
    if (command === 'GET' || command === 'GETRANGE' || takes) {
      read.push(words)
      return answerOf(words)
    }
    if (command.toUpperCase() === 'INFO') return '$11\r\nredis:0\r\n\r\n\r\n'
    if (command === 'PING') return '+PONG\r\n'
    return command === 'EXISTS' ? ':0\r\n' : '+OK\r\n'
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    let received = ''
    let silent = false
    socket.on('data', (data) => {
      received += data.toString('latin1')
      for (;;) {
        const command = commandAtStart(received)
        if (command === null) return
        received = received.slice(command.length)
        const bytes = silent ? null : reply(command.words)
        // Answers carry no name: a server that left one out would give the next to whoever waits for this one.
        silent = bytes === null
        if (bytes !== null) socket.write(bytes, 'latin1')
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const hangUp = () => {
    for (const socket of sockets) socket.destroy()
  }
  onCleanup(() => {
    hangUp()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    read,
    answer(of) {
      answerOf = of
    },
    hangUp,
  }
}

/** A whole array of bulk strings; null when not all of it is there yet. */
function commandAtStart(text: string): { readonly words: readonly string[]; readonly length: number } | null {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (head === null) return null
  const words: string[] = []
  let at = head[0].length
  for (let i = 0; i < Number(head[1]); i += 1) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at, at + 16))
    if (size === null) return null
    const from = at + size[0].length
    const to = from + Number(size[1])
    if (text.length < to + 2) return null
    words.push(text.slice(from, to))
    at = to + 2
  }
  return { words, length: at }
}
