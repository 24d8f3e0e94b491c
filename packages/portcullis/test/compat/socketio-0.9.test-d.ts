/** The types of the old authorization: what 0.9 handed to functions and listeners, and what it took. */

import type { AuditEvent, Strategy } from 'portcullis'
import legacy, {
  type AuthorizationFunction,
  authorization,
  type HandshakeData,
  type LegacyNamespace,
  type LegacyServer,
  type LegacySocket,
  legacyServer,
  listen,
  strategy,
} from 'portcullis/compat/socketio-0.9'
import { type LegacyClientSocket, type LegacyConnection, legacyClient } from 'portcullis/compat/socketio-0.9-client'
import { type Namespace, Server } from 'socket.io'
import { io as socketIO } from 'socket.io-client'
import { expectTypeOf, test } from 'vitest'

declare const fn: AuthorizationFunction

test('handshakeData has eight typed fields, and takes any other', () => {
  const read = (data: HandshakeData) => {
    expectTypeOf(data.address).toEqualTypeOf<{ address: string; port: number }>()
    expectTypeOf(data.query).toEqualTypeOf<Record<string, string>>()
    expectTypeOf(data.issued).toBeNumber()
    expectTypeOf(data.xdomain).toBeBoolean()
    expectTypeOf(data.foo).toBeUnknown()
    data.foo = { bar: 1 }
    delete data.headers.cookie
  }
  expectTypeOf(read).parameters.toEqualTypeOf<[HandshakeData]>()
})

test('authorization gives back what it was given', () => {
  const io = new Server()
  expectTypeOf(authorization(io, fn)).toEqualTypeOf<typeof io>()
  expectTypeOf(authorization(io.of('/x'), fn)).toEqualTypeOf<Namespace>()
  // @ts-expect-error a server or a namespace
  authorization('/x', fn)
  // @ts-expect-error one of two places
  authorization(io, fn, { refuseAt: 'socket' })
  authorization(io, (_data, callback) => callback('reason'), { audit: (event: AuditEvent) => void event.code })
  authorization(io, async (_data, callback) => callback(null, 1))
})

test('the manager chains, and its listeners see the old handshake', () => {
  const io = legacyServer(new Server())
  expectTypeOf(io).toEqualTypeOf<LegacyServer>()
  expectTypeOf(listen).parameter(0).extract<number>().toBeNumber()
  expectTypeOf(io.set('authorization', fn).enable('x')).toEqualTypeOf<LegacyServer>()
  io.configure(function () {
    expectTypeOf(this).toEqualTypeOf<LegacyServer>()
  })
  expectTypeOf(
    io
      .of('/x')
      .authorization(fn)
      .on('connection', () => {}),
  ).toEqualTypeOf<LegacyNamespace>()
  io.sockets.on('connection', (socket) => {
    expectTypeOf(socket).toEqualTypeOf<LegacySocket>()
    expectTypeOf(socket.handshake).toEqualTypeOf<HandshakeData>()
    expectTypeOf(socket.handshake.address.address).toBeString()
    socket.join('room')
  })
  expectTypeOf(legacy.listen).toEqualTypeOf(listen)
})

test('a strategy is one of scheme "legacy"', () => {
  expectTypeOf(strategy({ authorization: fn }).scheme).toEqualTypeOf<'legacy'>()
  expectTypeOf(strategy({ authorization: fn })).toExtend<Strategy>()
  // @ts-expect-error the function is required
  strategy({})
})

test('the client is made of that of today', () => {
  const io = legacyClient(socketIO)
  expectTypeOf(io.connect('/x', { 'force new connection': true })).toEqualTypeOf<LegacyClientSocket>()
  expectTypeOf(io.connect().socket).toEqualTypeOf<LegacyConnection>()
  io.connect().on('error', (reason: string) => void reason)
  expectTypeOf(io.connect().of('/x').emit('a', 1)).toEqualTypeOf<LegacyClientSocket>()
})
