/** The options of laravel-echo-server 1.6, and ours beside them. */

import type { IncomingMessage } from 'node:http'
import type { EndpointSettings } from './laravel-echo-endpoint.ts'
import { headerReader, type ReadHeaders } from './laravel-echo-headers.ts'
import type { RedisClient } from './laravel-echo-redis.ts'
import type { LegacyOptions } from './legacy-admission.ts'

/** Where the application is asked. */
export interface EndpointOptions {
  /** `https://app.example`: one, from the configuration. Default `http://localhost`. */
  readonly authHost?: string | readonly string[]
  /** Path at `authHost`. Default `/broadcasting/auth`. */
  readonly authEndpoint?: string
  /** Certificates in PEM that the endpoint's is checked against, in place of those of Node. It is always checked. */
  readonly ca?: string | readonly string[]
  /** Until an answer is there in full. Milliseconds, 100 to 30000; default 5000. */
  readonly authTimeoutMs?: number
  /** A longer answer is none. Bytes, at most 1 MiB; default 65536. */
  readonly maxAnswerBytes?: number
  /**
   * Headers of the client's `auth.headers` that are passed on beside Authorization, X-CSRF-TOKEN, X-XSRF-TOKEN, Accept and
   * Accept-Language. Default none.
   */
  readonly forwardHeaders?: readonly string[]
}

/** One application that may use the HTTP API. `key` has 16 characters or more. */
export interface ApiClient {
  readonly appId: string
  readonly key: string
}

/**
 * The options of laravel-echo-server that a server of your own leaves open, and ours beside them.
 *
 * @deprecated docs/migrate/laravel-echo.md
 */
export interface LaravelEchoOptions extends EndpointOptions, LegacyOptions {
  /** Who may use the HTTP API. Default nobody. */
  readonly clients?: readonly ApiClient[]
  /** `redis` where it is given; `sqlite` is refused. */
  readonly database?: 'redis'
  /**
   * `redis`: how to connect, as ioredis takes it; ioredis is then loaded from the application. `publishPresence`: PUBLISH
   * `PresenceChannelUpdated` whenever the members of a channel change.
   */
  readonly databaseConfig?: { readonly redis?: object; readonly publishPresence?: boolean }
  /** Which ways events may come. Default both, Redis where there is one. */
  readonly subscribers?: { readonly http?: boolean; readonly redis?: boolean }
  /** CORS of the HTTP API. Default none. */
  readonly apiOriginAllow?: {
    readonly allowCors?: boolean
    readonly allowOrigin?: string
    readonly allowMethods?: string
    readonly allowHeaders?: string
  }
  /** Without effect: see `audit` and `onError`. */
  readonly devMode?: boolean

  /** A connected client of node-redis 4 and later, or of ioredis; it is yours to close. Not a cluster's. */
  readonly redis?: RedisClient
  /** What Laravel puts before its channels: `laravel_database_`. Default: `databaseConfig.redis.keyPrefix`. */
  readonly keyPrefix?: string
  /** Broadcasts whatever JSON anybody publishes on this Redis; for a Laravel whose prefix is empty. Default false. */
  readonly allowEmptyKeyPrefix?: boolean
  /** Sends `socket_id` to the endpoint beside `channel_name`. Default false. */
  readonly sendSocketId?: boolean
  /** How long a grant holds until the application is asked again. Milliseconds, at most a day; default 300000. */
  readonly reauthorizeEveryMs?: number
  /** How long a grant holds beyond that while the application cannot be asked. Milliseconds, at most a day; default 300000. */
  readonly outageGraceMs?: number
  /** Channels of one socket. Default 100. */
  readonly maxChannels?: number
  /** Requests to subscribe of one socket, each second; as many at once as `maxChannels`. Default 20. */
  readonly subscribesPerSecond?: number
  /** Client events of one socket, each second. Default 10. */
  readonly whispersPerSecond?: number
  /** The data of a client event, as JSON. Bytes; default 10240. */
  readonly maxWhisperBytes?: number
  /** A node that has been silent three times as long is gone, and its members with it. Milliseconds; default 5000. */
  readonly heartbeatMs?: number
  /** Takes the API's key from `?auth_key=` as well, where logs have it: Pusher's clients can do no other. Default false. */
  readonly allowQueryKey?: boolean
  /** What went wrong beside decisions: a message that is no event, Redis away. What it throws is ignored. */
  readonly onError?: (error: Error, where: 'redis' | 'presence' | 'message') => void
}

