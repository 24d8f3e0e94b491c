/** Composition root: from a configuration to a running gateway, and back. */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Auth, Reloaded } from 'portcullis'
import type { Namespace, Server } from 'socket.io'
import type { Environment } from '../config/leaves.ts'
import type { Loaded } from '../config/load.ts'
import { createEmitterBridge, type EmitterBridge } from '../emitters/index.ts'
import { type Listening, listen } from '../listening.ts'
import { healthRoutes } from '../operations/health.ts'
import type { Logs } from '../operations/logs.ts'
import type { Permission } from '../policy/namespace-policy.ts'
import type { Presence } from '../presence/index.ts'
import { checkLoaded } from './check-loaded.ts'
import { closeSockets } from './close-sockets.ts'
import { createControlApp } from './control-app.ts'
import { createGuard } from './guard.ts'
import { createInspectorOf } from './inspector.ts'
import { type Opened, type OpenMeans, type OwnMeans, openMeans } from './means.ts'
import { createObservation } from './observation.ts'
import { makeRuling, putInShadow, type Ruling } from './policies.ts'
import { openPresence } from './presence.ts'
import { createReloader } from './reload.ts'
import { serveNamespace } from './serve-namespace.ts'
import { openSocketServer } from './socket-server.ts'

export type { OwnMeans } from './means.ts'

/** What a gateway is opened with besides its configuration. */
export interface OpenOptions extends OwnMeans {
  readonly env: Environment
  readonly logs: Logs
  /** The public port, where it was taken already. */
  readonly listening?: Listening
  /** Serves what is not the gateway's own, on the public port. Default: 404. */
  readonly app?: (req: IncomingMessage, res: ServerResponse) => void
  /** What the inspector calls this installation. */
  readonly title?: string
  /** Ends an opening that is under way. */
  readonly signal?: AbortSignal
}

