// @ts-check
/** The sockets of one subject among many, and ending them: real servers over a fake engine, with as many sockets as asked for. */

import { createServer } from 'node:http'
import { filterSocketsByUser } from 'passport.socketio'
import { createAuth } from 'portcullis'
import { fromAuth } from 'portcullis/strategies/from'
import { Server } from 'socket.io'
import { answer } from '../child.mjs'
import { enter } from '../fake-engine.mjs'
import { LIMITS } from '../servers/limits.mjs'

const ISSUER = 'bench'
/** As somebody with a phone and a computer has. */
const SOCKETS_EACH = 2

/**
 * @typedef {object} Task
 * @property {'find' | 'end'} kind
 * @property {string} name
 * @property {number} batch how many are timed together: what takes microseconds cannot be timed alone
 * @property {(subject: string) => number | Promise<number>} work answers how many sockets there were
 */

/** A strategy that believes: what is measured comes later. @type {import('portcullis').Strategy} */
const believing = {
  scheme: 'believing',
  from: [fromAuth('token')],
  maxLifetimeSeconds: 3_600,
  authenticate: async (_handshake, connect) =>
    connect && {
      identity: { scheme: 'believing', issuer: ISSUER, subject: String(connect.auth.token), claims: {} },
      lease: { id: String(connect.auth.token), issuedAt: Date.now() / 1000 - 60, expiresAt: null },
    },
}

/**
 * Microseconds for each task, of so many sockets in all.
 *
 * @param {{ world: 'guarded' | 'unguarded', count: number, rounds: number }} settings
 * @returns {Promise<Record<string, number[]>>}
 */
async function run({ world, count, rounds }) {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'], serveClient: false })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)))
  const tasks = world === 'guarded' ? guarded(io) : unguarded(io)
  const subjects = count / SOCKETS_EACH
  for (let i = 0; i < count; i += 1) await enter(io, '/chat', { token: `user-${i % subjects}` })
  /** @type {Record<string, number[]>} */
  const figures = Object.fromEntries(tasks.map(({ name }) => [name, []]))
  let next = 0
  // Spread over all, so that none is near in memory, and each is ended once.
  const subject = () => `user-${(next++ * 7_919) % subjects}`
  for (const kind of ['find', 'end']) {
    next = 0
    for (let round = -2; round < rounds; round += 1) {
      for (const task of tasks.filter((each) => each.kind === kind)) {
        const us = await timed(task, subject)
        if (round >= 0) figures[task.name]?.push(us)
      }
    }
  }
  await io.close()
  return figures
}

/** @param {Task} task @param {() => string} subject */
async function timed({ name, batch, work }, subject) {
  const chosen = Array.from({ length: batch }, subject)
  let sockets = 0
  const started = process.hrtime.bigint()
  for (const each of chosen) {
    const found = work(each)
    sockets += typeof found === 'number' ? found : await found
  }
  const us = Number(process.hrtime.bigint() - started) / 1000 / batch
  if (sockets !== batch * SOCKETS_EACH) throw new Error(`${name} found ${sockets} sockets of ${batch} subjects`)
  return us
}

/** @param {Server} io @returns {Task[]} */
function guarded(io) {
  const auth = createAuth({ origins: ['https://app.example'], strategies: [believing], limits: LIMITS })
  auth.protect(io.of('/chat'), { events: {} })
  return [
    {
      kind: 'find',
      name: 'portcullis, sockets(subject)',
      batch: 100,
      work: (subject) => auth.sockets({ issuer: ISSUER, subject }).length,
    },
    {
      kind: 'end',
      name: 'portcullis, revoke(subject)',
      batch: 1,
      async work(subject) {
        const { closed, complete } = await auth.revoke({ issuer: ISSUER, subject })
        if (!complete) throw new Error('a revocation on one node was not complete')
        return closed
      },
    },
  ]
}

/** @param {Server} io @returns {Task[]} */
function unguarded(io) {
  /** @type {Map<string, Set<import('socket.io').Socket>>} */
  const bySubject = new Map()
  const chat = io.of('/chat')
  chat.on('connection', (socket) => {
    const subject = String(socket.handshake.auth.token)
    socket.data.user = subject
    // Where passport.socketio puts it.
    Object.assign(socket.request, { user: { id: subject } })
    socket.join(`user:${subject}`)
    const sockets = bySubject.get(subject) ?? new Set()
    bySubject.set(subject, sockets.add(socket))
    socket.on('disconnect', () => sockets.delete(socket))
  })
  const fetched = async (/** @type {string} */ subject) => {
    const all = await chat.fetchSockets()
    return all.filter((socket) => socket.data.user === subject)
  }
  const end = (/** @type {Iterable<{ disconnect(close: boolean): unknown }>} */ sockets) => {
    let count = 0
    for (const socket of [...sockets]) {
      socket.disconnect(true)
      count += 1
    }
    return count
  }
  return [
    { kind: 'find', name: 'a Map by hand', batch: 100, work: (subject) => bySubject.get(subject)?.size ?? 0 },
    {
      kind: 'find',
      name: 'in(room).fetchSockets()',
      batch: 100,
      work: async (subject) => (await chat.in(`user:${subject}`).fetchSockets()).length,
    },
    {
      kind: 'find',
      name: 'fetchSockets(), filter',
      batch: 1,
      work: async (subject) => (await fetched(subject)).length,
    },
    {
      kind: 'find',
      name: 'passport.socketio, filterSocketsByUser',
      batch: 1,
      work(subject) {
        // Socket.IO 4 has no `connected`: without this it finds nobody.
        const asOfOld = { sockets: { connected: Object.fromEntries(chat.sockets) } }
        return filterSocketsByUser(/** @type {any} */ (asOfOld), (/** @type {any} */ user) => user.id === subject)
          .length
      },
    },
    { kind: 'end', name: 'a Map by hand, disconnect', batch: 1, work: (subject) => end(bySubject.get(subject) ?? []) },
    {
      kind: 'end',
      name: 'fetchSockets(), filter, disconnect',
      batch: 1,
      work: async (subject) => end(await fetched(subject)),
    },
  ]
}

answer({ run })
