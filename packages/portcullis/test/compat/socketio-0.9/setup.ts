/** Socket.IO 4 servers with the authorization of 0.9, and the clients of three generations. */

import { createServer, type Server as HttpServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ServerOptions, Server as SocketServer } from 'socket.io'
import { Server } from 'socket.io'
import type { Socket } from 'socket.io-client'
import { type HttpAnswer, onCleanup } from '../../harness.ts'
import { CLIENTS, type Connect } from '../clients.ts'

export { CLIENTS, type Connect }

export interface Running {
  readonly io: SocketServer
  readonly url: string
  readonly port: number
  client(connect: Connect, path?: string, options?: object): Socket
  get(path: string, headers?: Record<string, string>, method?: string): Promise<HttpAnswer>
  upgrade(path: string, headers?: Record<string, string>): Promise<HttpAnswer>
}

export async function listenOn(http: HttpServer): Promise<number> {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return (http.address() as AddressInfo).port
}

export async function run(options: Partial<ServerOptions> = {}): Promise<Running> {
  const http = createServer((_request, response) => {
    response.writeHead(404).end()
  })
  const io = new Server(http, { allowEIO3: true, ...options })
  const port = await listenOn(http)
  onCleanup(() => io.close())
  return around(io, port)
}

export function around(io: SocketServer, port: number): Running {
  const url = `http://127.0.0.1:${port}`
  const ask = (path: string, headers: Record<string, string>, method: string) =>
    new Promise<HttpAnswer>((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
      })
      request.on('upgrade', (response, socket) => {
        socket.destroy()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' })
      })
      request.on('error', reject)
      request.end()
    })
  return {
    io,
    url,
    port,
    client(connect, path = '/', clientOptions = {}) {
      const socket = connect(url + path, { forceNew: true, reconnection: false, ...clientOptions })
      onCleanup(() => {
        socket.disconnect()
      })
      return socket
    },
    get: (path, headers = {}, method = 'GET') => ask(path, headers, method),
    upgrade: (path, headers = {}) =>
      ask(
        path,
        {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
          ...headers,
        },
        'GET',
      ),
  }
}

export const POLLING = '/socket.io/?EIO=4&transport=polling'
export const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket'

/** What a client of any generation hears of a namespace: `connect`, or the reason. */
export function heard(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('connect', () => resolve('connect'))
    socket.once('connect_error', (error: Error | string) => resolve(typeof error === 'string' ? error : error.message))
    ;(socket as unknown as NodeJS.EventEmitter).once('error', (error: unknown) =>
      resolve(typeof error === 'string' ? error : JSON.stringify(error)),
    )
  })
}

/** Resolves with the socket of the next `connection` of a namespace. */
export function connection(io: SocketServer, namespace = '/') {
  return new Promise<import('socket.io').Socket>((resolve) => io.of(namespace).once('connection', resolve))
}

/** Engine.IO's open packet of a polling answer: its session id. */
export function sessionId({ body }: HttpAnswer): string {
  return (JSON.parse(body.slice(1)) as { sid: string }).sid
}
