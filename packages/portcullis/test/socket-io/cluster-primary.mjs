// @ts-check
/** The primary of a cluster of two workers, between them and the test. Usage: cluster-primary.mjs KIND */

import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { setupPrimary } from '@socket.io/cluster-adapter'

setupPrimary()
cluster.setupPrimary({
  exec: fileURLToPath(new URL('./cluster-worker.mjs', import.meta.url)),
  args: process.argv.slice(2),
  // Demanded by the adapter's documentation, for packets with binary content.
  serialization: 'advanced',
})
const workers = [cluster.fork(), cluster.fork()]
for (const [index, worker] of workers.entries()) {
  worker.on('message', (message) => {
    if (message?.from === 'facts') process.send?.({ ...message, worker: index })
  })
}
process.on('message', (/** @type {{ worker: number }} */ { worker, ...message }) => workers[worker]?.send(message))
// Whoever started it is gone, or has no further use for it.
process.on('disconnect', () => {
  for (const worker of workers) worker.kill()
  process.exit()
})
