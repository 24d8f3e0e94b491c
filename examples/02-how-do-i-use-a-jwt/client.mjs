// @ts-check
/** Usage: client.mjs URL NAME PASSWORD. Connects with a token, and presents a new one before it expires. */

import { withAuth } from 'portcullis/client'
import { io } from 'socket.io-client'

const [url, name, password] = process.argv.slice(2)
const socket = io(url, { autoConnect: false })

const auth = withAuth(socket, {
  // Called before every attempt to connect, and before each token expires. A browser would ask here for a token by its
  // session, not by a password.
  async credential() {
    const response = await fetch(`${url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, password }),
    })
    return (await response.json()).token ?? null
  },
})

let left = 3
async function greet() {
  console.log(await socket.emitWithAck('hello'))
  left -= 1
  if (left === 0) socket.close()
}
auth.on('connected', greet)
auth.on('refreshed', () => {
  console.log('refreshed')
  greet()
})
auth.on('closed', ({ code }) => console.log(`closed: ${code}`))
auth.on('refused', ({ code, willRetry }) => {
  console.log(`refused: ${code}`)
  if (!willRetry) process.exitCode = 1
})
socket.connect()
