// @ts-check
/** What a test is given where a server runs, to act there and to remember what it saw. */

/** @typedef {ReturnType<typeof insideOf>} Inside */

/** @param {import('socket.io').Server} io */
export function insideOf(io) {
  /** By name. @type {Record<string, unknown>} */
  const seen = {}
  /** A socket of this server. @param {string} id */
  function socket(id) {
    for (const namespace of io._nsps.values()) {
      const found = namespace.sockets.get(id)
      if (found !== undefined) return found
    }
    throw new Error(`this server has no socket ${id}`)
  }
  return {
    seen,
    socket,
    /** Its connection takes more at once: what is volatile is dropped otherwise. @param {string} id */
    async writable(id) {
      while (!socket(id).conn.transport.writable) await new Promise((resolve) => setImmediate(resolve))
    },
    /**
     * Remembers the arguments of the next such event, without the acknowledgement.
     *
     * @param {string} name
     * @param {{ once(event: string, listener: (...args: unknown[]) => void): unknown }} emitter
     * @param {string} event
     */
    watch(name, emitter, event) {
      seen[name] = new Promise((resolve) => {
        emitter.once(event, (...args) => resolve(args.filter((arg) => typeof arg !== 'function')))
      })
    },
  }
}