/** A running gateway. */
export interface OpenGateway {
  readonly port: number
  /** Null where the file has no `control`. */
  readonly controlPort: number | null
  readonly auth: Auth
  readonly io: Server
  /** Who may do what, by the policy in force. */
  permissions(): readonly Permission[]
  /**
   * Reads the file anew: strategies, origins, namespaces and shadow. Valid whole, or nothing changes.
   *
   * @throws ConfigError
   */
  reload(): Promise<Reloaded>
  /** Lets clients go, evenly over `drain.overMs`; the node says that it is not ready from now on. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** For each part. The presence of this node takes the longest: some 2.5 s while Redis is away. */
const CLOSER_TIMEOUT_MS = 3_000

/**
 * Opens everything in the order of cheap to dear, the file's mistakes and the ports first. What was opened is closed again when a later
 * step fails.
 *
 * @throws ConfigError, StartError
 */
export async function openGateway(loaded: Loaded, options: OpenOptions): Promise<OpenGateway> {
  const { logs, env, signal } = options
  const closers: (() => Promise<void>)[] = []
  const onError = logs.error
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) {
      // What waits for something that is away must not keep the rest from ending.
      const late = new AbortController()
      const ended = closer().catch((error: unknown) => onError(error, 'close'))
      await Promise.race([ended, delay(CLOSER_TIMEOUT_MS, undefined, { signal: late.signal }).catch(() => undefined)])
      late.abort()
    }
  }
  const opened: Opened = (thing) => {
    closers.push(() => thing.close())
    signal?.throwIfAborted()
    return thing
  }
  try {
    return await open(loaded, { ...options, env }, opened, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function open(
  first: Loaded,
  options: OpenOptions,
  opened: Opened,
  close: () => Promise<void>,
): Promise<OpenGateway> {
  const { logs, env } = options
  const { config } = first
  const onError = logs.error
  checkLoaded(first)
  const http = options.listening ?? opened(await listen(config.listen, optionsOf('listen')))
  const control = config.control === undefined ? null : opened(await listen(config.control, optionsOf('control')))
  const means: OpenMeans = await openMeans(config, options, opened, onError)
  let ruling: Ruling = await makeRuling(first, env, means, onError)
  const policyOf = (namespace: string) => ruling.policies.namespaces.get(namespace)
  const isProtected = (namespace: string) => ruling.policies.namespaces.has(namespace)

  let emitters: EmitterBridge | null = null
  const observation = createObservation(config, {
    logs,
    isProtected,
    status: () => auth.status(),
    emitters: () => emitters?.stats ?? null,
  })
  const auth: Auth = createGuard(config, ruling.strategies, means, { audit: observation.audit, onError })
  const isOrigin = (origin: string) => {
    const { origins } = ruling.loaded.config
    return Array.isArray(origins) && origins.includes(origin)
  }
  const io = await openSocketServer(config, means.redis, isOrigin)
  http.server.on('error', (error) => onError(error, 'http')) // such as too many open files
  let answer: RequestListener = (_req, res) => starting(res)
  // Before Socket.IO takes its own requests from in front of it.
  http.serve((req, res) => answer(req, res))
  io.attach(http.server)
  opened({ close: () => auth.close() })
  let presence: Presence | null = null
  // Members leave when their sockets have: its end comes after theirs.
  opened({ close: async () => presence?.close() })
  opened({ close: () => closeSockets(io, http.server) })

  const served = new Set<string>()
  const serve = () => {
    for (const name of ruling.policies.namespaces.keys()) {
      if (served.has(name)) continue
      served.add(name)
      const serving = { io, backend: means.backend, presence: () => presence, policyOf, roomOf: auth.room, isProtected }
      serveNamespace(io.of(name) as Namespace, { ...serving, onError })
    }
  }
  for (const [name, { policy }] of ruling.policies.namespaces) auth.protect(io.of(name), policy as never)
  serve()
  const shade = () => putInShadow(auth, (name) => io.of(name), ruling, observation.onDifference)
  shade()
  const put = (made: Ruling) => {
    ruling = made
    serve()
    presence?.rulesChanged()
  }
  const reloader = opened(await createReloader({ first, ruling, env, means, auth, logs, put, shade }))

  presence = await openPresence(config, { io, means, policyOf, onError })
  if (config.emitters !== undefined && means.redis !== null) {
    const { key, legacy, secret, commands } = config.emitters
    emitters = opened(
      await createEmitterBridge({
        io,
        subscriber: (await means.redis.connection('waits')) as never,
        key,
        legacy,
        commands,
        secret: secret === undefined ? null : Buffer.from(secret),
        isProtected,
        onError: (error) => onError(error, 'emitters'),
      }),
    )
  }

  const readiness = () => {
    const { state } = auth.status()
    return { ready: state === 'fresh', state }
  }
  const inspector = createInspectorOf(first, { auth, ...observation, title: options.title, logs })
  if (inspector !== null) opened(inspector)
  const health = healthRoutes(readiness, null)
  const { app } = options
  const shown = config.inspector?.public === true ? inspector?.routes : undefined
  answer = (req, res) => {
    if (health(req, res) || shown?.(req, res) === true) return
    if (app !== undefined) app(req, res)
    else notFound(res)
  }
  if (control !== null) {
    const serveControl = createControlApp(first, {
      auth,
      io,
      means,
      presence,
      tickets: () => ruling.tickets,
      isProtected,
      isReady: () => readiness().ready,
      health: healthRoutes(readiness, observation.metrics),
      inspector: inspector?.routes ?? null,
      logs,
    })
    control.server.on('error', (error) => onError(error, 'control'))
    control.serve(serveControl)
  }
  logs.info({ port: http.port, control: control?.port ?? null, node: auth.status().node }, 'serving')

  return {
    port: http.port,
    controlPort: control?.port ?? null,
    auth,
    io,
    permissions: () => ruling.policies.permissions,
    reload: reloader.reload,
    async drain() {
      await auth.drain({ overMs: config.drain.overMs })
    },
    close,
  }
}

function optionsOf(section: string) {
  return { host: `"${section}.host"`, port: `"${section}.port"` }
}

function starting(res: ServerResponse): void {
  res.writeHead(503, { 'Content-Type': 'application/json', 'Retry-After': '1' })
  res.end('{"code":"STARTING","message":"The gateway is starting.","retry":"backoff"}')
}

function notFound(res: ServerResponse): void {
  res.writeHead(404, { 'Content-Type': 'application/json' })
  res.end('{"code":"NOT_FOUND","message":"There is nothing here.","retry":"never"}')
}
