// @ts-check
/** What looks at each event of a socket: nothing, `socket.use`, a token verified once more, a rule. */

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

  'socket.use, synchronous': (io) => {
    io.of('/chat').on('connection', (socket) => {
      socket.data.user = { scope: 'chat:write' }
      socket.use((_event, next) => (socket.data.user.scope === 'chat:write' ? next() : next(new Error('forbidden'))))
    })
  },

  'socket.use, asynchronous': (io) => {
    io.of('/chat').on('connection', (socket) => {
      socket.data.user = { scope: 'chat:write' }
      const allowed = async () => socket.data.user.scope === 'chat:write'
      socket.use(async (_event, next) => ((await allowed()) ? next() : next(new Error('forbidden'))))
    })
  },

  'jsonwebtoken for each event': (io) => {
    io.of('/chat').on('connection', (socket) => {
      socket.use((_event, next) => {
        jsonwebtoken.verify(socket.handshake.auth.token, KEY, CHECKS, (error) =>
          error ? next(new Error('forbidden')) : next(),
        )
      })
    })
  },

  portcullis: (io) => JWT.portcullis?.(io, {}),
}
