// @ts-check
/** Usage: client.mjs SITE SOCKETS NAME PASSWORD. Does what a browser does: logs in by the form, connects, logs out. */

import { io } from 'socket.io-client'

const [site = '', sockets = '', name = '', password = ''] = process.argv.slice(2)

const response = await fetch(site, {
  method: 'POST',
  body: new URLSearchParams({ name, password }),
  redirect: 'manual',
})
console.log(`login: ${response.status}`)
const cookie = response.headers.getSetCookie().at(-1)?.split(';')[0] ?? ''

// A browser sends both headers by itself.
const socket = io(sockets, { extraHeaders: { cookie, origin: site } })
socket.on('connect_error', (error) => {
  console.error(error.message)
  process.exit(1)
})
socket.on('greetings', async (text) => {
  console.log(text)
  await fetch(site, {
    method: 'POST',
    headers: { cookie },
    body: new URLSearchParams({ logout: '1' }),
    redirect: 'manual',
  })
})
socket.on('auth:closed', ({ code }) => console.log(`closed: ${code}`))
socket.on('disconnect', () => socket.close())
