// @ts-check
/** One server of one variant, in a process of its own; what it costs is read here. */

import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { answer, cpuMicroseconds } from '../child.mjs'

/** @typedef {{ stats?: () => unknown, stop?: () => Promise<void> }} Installed */

/** @type {Installed} */
let installed = {}

answer({
  /** `group` is a module beside this one, which has `VARIANTS`. */
  async start({ group, variant, options }) {
    const { VARIANTS } = await import(`./${group}.mjs`)
    const install = VARIANTS[variant]
    if (install === undefined) throw new Error(`${group} has no variant ${variant}`)
    const http = createServer()
    const io = new Server(http, { serveClient: false, ...options?.server })
    installed = (await install(io, options ?? {})) ?? {}
    io.of('/chat').on('connection', (socket) => {
      socket.on('ping', (/** @type {unknown} */ _payload, /** @type {((answer: string) => void) | undefined} */ done) =>
        done?.('done'),
      )
    })
    await new Promise((resolve) => http.listen(0, '127.0.0.1', 4_096, () => resolve(undefined)))
    return /** @type {import('node:net').AddressInfo} */ (http.address()).port
  },
  cpu: cpuMicroseconds,
  /** Bytes of what is alive. */
  async heap() {
    // What finalizers and caches let go of is garbage only the next time.
    for (let i = 0; i < 3; i += 1) {
      globalThis.gc?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const { heapUsed, rss } = process.memoryUsage()
    return { heapUsed, rss }
  },
  stats: () => installed.stats?.(),
  stop: () => installed.stop?.(),
})
