// @ts-check
/** Usage: client.mjs URL NAME PASSWORD. Does what a page does: logs in, connects with the cookie, logs out. */

import { io } from 'socket.io-client'

const [url, username, password] = process.argv.slice(2)

const response = await fetch(`${url}/login`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ username, password }),
})
console.log(`login: ${response.status}`)
const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''

// A browser sends both headers by itself, so that a page writes `io()` and no more.
const socket = io(url ?? '', { extraHeaders: { cookie, origin: url ?? '' } })
socket.on('connect_error', (error) => {
  console.error(error.message)
  process.exit(1)
})
socket.on('greetings', (text) => {
  console.log(text)
  socket.emit('say', 'good morning')
})
socket.on('said', async ({ name, text }) => {
  console.log(`${name} says: ${text}`)
  const answer = await fetch(`${url}/logout`, { method: 'POST', headers: { cookie } })
  console.log('logout:', await answer.json())
})
socket.on('auth:closed', ({ code }) => console.log(`closed: ${code}`))
socket.on('disconnect', () => socket.close())
