// @ts-check
/** What stands between a client with an opaque token, kept in PostgreSQL, and `/chat`. */

import { createAuth, permit } from 'portcullis'
import { accessToken } from 'portcullis/strategies/access-token'
import { ORIGIN } from '../credentials.mjs'
import { LIMITS, SLOW_MS } from './limits.mjs'
import { countingPool, slowQuery } from './postgres.mjs'

/** @typedef {import('socket.io').Server} Server */

const pool = countingPool()
const stats = () => ({ asked: pool.count() })
const stop = () => pool.end()

/** @type {Record<string, (io: Server) => { stats: () => object, stop: () => Promise<void> }>} */
export const VARIANTS = {
  bare: () => ({ stats, stop }),

  'one query each': (io) => {
    const statement = { name: 'one', text: slowQuery('= $1') }
    io.of('/chat').use((socket, next) => {
      pool.query({ ...statement, values: [socket.handshake.auth.token] }).then(
        ({ rows: [row] }) => {
          if (row === undefined) return next(new Error('unauthorized'))
          socket.data.user = row.user_id
          next()
        },
        () => next(new Error('unavailable')),
      )
    })
    return { stats, stop }
  },

  portcullis: (io) => {
    const tokens = accessToken({ pool, query: slowQuery('= any($1::text[])'), queryTimeoutMs: SLOW_MS })
    const auth = createAuth({ origins: [ORIGIN], strategies: [tokens], limits: LIMITS })
    auth.protect(io.of('/chat'), { events: { ping: () => permit() } })
    return { stats, stop: () => auth.close().then(stop) }
  },
}