export interface EndpointConfiguration extends EndpointSettings {
  readonly readHeaders: ReadHeaders
}

type Limits = 'reauthorizeEveryMs' | 'outageGraceMs' | 'maxChannels' | 'subscribesPerSecond'
type MoreLimits = 'whispersPerSecond' | 'maxWhisperBytes' | 'heartbeatMs'
export type Settings = { readonly [Name in Limits | MoreLimits]: number }

const DAY_MS = 86_400_000

/** What is the user's own server's: each with where it is said now. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  host: 'the listen() of your own HTTP server',
  port: 'the listen() of your own HTTP server',
  protocol: 'an HTTP or HTTPS server of your own, given to new Server()',
  sslCertPath: '"cert" of https.createServer()',
  sslKeyPath: '"key" of https.createServer()',
  sslCertChainPath: '"ca" of https.createServer()',
  sslPassphrase: '"passphrase" of https.createServer()',
  secureOptions: '"secureOptions" of https.createServer()',
  socketio: 'the options of new Server()',
  headers: 'a middleware of your own HTTP server',
}

/** @throws TypeError for options that belong to the server, which now is the application's own */
export function refuseListening(options: object): void {
  for (const [name, where] of Object.entries(ELSEWHERE)) {
    if (isSet((options as Record<string, unknown>)[name])) {
      throw new TypeError(`laravel-echo: "${name}" belongs to the server, which is your own: write it as ${where}`)
    }
  }
}

/** The file that the old command line wrote has all of them, some of them empty. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

/** @throws TypeError quoting the option */
export function endpointOf(options: EndpointOptions, path = '/broadcasting/auth'): EndpointConfiguration {
  const { ca, authEndpoint = path, forwardHeaders } = options
  return {
    url: urlOf(options.authHost, authEndpoint),
    timeoutMs: within(options.authTimeoutMs, 'authTimeoutMs', 5_000, 100, 30_000),
    maxAnswerBytes: within(options.maxAnswerBytes, 'maxAnswerBytes', 65_536, 1, 1_048_576),
    ca,
    readHeaders: headerReader(forwardHeaders),
  }
}

/** @throws TypeError quoting the option */
export function settingsOf(options: LaravelEchoOptions): Settings {
  return {
    reauthorizeEveryMs: within(options.reauthorizeEveryMs, 'reauthorizeEveryMs', 300_000, 1, DAY_MS),
    outageGraceMs: within(options.outageGraceMs, 'outageGraceMs', 300_000, 0, DAY_MS),
    maxChannels: within(options.maxChannels, 'maxChannels', 100, 1, 10_000),
    subscribesPerSecond: within(options.subscribesPerSecond, 'subscribesPerSecond', 20, 1, 10_000),
    whispersPerSecond: within(options.whispersPerSecond, 'whispersPerSecond', 10, 1, 10_000),
    maxWhisperBytes: within(options.maxWhisperBytes, 'maxWhisperBytes', 10_240, 1, 1_048_576),
    heartbeatMs: within(options.heartbeatMs, 'heartbeatMs', 5_000, 100, 60_000),
  }
}

function urlOf(given: unknown, path: unknown): URL {
  const hosts = typeof given === 'string' ? [given] : (given ?? ['http://localhost'])
  if (!Array.isArray(hosts) || hosts.length !== 1) {
    throw new TypeError(
      'laravel-echo: "authHost" must be one URL: a header of the client no longer chooses among several; start one laravelEcho per application',
    )
  }
  const [host] = hosts
  if (typeof host !== 'string' || !/^https?:\/\//i.test(host) || !URL.canParse(host)) {
    throw new TypeError('laravel-echo: "authHost" must be a URL such as https://app.example, without patterns')
  }
  if (typeof path !== 'string' || !/^\/(?!\/)[\x21-\x7e]*$/.test(path)) {
    throw new TypeError('laravel-echo: "authEndpoint" must be a path that begins with a slash')
  }
  const url = new URL(host.replace(/\/+$/, '') + path)
  const { username, password, search, hash } = new URL(host)
  if (username + password + search + hash !== '') {
    throw new TypeError('laravel-echo: "authHost" must not contain a password, a query or a fragment')
  }
  return url
}

function within(value: unknown, option: string, usual: number, least: number, most: number): number {
  if (value === undefined) return usual
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new TypeError(`laravel-echo: "${option}" must be a number from ${least} to ${most}`)
}

/** A request as Express has it, whose body may have been read before. */
export type ApiRequest = IncomingMessage & { readonly body?: unknown }
