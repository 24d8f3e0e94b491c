/**
 * `socket.io-client` as it was required for 0.9 to 2: one of the clients that are still met, by ORIGINAL_SUITE_CLIENT (2, 3 or 4).
 * Refusals come as `error` with the data of the error, or its message where it has none.
 */

const { mapped } = require('./fixed-port.cjs')
const xmlhttprequest = require('./xmlhttprequest.cjs')

const MODULES = { 2: 'socket.io-client-2', 3: 'socket.io-client-3', 4: 'socket.io-client' }
const version = process.env.ORIGINAL_SUITE_CLIENT ?? '2'
const original = require(MODULES[version])

function connect(url, options = {}) {
  const forceNew = options.forceNew ?? options['force new connection'] ?? false
  const headers = { ...xmlhttprequest.headersOf(url), ...options.extraHeaders }
  const extraHeaders = Object.keys(headers).length > 0 ? { extraHeaders: headers } : {}
  const socket = original(mapped(url), { ...options, forceNew, ...extraHeaders })
  return withErrorEvent(socket)
}

/** From 3 on, a refusal is a `connect_error` with an Error. A lost connection is one as well, or in 2 an `error`. */
function withErrorEvent(socket) {
  for (const name of ['on', 'once']) {
    const listen = socket[name].bind(socket)
    socket[name] = (event, listener) =>
      event === 'error' ? listen(REFUSED, ofRefusal(listener)) : listen(event, listener)
  }
  return socket
}

const REFUSED = version === '2' ? 'error' : 'connect_error'

const ofRefusal = (listener) => (error) => {
  if (error?.type !== 'TransportError') listener(version === '2' ? error : (error.data ?? error.message))
}

module.exports = Object.assign(connect, { connect })
