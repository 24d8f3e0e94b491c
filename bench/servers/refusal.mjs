// @ts-check
/** Where a forged token is refused: in the namespace's middleware, in the engine's, by Portcullis. */

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

  'io.use': (io) => {
    io.of('/chat').use((socket, next) => {
      if (isGood(socket.handshake.auth.token)) next()
      else next(new Error('unauthorized'))
    })
  },

  'io.engine.use, nobody looks': (io) => {
    io.engine.use(
      (
        /** @type {unknown} */ _request,
        /** @type {unknown} */ _response,
        /** @type {(error?: Error) => void} */ next,
      ) => next(new Error('unauthorized')),
    )
  },

  'io.engine.use': (io) => {
    io.engine.use(
      (/** @type {any} */ request, /** @type {unknown} */ _response, /** @type {(error?: Error) => void} */ next) => {
        if (isGood(request.headers.authorization?.slice(7))) next()
        else next(new Error('unauthorized'))
      },
    )
  },

  portcullis: (io) => JWT.portcullis?.(io, {}),
}

/** @param {string} token */
function isGood(token) {
  try {
    jsonwebtoken.verify(token, KEY, CHECKS)
    return true
  } catch {
    return false
  }
}
