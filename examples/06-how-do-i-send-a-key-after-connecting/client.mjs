// @ts-check
/** Usage: client.mjs URL [NAME PASSWORD]. Connects with nothing; with a name, it sends its key afterwards. */

import { io } from 'socket.io-client'

const [url, name, password] = process.argv.slice(2)
const socket = io(url)

socket.on('connect', async () => {
  console.log('before:', (await socket.emitWithAck('hello')).error.code)
  if (name === undefined) return
  const response = await fetch(`${url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  })
  const { rediskey } = await response.json()
  // What would have been `auth` of the connection: only here is it new.
  const { error } = await socket.emitWithAck('auth:refresh', { rediskey })
  console.log('after:', error?.code ?? (await socket.emitWithAck('hello')))
  socket.close()
})
socket.on('auth:closed', ({ code }) => console.log(`closed: ${code}`))
socket.on('disconnect', () => socket.close())
