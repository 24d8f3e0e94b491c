// @ts-check
/** A port for a program that cannot take port 0 and say which it got. */

import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that systems give to outgoing connections and to port 0: nobody is given it between this look and its use. */
const [FIRST, LAST] = [12_000, 32_000]

/** @returns {Promise<number>} of 127.0.0.1 */
export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    const server = createServer()
    const listening = await new Promise((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!listening) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
