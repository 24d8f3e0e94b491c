/** Raw Engine.IO and Socket.IO frames over `ws`, so that what is measured is the server and not its client. */

import WebSocket from 'ws'
import { COOKIE, ORIGIN } from './fixtures.mjs'

/** Opens a connection, joins `/chat` and resolves with the WebSocket; rejects when it is refused. */
export function open(port, token, withCookie) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, {
      headers: withCookie ? { cookie: COOKIE, origin: ORIGIN } : { origin: ORIGIN },
      perMessageDeflate: false,
    })
    socket.on('error', reject)
    socket.on('message', function onMessage(data) {
      const text = String(data)
      if (text.startsWith('0')) socket.send(`40/chat,${JSON.stringify(token ? { token } : {})}`)
      else if (text.startsWith('40/chat')) {
        socket.off('message', onMessage)
        resolve(socket)
      } else if (text.startsWith('44')) reject(new Error(text))
      else if (text === '2') socket.send('3')
    })
  })
}

/** `count` handshakes, `width` at a time, each closed as soon as it is admitted. */
export async function handshakes(port, count, width, tokens, withCookie) {
  let next = 0
  const worker = async () => {
    while (next < count) {
      const token = tokens?.[next]
      next += 1
      const socket = await open(port, token, withCookie)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.terminate()
      await closed
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** `count` events on one connection, in bursts of 100 whose last one is acknowledged. */
export async function events(socket, count) {
  for (let sent = 0; sent < count; sent += 100) {
    const answered = new Promise((resolve) => {
      socket.on('message', function onMessage(data) {
        if (!String(data).startsWith('43/chat,')) return
        socket.off('message', onMessage)
        resolve()
      })
    })
    for (let i = 0; i < 99; i += 1) socket.send('42/chat,["ping",{"text":"hello"}]')
    socket.send('42/chat,1["ping",{"text":"hello"}]')
    await answered
  }
}
