// @ts-check
/** What a server process holds: by its own account, by Socket.IO's, by the guard's, and by what is on the heap. */

import { IncomingMessage } from 'node:http'
import { getHeapCodeStatistics, queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Socket as EngineSocket } from 'engine.io'
import { Socket } from 'socket.io'
import { WebSocket } from 'ws'

setFlagsFromString('--expose-gc')
const collect = /** @type {() => void} */ (runInNewContext('gc'))
const unused = setTimeout(() => {}, 0)
clearTimeout(unused)

/** Ref'd or not, and whoever made them. @type {Record<string, Function>} */
const KINDS = {
  timers: /** @type {Function} */ (unused.constructor),
  'Engine.IO sockets': EngineSocket,
  'Socket.IO sockets': Socket,
  requests: IncomingMessage,
  WebSockets: WebSocket,
}

/** @typedef {Awaited<ReturnType<typeof held>>} Held */

/**
 * Looks through the whole heap for each kind of object, which takes a tenth of a second and more.
 *
 * @param {import('socket.io').Server} io
 * @param {import('portcullis').Auth} auth
 * @param {string[]} [kinds] default all
 */
export async function held(io, auth, kinds = Object.keys(KINDS)) {
  // What finished in this turn is garbage in the next.
  for (let i = 0; i < 3; i += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  const { heapUsed, rss } = process.memoryUsage()
  const { code_and_metadata_size: machine, bytecode_and_metadata_size: bytecode } = getHeapCodeStatistics()
  return {
    /** Bytes. `data` is the heap without what the compiler put there, which goes on while it optimizes. */
    memory: { heapUsed, data: heapUsed - machine - bytecode, rss },
    counts: await countsOf(io, auth),
    /** @type {Record<string, number>} */
    objects: Object.fromEntries(kinds.map((kind) => [kind, queryObjects(KINDS[kind] ?? Object, { format: 'count' })])),
    resources: tally(process.getActiveResourcesInfo()),
  }
}

/** Who is there, by every account. @param {import('socket.io').Server} io @param {import('portcullis').Auth} auth */
export async function countsOf(io, auth) {
  const { _nsps: namespaces } = /** @type {{ _nsps: Map<string, any> }} */ (/** @type {unknown} */ (io))
  const sum = (/** @type {(namespace: any) => number} */ of) =>
    [...namespaces.values()].reduce((total, namespace) => total + of(namespace), 0)
  const status = auth.status()
  return {
    'io.engine.clientsCount': io.engine.clientsCount,
    'namespace._preConnectSockets': sum(({ _preConnectSockets }) => _preConnectSockets.size),
    'namespace.sockets': sum(({ sockets }) => sockets.size),
    'adapter.rooms': sum(({ adapter }) => adapter.rooms.size),
    'adapter.sids': sum(({ adapter }) => adapter.sids.size),
    namespaces: namespaces.size,
    'auth.status().sockets': status.sockets,
    'auth.status().connecting': status.connecting,
    'auth.connections()': (await auth.connections({ limit: 1 })).nodes[0]?.connections ?? 0,
  }
}

/** @param {string[]} names @returns {Record<string, number>} */
function tally(names) {
  /** @type {Record<string, number>} */
  const counts = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
