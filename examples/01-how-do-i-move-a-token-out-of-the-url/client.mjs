// @ts-check
/** Usage: client.mjs URL KEY [--old] */

import { io } from 'socket.io-client'

const [url, token, old] = process.argv.slice(2)
const socket =
  old === '--old'
    ? io(url, { query: { joinServerParameters: JSON.stringify({ token }) } })
    : // One word has changed: `auth` travels in a packet, which no proxy logs.
      io(url, { auth: { token } })

socket.on('connect_error', (error) => {
  // Over HTTP a refusal is the body of the answer; `withAuth` of portcullis/client reads both.
  console.error(error)
  process.exit(1)
})
socket.on('connect', async () => {
  console.log(await socket.emitWithAck('hello'))
  socket.close()
})
