/**
 * Loaded before the tests of socketio-auth, whose mocks are of Socket.IO 1: gives the facade the server of Socket.IO 4 that they
 * stand for. Namespaces become a Map, `connected` their `sockets`, and a socket gets what every one has since.
 */

const { EventEmitter } = require('node:events')
const { join } = require('node:path')

const path = join(process.cwd(), 'lib', 'socketio-auth.js')
const facade = require(path)

require.cache[path].exports = (mock, config) => facade(serverOf(mock), config)

function serverOf(mock) {
  const server = Object.assign(new EventEmitter(), { opts: {}, _nsps: new Map() })
  // The mocks tell the server of a connection, and then one namespace, which is /User in every test: it is the main one.
  const { '/User': main, ...others } = mock.nsps
  for (const [name, nsp] of Object.entries({ '/': main, ...others }))
    server._nsps.set(name, namespaceOf(name, nsp, server, mock))
  return server
}

function namespaceOf(name, { connected }, server, mock) {
  const sockets = {
    set: (id, socket) => Object.assign(connected, { [id]: socket }),
    delete: (id) => delete connected[id],
    values: () => Object.values(connected),
  }
  const nsp = { name, server, sockets, use() {} }
  nsp.prependListener = (_event, listener) => {
    if (name === '/') mock.on('connection', (socket) => listener(socketOf(socket, nsp)))
  }
  return nsp
}

function socketOf(mock, nsp) {
  const request = { headers: {} }
  const handshake = { headers: {}, address: '', query: {} }
  const conn = new EventEmitter()
  mock.once('disconnect', () => Object.assign(mock, { connected: false }))
  return Object.assign(mock, { nsp, request, handshake, conn, data: {}, connected: true, _onpacket() {} })
}
