// @ts-check
/** Usage: client.mjs URL TOKEN ORGANIZATION. Prints the first piece of news of that organization. */

import { withAuth } from 'portcullis/client'
import { io } from 'socket.io-client'

const [url, token = '', organization] = process.argv.slice(2)
const socket = io(url, { autoConnect: false })
const auth = withAuth(socket, { credential: () => token })

socket.on('news', ({ data }) => {
  console.log(`news: ${data}`)
  socket.close()
})
auth.on('connected', async () => {
  try {
    const { joined } = await auth.join(`organization.${organization}`)
    console.log(`joined: ${joined}`)
  } catch (error) {
    // An AuthRefusal, with the code of the server.
    console.log(`not joined: ${error instanceof Error && 'code' in error ? error.code : error}`)
    socket.close()
  }
})
auth.on('refused', ({ code, willRetry }) => {
  console.log(`refused: ${code}`)
  if (!willRetry) process.exitCode = 1
})
socket.connect()
