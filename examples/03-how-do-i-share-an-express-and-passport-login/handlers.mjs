// @ts-check
/** What a socket can do, away from how it got in. A rule and a handler for each event. */

import { permit } from 'portcullis'

/** @typedef {import('portcullis').Identity<'passport', { name: string }>} User */

/** An event without a rule here is refused, whatever handlers there are. */
export const policy = {
  events: { say: () => permit() },
}

/** @param {import('socket.io').Socket<any, any, any, import('portcullis').AuthData<User>>} socket */
export function handleConnection(socket) {
  const { name } = socket.data.identity.claims
  socket.emit('greetings', `Greetings, ${name}`)

  socket.on('say', (/** @type {unknown} from the wire */ text) => {
    if (typeof text === 'string' && text.length <= 500) socket.nsp.emit('said', { name, text })
  })

  socket.on('disconnect', (reason) => console.log(`${name} is gone: ${reason}`))
}
