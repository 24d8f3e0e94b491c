// @ts-check
/** Connections that end at a moment and connections that do not: what the moment itself costs. */

import { createAuth } from 'portcullis'
import { fromAuth } from 'portcullis/strategies/from'
import { ORIGIN } from '../credentials.mjs'
import { LIMITS } from './limits.mjs'

/** @typedef {import('socket.io').Server} Server */

const LIFETIME_SECONDS = 3_600

/** @type {Record<string, (io: Server) => void>} */
export const VARIANTS = {
  bare: () => {},

  'a timer each': (io) => {
    io.of('/chat').on('connection', (socket) => {
      const timer = setTimeout(() => socket.disconnect(true), LIFETIME_SECONDS * 1000)
      socket.on('disconnect', () => clearTimeout(timer))
    })
  },

  endless: (io) => guarded(io, () => null),

  ending: (io) => guarded(io, () => Date.now() / 1000 + LIFETIME_SECONDS),
}

/** @param {Server} io @param {() => number | null} expiresAt */
function guarded(io, expiresAt) {
  /** Believes every token. @type {import('portcullis').Strategy} */
  const believing = {
    scheme: 'believing',
    from: [fromAuth('token')],
    maxLifetimeSeconds: 2 * LIFETIME_SECONDS,
    authenticate: async (_handshake, connect) =>
      connect && {
        identity: { scheme: 'believing', issuer: 'bench', subject: 'somebody', claims: {} },
        lease: { id: String(connect.auth.token), issuedAt: 0, expiresAt: expiresAt() },
      },
  }
  const auth = createAuth({ origins: [ORIGIN], strategies: [believing], limits: LIMITS })
  auth.protect(io.of('/chat'), { events: {} })
}
