// @ts-check
/** Usage: client.mjs URL NAME PASSWORD CHANNEL. Prints the first message of that channel. */

import { io } from 'socket.io-client'

const [url, name, password, channel = ''] = process.argv.slice(2)
const socket = io(url)

socket.on('message', (text) => {
  console.log(text)
  socket.close()
})
socket.on('connect', async () => {
  // 1. The web application is asked, by the login that the page has there. The socket's id is new after each connection.
  const response = await fetch(`${url}/pusher/auth`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${name}:${password}`)}` },
    body: new URLSearchParams({ socket_id: socket.id ?? '', channel_name: channel }),
  })
  // 2. Its answer, as it is, goes along with the request to join. A refusal is no signature, and is refused again.
  const { error } = await socket.emitWithAck('auth:join', channel, await response.json())
  console.log(error ? `not joined: ${response.status}, ${error.code}` : `joined: ${channel}`)
  if (error) socket.close()
})
