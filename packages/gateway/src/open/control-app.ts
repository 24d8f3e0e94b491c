/** What stands on the control port: the control API, metrics, health and the inspector. */

import type { RequestListener } from 'node:http'
import express from 'express'
import type { Auth } from 'portcullis'
import type { Server } from 'socket.io'
import type { Loaded } from '../config/load.ts'
import { createControlApi } from '../control/control-api.ts'
import { redisIdempotency } from '../control/idempotency-redis.ts'
import type { Strategies } from '../means/strategies.ts'
import type { HealthRoutes } from '../operations/health.ts'
import type { Logs } from '../operations/logs.ts'
import type { Presence } from '../presence/index.ts'
import { controlJwt } from './check-parts.ts'
import type { InspectorRoutes } from './inspector.ts'
import type { OpenMeans } from './means.ts'

/** What the control port serves. */
export interface ControlParts {
  readonly auth: Auth
  readonly io: Server
  readonly means: OpenMeans
  readonly presence: Presence
  readonly tickets: () => Strategies['tickets']
  readonly isProtected: (namespace: string) => boolean
  readonly isReady: () => boolean
  readonly health: HealthRoutes
  readonly inspector: InspectorRoutes | null
  readonly logs: Logs
}

/** @throws ConfigError */
export function createControlApp({ config, mistake }: Loaded, parts: ControlParts): RequestListener {
  const { auth, io, means, presence, tickets, isProtected, isReady, health, inspector, logs } = parts
  const { keys = [], jwt, requestsPerSecond } = config.control ?? {}
  const app = express()
  app.disable('x-powered-by')
  app.set('query parser', 'simple')
  if (keys.length > 0 || jwt !== undefined) {
    try {
      app.use(
        createControlApi({
          auth,
          io,
          isProtected,
          isReady,
          presence,
          tickets,
          keys: keys as never,
          jwt: controlJwt(jwt),
          ...(means.redis === null || config.nodes === undefined
            ? {}
            : {
                idempotency: redisIdempotency({
                  client: means.redis.client as never,
                  secret: Buffer.from(config.nodes.secret),
                  keyPrefix: `${config.nodes.prefix}:idempotency:`,
                }),
              }),
          ...(requestsPerSecond === undefined ? {} : { limits: { requestsPerSecond } }),
          onError: (error, where) => logs.error(error, where),
          audit: (event) => logs.info({ control: event }, `control ${event.operation ?? ''} ${event.status}`),
        }),
      )
    } catch (error) {
      if (error instanceof TypeError) throw mistake(['control'], error.message)
      throw error
    }
  }
  return (req, res) => {
    if (health(req, res) || inspector?.(req, res) === true) return
    app(req, res)
  }
}
