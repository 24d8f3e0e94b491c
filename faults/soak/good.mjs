// @ts-check
/** Handshakes of good clients: each connects, says something, joins a room, and leaves. Each resolves with true when all that succeeded. */

import { cookieOf, SESSION_ID } from '../credentials.mjs'
import { ask, openPolling, rawSocket } from '../raw-clients.mjs'

/** @typedef {{ port: number, address: string, token: string, random: () => number }} Attempt */

/** @type {Record<string, (attempt: Attempt) => Promise<boolean>>} */
export const GOOD = {
  'token in auth': (attempt) => visit(attempt, {}, { token: attempt.token }),
  'token in the header': (attempt) => visit(attempt, { authorization: `Bearer ${attempt.token}` }, {}),
  'session cookie': (attempt) => visit(attempt, { cookie: cookieOf(SESSION_ID) }, {}),
  'looked up': (attempt) => visit(attempt, {}, { lookup: `good-${attempt.address}` }),
  'polling alone': poll,
}

/** @param {Attempt} attempt @param {Record<string, string>} headers @param {object} auth */
async function visit({ port, address, random }, headers, auth) {
  const socket = rawSocket(port, { address, headers })
  const admitted = (await socket.connect.call(await open(socket), auth))?.startsWith('40/chat') ?? false
  if (!admitted) {
    await socket.vanish()
    return false
  }
  socket.send('42/chat,1["ping",{"text":"hello"}]')
  const served = (await socket.frame('43/chat,1')) === '43/chat,1["pong"]'
  socket.send(`42/chat,2["auth:join","room:${Math.floor(random() * 50)}"]`)
  const joined = (await socket.frame('43/chat,2'))?.includes('joined') ?? false
  // Some say that they go, some close the connection, some are gone.
  const way = random()
  if (way < 0.3) socket.send('41/chat,')
  if (way < 0.6) socket.ws.close()
  else socket.ws.terminate()
  await socket.closed
  return served && joined
}

/** @param {ReturnType<typeof rawSocket>} socket */
async function open(socket) {
  await socket.opened
  return socket
}

/** @param {Attempt} attempt */
async function poll({ port, address, token }) {
  const path = await openPolling(port, { address })
  if (path === null) return false
  await ask(port, { address, path, method: 'POST', body: `40/chat,${JSON.stringify({ token })}` })
  const { body } = await ask(port, { address, path })
  await ask(port, { address, path, method: 'POST', body: '41/chat,\x1e1' })
  return body.startsWith('40/chat')
}
