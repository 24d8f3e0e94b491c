// @ts-check
/** Usage: client.mjs URL NAME PASSWORD. Logs in, says something, tries what only a moderator may, and logs out. */

import { withAuth } from 'portcullis/client'
import { io } from 'socket.io-client'

const [url, name, password] = process.argv.slice(2)
const answer = await fetch(`${url}/login`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ name, password }),
})
const { token = null } = await answer.json()

const socket = io(`${url}/chat`, { autoConnect: false })
const auth = withAuth(socket, { credential: () => token })

auth.on('connected', async () => {
  console.log('said:', await socket.emitWithAck('message:send', 'Hello'))
  const cleared = await socket.emitWithAck('messages:clear')
  console.log('clear:', cleared.error?.code ?? cleared)
  const response = await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  console.log('logged out:', await response.json())
})
auth.on('closed', ({ code }) => {
  console.log(`closed: ${code}`)
  // The token is of no use any more; a page would show its login.
  socket.close()
})
auth.on('refused', ({ code, willRetry }) => {
  console.log(`refused: ${code}`)
  if (!willRetry) process.exitCode = 1
})
socket.connect()
