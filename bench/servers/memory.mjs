// @ts-check
/** What a server keeps for each connection that has shown a token: nothing of its own, what people write, Portcullis. */

import jsonwebtoken from 'jsonwebtoken'
import { AUDIENCE, ISSUER, verificationKey } from '../tokens.mjs'
import { VARIANTS as JWT } from './jwt.mjs'

/** @typedef {import('socket.io').Server} Server */

const KEY = verificationKey('HS256')
/** @type {import('jsonwebtoken').VerifyOptions} */
const CHECKS = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['HS256'] }

/** @type {Record<string, (io: Server) => void>} */
export const VARIANTS = {
  bare: () => {},

  'bare, request let go': letGo,

  // What a connection that ends with its token takes at least: the claims, a timer, a check of each event.
  'by hand': (io) => {
    io.of('/chat').use((socket, next) => {
      jsonwebtoken.verify(socket.handshake.auth.token, KEY, CHECKS, (error, claims) => {
        if (error || typeof claims !== 'object') return next(new Error('unauthorized'))
        socket.data.user = claims
        next()
      })
    })
    io.of('/chat').on('connection', (socket) => {
      const timer = setTimeout(() => socket.disconnect(true), socket.data.user.exp * 1000 - Date.now())
      socket.on('disconnect', () => clearTimeout(timer))
      socket.use((_event, next) => (socket.data.user.scope === '' ? next(new Error('forbidden')) : next()))
    })
  },

  portcullis: (io) => JWT.portcullis?.(io, {}),

  'portcullis, request let go': (io) => {
    JWT.portcullis?.(io, {})
    letGo(io)
  },
}

/** As the documentation of Socket.IO advises where memory is scarce. @param {Server} io */
function letGo(io) {
  io.engine.on('connection', (/** @type {{ request: unknown }} */ engineSocket) => {
    engineSocket.request = null
  })
}
