// @ts-check
/** What stands between a client with a JSON Web Token and `/chat`: nothing, what people write, what they install, Portcullis. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { authorize as threamAuthorize } from '@thream/socketio-jwt'
import { jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { createAuth, permit } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { authorize as auth0Authorize } from 'socketio-jwt'
import { ORIGIN } from '../credentials.mjs'
import { AUDIENCE, ISSUER, SECRET, SECRET_TEXT, verificationKey } from '../tokens.mjs'
import { LIMITS } from './limits.mjs'

/** @typedef {import('../tokens.mjs').Algorithm} Algorithm */
/** @typedef {import('socket.io').Server} Server */
/** @typedef {(socket: import('socket.io').Socket, next: (error?: Error) => void) => unknown} Middleware */

/** What `portcullis` has for a rule; the other variants of the event tables have theirs. */
const EVENTS = { ping: () => permit() }
const CLAIMS = { issuer: ISSUER, audience: AUDIENCE }

/** @type {Record<string, (io: Server, options: { alg?: Algorithm }) => void>} */
export const VARIANTS = {
  bare: () => {},

  // As in the documentation of Socket.IO: the secret is a string, which jsonwebtoken turns into a key for every token.
  'jsonwebtoken by hand, string secret': (io) =>
    use(io, (socket, next) => {
      jsonwebtoken.verify(
        socket.handshake.auth.token,
        SECRET_TEXT,
        { ...CLAIMS, algorithms: ['HS256'] },
        take(socket, next),
      )
    }),

  'jsonwebtoken by hand, KeyObject': (io) => {
    const key = verificationKey('HS256')
    use(io, (socket, next) => {
      jsonwebtoken.verify(socket.handshake.auth.token, key, { ...CLAIMS, algorithms: ['HS256'] }, take(socket, next))
    })
  },

  'jose by hand': (io, { alg = 'HS256' }) => {
    const key = verificationKey(alg)
    use(io, (socket, next) => {
      jwtVerify(socket.handshake.auth.token, key, { ...CLAIMS, algorithms: [alg] }).then(
        ({ payload }) => {
          socket.data.user = payload
          next()
        },
        () => next(new Error('unauthorized')),
      )
    })
  },

  'node:crypto by hand': (io) =>
    use(io, (socket, next) => {
      const claims = verifyHs256(socket.handshake.auth.token)
      if (claims === null) return next(new Error('unauthorized'))
      socket.data.user = claims
      next()
    }),

  'socketio-jwt': (io) => {
    // Its types leave out what it hands on to jsonwebtoken.
    const options = /** @type {any} */ ({ ...CLAIMS, secret: SECRET_TEXT, handshake: true, algorithms: ['HS256'] })
    use(io, /** @type {any} */ (auth0Authorize(options)))
  },

  '@thream/socketio-jwt': (io) =>
    use(io, /** @type {Middleware} */ (threamAuthorize({ secret: SECRET_TEXT, algorithms: ['HS256'] }))),

  'portcullis’ own strategy by hand': (io, { alg = 'HS256' }) => {
    const strategy = portcullisStrategy(alg)
    use(io, (socket, next) => {
      strategy
        .authenticate(/** @type {never} */ (socket.handshake), /** @type {never} */ ({ auth: socket.handshake.auth }))
        .then(
          (found) => {
            if (found === null) return next(new Error('unauthorized'))
            socket.data.user = found.identity
            next()
          },
          () => next(new Error('unauthorized')),
        )
    })
  },

  portcullis: (io, { alg = 'HS256' }) => {
    const auth = createAuth({ origins: [ORIGIN], strategies: [portcullisStrategy(alg)], limits: LIMITS })
    auth.protect(io.of('/chat'), { events: EVENTS })
  },
}

/** @param {Algorithm} alg */
export function portcullisStrategy(alg) {
  return jwt({ ...CLAIMS, keys: alg === 'HS256' ? SECRET : verificationKey(alg) })
}

/** @param {Server} io @param {Middleware} middleware */
function use(io, middleware) {
  io.of('/chat').use(middleware)
}

/** @param {import('socket.io').Socket} socket @param {(error?: Error) => void} next @returns {jsonwebtoken.VerifyCallback} */
function take(socket, next) {
  return (error, payload) => {
    if (error) return next(new Error('unauthorized'))
    socket.data.user = payload
    next()
  }
}

const HEADER = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')
const KEY = verificationKey('HS256')

/** As short as it can be and still be right: one algorithm, one header, the claims that the others check. @param {unknown} token */
function verifyHs256(token) {
  if (typeof token !== 'string' || token.length > 8_192) return null
  const [header, payload = '', signature = '', ...rest] = token.split('.')
  if (header !== HEADER || rest.length > 0) return null
  const given = Buffer.from(signature, 'base64url')
  const expected = createHmac('sha256', KEY).update(`${header}.${payload}`).digest()
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const now = Date.now() / 1000
  if (claims.iss !== ISSUER || claims.aud !== AUDIENCE || !(claims.exp > now) || typeof claims.sub !== 'string')
    return null
  return claims
}
