// @ts-check
/** A worker of `node:cluster` with a server, which runs the acts of a test. Usage: cluster-worker.mjs KIND */

import { createAdapter } from '@socket.io/cluster-adapter'
import { insideOf } from './inside.mjs'
import { openServer } from './server.mjs'

// The adapter listens once for each namespace, and never stops.
process.setMaxListeners(0)

const kind = /** @type {import('./server.mjs').Kind} */ (process.argv[2])
const { io, url, errors, close } = await openServer({ kind, options: { adapter: createAdapter() } })
const inside = insideOf(io)
const tell = (/** @type {object} */ message) => process.send?.({ from: 'facts', ...message })

process.on('message', async (/** @type {{ act?: string; id?: number; arg?: unknown; close?: boolean }} */ message) => {
  if (message.close) {
    await close()
    tell({ closed: true, errors: errors.map(String) })
    return
  }
  if (message.act === undefined) return
  try {
    const act = new Function('io', 'arg', 'inside', `return (${message.act})(io, arg, inside)`)
    tell({ id: message.id, result: await act(io, message.arg, inside) })
  } catch (error) {
    tell({ id: message.id, error: error instanceof Error ? error.stack : String(error) })
  }
})
tell({ url })
