/** The HTTP API: what is going on, and events that come over HTTP. */

import type { ServerResponse } from 'node:http'
import { type ApiAccess, mayUse } from './laravel-echo-access.ts'
import { readBody } from './laravel-echo-body.ts'
import { field, isName, isPresence, isServerEvent } from './laravel-echo-names.ts'
import type { ApiRequest, LaravelEchoOptions } from './laravel-echo-options.ts'
import type { Presence, ToChannel } from './laravel-echo-presence.ts'

/** For `http.createServer`, or for Express, which passes `next`: what is not the API's goes on to it. */
export type LaravelEchoApi = (request: ApiRequest, response: ServerResponse, next?: (error?: unknown) => void) => void

export interface ApiParts {
  readonly access: ApiAccess
  /** Whether events are taken over HTTP. */
  readonly events: boolean
  readonly cors: LaravelEchoOptions['apiOriginAllow']
  readonly toChannel: ToChannel
  readonly presence: Presence
  /** Sockets in each channel of this node. */
  readonly counts: ReadonlyMap<string, number>
  /** Connections of this node. */
  readonly connections: () => number
  /** Whether Socket.IO answers the request itself. */
  readonly isEngines: (request: ApiRequest, path: string) => boolean
}

interface Reply {
  readonly status: number
  readonly body: unknown
}

const MAX_CHANNELS = 100
const MAX_SOCKET_ID_LENGTH = 64
const ROUTE = /^\/apps\/([^/]+)\/(?:(status|channels|events)|channels\/([^/]+)(\/users)?)\/?$/

export function createApi(parts: ApiParts): LaravelEchoApi {
  const { access, events, cors, toChannel, presence, counts, connections, isEngines } = parts

  async function answer(request: ApiRequest, query: URLSearchParams, route: RegExpExecArray): Promise<Reply> {
    const [, app, what, encoded, users] = route
    const channel = encoded === undefined ? null : decoded(encoded)
    const appId = decoded(app ?? '')
    if (appId === null || !mayUse(access, appId, request, query))
      return { status: 403, body: { error: 'Unauthorized' } }
    const { method } = request
    if (what === 'events') {
      if (!events) return refusal(404, 'Not found')
      return method === 'POST' ? await publish(request) : refusal(405, 'Method not allowed')
    }
    if (method !== 'GET' && method !== 'HEAD') return refusal(405, 'Method not allowed')
    if (what === 'status') return ok({ subscription_count: connections(), ...process_() })
    if (what === 'channels') return ok({ channels: occupied(query.get('filter_by_prefix') ?? '') })
    if (channel === null) return refusal(400, 'The name of the channel is malformed')
    return users === undefined ? await one(channel) : await usersOf(channel)
  }

  function occupied(prefix: string): object {
    const channels: [string, object][] = []
    for (const [channel, count] of counts) {
      if (channel.startsWith(prefix)) channels.push([channel, { subscription_count: count, occupied: true }])
    }
    return Object.fromEntries(channels)
  }

  async function one(channel: string): Promise<Reply> {
    const count = counts.get(channel) ?? 0
    const result = { subscription_count: count, occupied: count > 0 }
    return ok(isPresence(channel) ? { ...result, user_count: (await presence.members(channel)).length } : result)
  }

  async function usersOf(channel: string): Promise<Reply> {
    if (!isPresence(channel)) return refusal(400, 'User list is only possible for Presence Channels')
    const members = await presence.members(channel)
    return ok({ users: members.map(({ user_id, user_info }) => ({ id: user_id, user_info })) })
  }

  async function publish(request: ApiRequest): Promise<Reply> {
    const read = await readBody(request)
    if ('status' in read) return refusal(read.status, REASONS[read.status])
    const { value } = read
    const [channel, name, data] = [field(value, 'channel'), field(value, 'name'), field(value, 'data')]
    const several = field(value, 'channels')
    if (!(several || channel) || !name || !data) {
      return refusal(400, 'Event must include channel, event name and data')
    }
    const channels: unknown = several || [channel]
    const socketId = field(value, 'socket_id') ?? null
    const sound =
      Array.isArray(channels) &&
      channels.length > 0 &&
      channels.length <= MAX_CHANNELS &&
      channels.every(isName) &&
      isServerEvent(name) &&
      (socketId === null || (typeof socketId === 'string' && socketId.length <= MAX_SOCKET_ID_LENGTH))
    if (!sound) return refusal(422, 'Channels, event name or socket_id are malformed')
    const parsed = jsonOr(data)
    for (const each of new Set(channels as string[])) toChannel(each, name as string, parsed, socketId ?? undefined)
    return ok({ message: 'ok' })
  }

  return function laravelEchoApi(request, response, next) {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    const route = ROUTE.exec(path)
    if (route === null) {
      if (next !== undefined) next()
      // A listener that was added after Socket.IO hears what is Socket.IO's, too.
      else if (!isEngines(request, path)) send(response, refusal(404, 'Not found'))
      return
    }
    if (cors?.allowCors) {
      response.setHeader('Access-Control-Allow-Origin', cors.allowOrigin ?? '')
      response.setHeader('Access-Control-Allow-Methods', cors.allowMethods || 'GET, POST')
      response.setHeader('Access-Control-Allow-Headers', cors.allowHeaders ?? '')
      // A preflight has no key (Fetch standard, CORS protocol).
      if (request.method === 'OPTIONS') {
        response.writeHead(204).end()
        return
      }
    }
    answer(request, new URLSearchParams(query), route).then(
      (reply) => send(response, reply),
      () => send(response, refusal(500, 'The server failed')),
    )
  }
}

const REASONS = {
  400: 'The body is not JSON',
  408: 'The body took too long',
  413: 'The body is too long',
} as const

const ok = (body: unknown): Reply => ({ status: 200, body })
const refusal = (status: number, error: string): Reply => ({ status, body: { error } })
const process_ = () => ({ uptime: process.uptime(), memory_usage: process.memoryUsage() })

function send(response: ServerResponse, { status, body }: Reply): void {
  if (response.headersSent || response.destroyed) return
  // What is left of a body that nobody reads would be taken for the next request.
  if (status === 413 || status === 408) response.setHeader('Connection', 'close')
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' })
  response.end(JSON.stringify(body))
}

function jsonOr(data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    return JSON.parse(data)
  } catch {
    return data
  }
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}
