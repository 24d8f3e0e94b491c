/** `/healthz`, `/readyz` and `/metrics`. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Metrics } from './metrics.ts'

/** The state of the node, and what it says of itself. */
export interface Readiness {
  readonly ready: boolean
  readonly state: string
}

/** Answers the path, or false for one that is not of these. */
export type HealthRoutes = (req: IncomingMessage, res: ServerResponse) => boolean

/**
 * `/healthz` is 200 while the process answers. `/readyz` is 503 while the node is starting, suspended or draining: a load balancer
 * then sends new clients elsewhere, and those connected stay. A store that is away does not make it 503, since that would be so on every node.
 *
 * @param metrics null where they are not to be seen, such as on the public port
 */
export function healthRoutes(readiness: () => Readiness, metrics: Metrics | null): HealthRoutes {
  return function answer(req, res) {
    const path = (req.url ?? '').split('?', 1)[0]
    if (req.method !== 'GET' && req.method !== 'HEAD') return false
    if (path === '/healthz') {
      json(res, 200, { status: 'ok' })
      return true
    }
    if (path === '/readyz') {
      const { ready, state } = readiness()
      if (!ready) res.setHeader('Retry-After', '1')
      json(res, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', state })
      return true
    }
    if (path !== '/metrics' || metrics === null) return false
    metrics.text().then(
      (text) => {
        res.writeHead(200, { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' })
        res.end(text)
      },
      () => json(res, 500, { status: 'error' }),
    )
    return true
  }
}

function json(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  res.end(JSON.stringify(body))
}
