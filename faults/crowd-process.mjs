// @ts-check
/** Many clients in a process of their own: told by their parent to come, and asked how they went. */

import { openPolling, rawSocket } from './raw-clients.mjs'

/** At once, while they come. */
const WIDTH = 100

/**
 * @typedef {object} Member
 * @property {number} port
 * @property {'silent' | 'polling' | 'connected'} kind `silent` opens a WebSocket and says nothing; `polling` opens a session and never polls
 * @property {string} [token] of a `connected` one
 */

/** When each was open, and when it heard that it was closed; epoch milliseconds. @type {{ openAt: number, closedAt: number | null, code: string | null }[]} */
let members = []
/** How many are there, and how many have gone. */
const count = { open: 0, failed: 0, closed: 0 }

/** @param {Member[]} given */
async function come(given) {
  members = given.map(() => ({ openAt: 0, closedAt: null, code: null }))
  let next = 0
  const worker = async () => {
    while (next < given.length) {
      const i = next
      next += 1
      const [member, note] = [given[i], members[i]]
      if (member === undefined || note === undefined) return
      const opened = await enter(member, note, `198.18.${(i >> 8) % 256}.${i % 256}`)
      note.openAt = Date.now()
      if (opened) count.open += 1
      else count.failed += 1
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
  return count
}

/** @param {Member} member @param {typeof members[number]} note @param {string} address */
async function enter({ port, kind, token }, note, address) {
  if (kind === 'polling') return (await openPolling(port, { address })) !== null
  const socket = rawSocket(port, { address })
  socket.closed.then(() => {
    note.closedAt = Date.now()
    count.closed += 1
  })
  if (!(await socket.opened)) return false
  if (kind === 'silent') return true
  const answer = await socket.connect({ token })
  socket.frame('42/chat,["auth:closed"').then((frame) => {
    if (frame !== null) note.code = JSON.parse(frame.slice(frame.indexOf('[')))[1].code
  })
  return answer?.startsWith('40') ?? false
}

process.on('message', async (/** @type {any} */ { id, command, given }) => {
  if (command === 'come') process.send?.({ id, answer: await come(given) })
  if (command === 'count') process.send?.({ id, answer: count })
  if (command === 'members') process.send?.({ id, answer: members })
})
process.on('disconnect', () => process.exit())
process.send?.({ port: 0 })
