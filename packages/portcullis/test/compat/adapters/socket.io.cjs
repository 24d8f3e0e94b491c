/** `socket.io` as it was required for servers 0.9 to 2, on the present one: `listen`, calling the module, `configure` and `set`. */

const { Server } = require('socket.io')

function listen(server, options) {
  const io = new Server(server, { allowEIO3: true, ...options })
  io.configure = (configure) => {
    configure.call(io)
    return io
  }
  io.set = (name, value) => {
    if (name === 'authorization') io.use((socket, next) => authorize(value, socket, next))
    return io
  }
  return io
}

/** The convention of 0.9: plain handshake data, and `accept(error, authorized)`. */
function authorize(decide, socket, next) {
  const { headers, time, url, xdomain, secure, issued, query, address } = socket.handshake
  const port = socket.request.socket.remotePort
  const data = { headers, address: { address, port }, time, query, url, xdomain, secure, issued }
  decide.call(socket.server, data, (error, authorized) => {
    Object.assign(socket.handshake, data)
    if (error) next(new Error('handshake error'))
    else next(authorized ? undefined : new Error('handshake unauthorized'))
  })
}

module.exports = Object.assign(listen, { listen, Server })
