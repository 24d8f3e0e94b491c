// @ts-check
/** Stands in the installed project and connects to the README's server, in each way that a visitor may. Prints what each is told. */

import { io } from 'socket.io-client'

/**
 * @typedef {{ admitted: string } | { refused: string }} Told the subject, or the code or the text of the refusal
 *
 * @param {string} url
 * @param {Partial<import('socket.io-client').ManagerOptions & import('socket.io-client').SocketOptions>} options
 * @returns {Promise<Told>}
 */
function visit(url, options) {
  const socket = io(url, { forceNew: true, reconnection: false, transports: ['websocket'], ...options })
  return new Promise((resolve) => {
    socket.once('connect', async () => {
      const { subject } = await socket.emitWithAck('auth:whoami')
      socket.disconnect()
      resolve({ admitted: subject })
    })
    socket.once('connect_error', (error) => {
      const { code } = Object.assign({ code: undefined }, 'data' in error ? error.data : undefined)
      socket.disconnect()
      resolve({ refused: code ?? error.message })
    })
  })
}

const { SERVER = '', TOKEN = '', FORGED = '', COOKIE = '' } = process.env
const chat = `${SERVER}/chat`
const page = { origin: 'https://app.example' }
const told = {
  'a token': await visit(chat, { auth: { token: TOKEN } }),
  nothing: await visit(chat, {}),
  'a forged token': await visit(chat, { auth: { token: FORGED } }),
  'a namespace without a policy': await visit(`${SERVER}/`, { auth: { token: TOKEN } }),
  'a session': await visit(chat, { extraHeaders: { ...page, cookie: COOKIE } }),
  "a session on somebody else's page": await visit(chat, {
    extraHeaders: { origin: 'https://evil.example', cookie: COOKIE },
  }),
  'a session without a page': await visit(chat, { extraHeaders: { cookie: COOKIE } }),
}
process.stdout.write(`${JSON.stringify(told)}\n`)
