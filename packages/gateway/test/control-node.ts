/** A node with a protected namespace and the control API beside it, and whatever calls that API. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { SignJWT } from 'jose'
import { type AuthOptions, createAuth, permit, permitIf, type Strategy } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { memoryTicketStore, tickets } from 'portcullis/strategies/ticket'
import { Server, type ServerOptions } from 'socket.io'
import { io as connectClient, type Socket } from 'socket.io-client'
import { expect } from 'vitest'
import { createControlApi } from '../src/control/control-api.ts'
import type { ControlApiOptions, ControlAuditEvent } from '../src/control/options.ts'
import { afterTest } from './cleanups.ts'
import { allowsBody, type ControlReply, faultOf } from './control-document.ts'

export const ISSUER = 'https://id.example'
export const alice = { issuer: ISSUER, subject: 'alice' }
export const bob = { issuer: ISSUER, subject: 'bob' }
/** Of random-looking characters, and of no use anywhere. */
export const KEYS = {
  all: 'test-key-all-'.padEnd(40, 'a'),
  reader: 'test-key-reader-'.padEnd(40, 'b'),
  news: 'test-key-news-'.padEnd(40, 'c'),
} as const
const secret = new TextEncoder().encode('for tests alone: 32 bytes or more of secret')
const controlSecret = new TextEncoder().encode('for tests alone: another 32 bytes or more of secret')

/** Run after the present test, last first. */
export const onCleanup = afterTest

/** What is to become true before long, on however busy a machine. */
export function soon<T>(read: () => T) {
  return expect.poll(read, { timeout: 10_000, interval: 10 })
}

export interface Call {
  readonly key?: string | null
  readonly body?: unknown
  /** Sent instead of `body`, as it is. */
  readonly raw?: NonNullable<RequestInit['body']>
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer, with its body parsed where it is JSON. */
export interface Reply<Body = Record<string, unknown>> extends ControlReply {
  readonly body: Body
}

export type ControlNode = Awaited<ReturnType<typeof startNode>>

export async function startNode(
  options: Partial<ControlApiOptions> = {},
  authOptions: Partial<AuthOptions<Strategy>> = {},
  serverOptions: Partial<ServerOptions> = {},
) {
  const http = createServer()
  const io = new Server(http, serverOptions)
  const ticketed = tickets<Readonly<Record<string, unknown>>>({ store: memoryTicketStore(), issuer: ISSUER })
  const errors: { error: unknown; where: string }[] = []
  const onError = (error: unknown, where: string) => void errors.push({ error, where })
  const auth = createAuth<Strategy>({
    origins: ['https://app.example'],
    strategies: [jwt({ issuer: ISSUER, audience: 'news', keys: secret }), ticketed.strategy],
    onError,
    ...authOptions,
  })
  for (const name of ['/news', '/ops']) {
    auth.protect(io.of(name), {
      events: {},
      rooms: {
        'organization:{id}': ({ identity, params }) => permitIf(params.id !== '' && identity.subject !== 'eve'),
      },
      memberships: async ({ subject }) => [`user-of-${subject}`],
      connect: () => permit(),
    })
  }
  const audit: ControlAuditEvent[] = []
  const app = express()
  app.use(
    createControlApi({
      auth,
      io,
      isProtected: (namespace) => namespace === '/news' || namespace === '/ops',
      presence: null,
      tickets: { issuer: ISSUER, issue: ticketed.issue },
      keys: [
        { name: 'all', key: KEYS.all, permissions: 'all' },
        { name: 'reader', key: KEYS.reader, permissions: ['sessions'] },
        {
          name: 'news',
          key: KEYS.news,
          permissions: ['publish', 'sessions', 'reconcile', 'tickets', 'presence'],
          namespaces: ['/news'],
        },
      ],
      jwt: { issuer: ISSUER, audience: 'control', keys: controlSecret },
      limits: { requestsPerSecond: 100_000 },
      onError,
      audit: (event) => audit.push(event),
      ...options,
    }),
  )
  const control = createServer(app)
  for (const server of [http, control]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const portOf = (server: typeof http) => (server.address() as AddressInfo).port
  const url = `http://127.0.0.1:${portOf(control)}`
  onCleanup(async () => {
    control.closeAllConnections()
    control.close()
    await auth.close()
    await io.close()
  })

  return {
    io,
    auth,
    url,
    port: portOf(control),
    errors,
    audit,
    /** A connected client of somebody, which is in the rooms that it asked for. */
    async client(subject: string, namespace = '/news', rooms: readonly string[] = []) {
      const token = await tokenOf(subject)
      return connected(
        connectClient(`http://127.0.0.1:${portOf(http)}${namespace}`, { ...CLIENT, auth: { token } }),
        rooms,
      )
    },
    async clientByTicket(ticket: string, namespace = '/news') {
      return connected(connectClient(`http://127.0.0.1:${portOf(http)}${namespace}`, { ...CLIENT, auth: { ticket } }))
    },
    /** Calls the API and holds the answer against the OpenAPI document. */
    async call<Body = Record<string, unknown>>(method: string, path: string, call: Call = {}): Promise<Reply<Body>> {
      const { key = KEYS.all, body, raw, headers = {} } = call
      const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body))
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(sent === undefined ? {} : { body: sent, duplex: 'half' }),
      } as RequestInit)
      const text = await response.text()
      const reply = { status: response.status, headers: response.headers, text }
      expect(faultOf(method, path, reply)).toBe(null)
      if (response.ok && body !== undefined) expect(allowsBody(method, path, body)).toBe(true)
      const isJson = response.headers.get('content-type')?.includes('json')
      return { ...reply, body: (isJson ? JSON.parse(text) : {}) as Body }
    },
  }
}

const CLIENT = { forceNew: true, reconnection: false, transports: ['websocket'] }

async function connected(socket: Socket, rooms: readonly string[] = []) {
  onCleanup(() => socket.disconnect())
  const heard: unknown[][] = []
  socket.onAny((...args) => heard.push(args))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  if (rooms.length > 0) expect(await socket.emitWithAck('auth:join', rooms)).toMatchObject({ joined: rooms })
  return { socket, heard }
}

export function tokenOf(subject: string): Promise<string> {
  return signed({}, secret, 'news', subject)
}

/** A token for the control API. */
export function controlToken(claims: Record<string, unknown>, expiresIn = '1 minute'): Promise<string> {
  return signed(claims, controlSecret, 'control', 'backend', expiresIn)
}

function signed(claims: object, key: Uint8Array, audience: string, subject: string, expiresIn = '1 minute') {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(ISSUER)
    .setAudience(audience)
    .setSubject(subject)
    .setIssuedAt(Date.now() / 1000 - 5)
    .setExpirationTime(expiresIn)
    .sign(key)
}
