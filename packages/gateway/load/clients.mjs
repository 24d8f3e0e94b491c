// @ts-check
/** Some hundreds of clients in one process. Good ones come back as an application's do, refused ones never give up. */

import { withAuth } from 'portcullis/client'
import { io } from 'socket.io-client'
import { COOKIE, NAMESPACE, ORIGIN } from './crowd-plan.mjs'

/**
 * @typedef {import('./crowd-plan.mjs').Member} Member
 * @typedef {object} Client
 * @property {Member} member
 * @property {import('socket.io-client').Socket} socket
 * @property {Map<string, number>} heard how often each broadcast came
 * @property {number} refused how often it was, since it was last asked for
 */

/** @type {Client[]} */
let clients = []
/** Of good clients, epoch milliseconds, since they were last asked for. @type {number[]} */
let connectedAt = []
/** @type {number[]} */
let disconnectedAt = []
let admittedWrongly = 0
let told = 0

/** @param {Member} member @param {string} url */
function open(member, url) {
  const { kind, credential, by, address } = member
  const payload = by === 'token' ? { token: credential } : {}
  // An option of engine.io-client in Node that its types do not have.
  const local = { localAddress: address }
  const socket = io(url + NAMESPACE, {
    ...local,
    transports: ['websocket'],
    forceNew: true,
    autoConnect: false,
    ...(kind === 'good' ? {} : { reconnectionDelay: stubbornMs, reconnectionDelayMax: 2 * stubbornMs }),
    auth: payload,
    extraHeaders: { origin: ORIGIN, ...(by === 'cookie' ? { cookie: `${COOKIE}=${credential}` } : {}) },
  })
  /** @type {Client} */
  const client = { member, socket, heard: new Map(), refused: 0 }
  const hear = (/** @type {string} */ id) => client.heard.set(id, (client.heard.get(id) ?? 0) + 1)
  socket.on('everyone', hear)
  socket.on('org', hear)
  socket.on('connect', () => {
    if (kind === 'good') connectedAt.push(Date.now())
  })
  socket.on('disconnect', () => {
    if (kind === 'good') disconnectedAt.push(Date.now())
  })
  socket.on('auth:closed', (/** @type {any} */ refusal) => {
    if (kind === 'good' && refusal.code === 'AUTH_UNAVAILABLE' && refusal.retryAfterMs > 0) told += 1
  })
  if (kind === 'good') withAuth(socket, { credential: () => payload })
  else neverGiveUp(client)
  socket.connect()
  return client
}

/** @param {Client} client */
function neverGiveUp(client) {
  const { socket } = client
  const again = () => setTimeout(() => socket.connect(), stubbornMs * (1 + Math.random()))
  socket.on('connect_error', () => {
    client.refused += 1
    // A refused handshake is tried again by the manager; a refused CONNECT is not.
    if (!socket.active) again()
  })
  socket.on('disconnect', () => {
    if (!socket.active) again()
  })
  socket.on('connect', () => {
    if (guarding) admittedWrongly += 1
  })
}

/** From when on nobody but good clients may connect: revoked ones were good before. */
let guarding = false
/** A stubborn client waits between this and twice this. */
let stubbornMs = 2_000

/** @type {Record<string, (given: any) => unknown>} */
const commands = {
  /** @param {{ members: readonly Member[], url: string, perSecond: number, stubbornMs: number }} given */
  async open({ members, url, perSecond, ...given }) {
    stubbornMs = given.stubbornMs
    const stepMs = 50
    const batch = Math.max(1, Math.round((perSecond * stepMs) / 1000))
    for (let next = 0; next < members.length; next += batch) {
      clients.push(...members.slice(next, next + batch).map((member) => open(member, url)))
      await new Promise((resolve) => setTimeout(resolve, stepMs))
    }
  },
  guard() {
    guarding = true
  },
  state: () => ({
    good: clients.filter(({ member, socket }) => member.kind === 'good' && socket.connected).length,
    others: clients.filter(({ member, socket }) => member.kind !== 'good' && socket.connected).length,
    left: disconnectedAt.length,
    refused: clients.filter(({ refused }) => refused > 0).length,
    admittedWrongly,
  }),
  /** When good clients came and went since the last call. */
  times() {
    const times = {
      connectedAt,
      disconnectedAt,
      told,
      refusals: clients.reduce((sum, { refused }) => sum + refused, 0),
    }
    connectedAt = []
    disconnectedAt = []
    told = 0
    for (const client of clients) client.refused = 0
    return times
  },
  /** How often a broadcast reached each of those whom it was for, and everybody else. @param {{ message: string, org?: string }} given */
  heard({ message, org }) {
    const counts = { once: 0, never: 0, again: 0, stray: 0 }
    for (const { member, heard } of clients) {
      const times = heard.get(message) ?? 0
      const isMeant = member.kind === 'good' && (org === undefined || member.org === org)
      if (!isMeant) counts.stray += times
      else if (times === 0) counts.never += 1
      else if (times === 1) counts.once += 1
      else counts.again += 1
    }
    return counts
  },
  close() {
    for (const { socket } of clients) socket.disconnect()
    clients = []
  },
}

process.on('message', async (/** @type {any} */ { id, command, ...given }) => {
  process.send?.({ id, answer: await commands[command]?.(given) })
})
process.on('disconnect', () => process.exit())
process.send?.({ port: 0 })
