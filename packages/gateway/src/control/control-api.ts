/** `createControlApi`: the HTTP API by which backends publish, revoke and look at who is connected. */

import { readFileSync } from 'node:fs'
import { type Request, type Response, Router } from 'express'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { packageFile } from '../package-files.ts'
import { answerTo } from './answer-to.ts'
import { createFindKey } from './api-keys.ts'
import { createAuthenticate } from './authenticate.ts'
import { createOnce } from './idempotency.ts'
import type { Operation } from './operation.ts'
import { createOperations } from './operations.ts'
import { type ControlApiOptions, settingsOf } from './options.ts'
import { Problem } from './problem.ts'
import { createRespond } from './respond.ts'

/**
 * A router for Express 5 with the control API under `/v1`; `GET /v1/openapi.yaml` describes it. Every request needs an API key or a
 * token, in `Authorization: Bearer` or `X-API-Key`. Refusals are problem documents (RFC 9457). To be mounted before anything that
 * reads bodies, on a port that browsers and clients do not reach.
 *
 * Does not check: whether a token was revoked, what `args` hold, whether a room exists.
 *
 * @throws TypeError quoting the option that is wrong
 * @example express().use(createControlApi({ auth, io, isProtected, presence: null, tickets: null, keys, jwt: null, onError }))
 * @see RFC 9457, draft-ietf-httpapi-idempotency-key-header
 */
export function createControlApi(options: ControlApiOptions): Router {
  const settings = settingsOf(options)
  const openapi = readFileSync(packageFile('openapi', 'control.yaml'), 'utf8')
  const answer = answerTo({
    authenticate: createAuthenticate(createFindKey(settings.keys), settings.jwt),
    once: createOnce(settings.idempotency, settings.onError),
    limiter: new RateLimiterMemory({ points: settings.requestsPerSecond, duration: 1 }),
    maxBodyBytes: settings.maxBodyBytes,
  })
  const respond = createRespond(settings)
  const api = Router({ caseSensitive: true, strict: true })

  const operations = createOperations(settings, openapi)
  for (const path of new Set(operations.map((operation) => operation.path))) {
    const route = api.route(path)
    const here = operations.filter((operation) => operation.path === path)
    for (const operation of here) {
      route[operation.method]((request, response) =>
        respond(request, response, operation, (seen) => answer(operation, request, seen)),
      )
    }
    route.all((request, response) => respond(request, response, null, () => refuseMethod(here)))
  }
  api.use((request, response) => respond(request, response, null, () => Promise.reject(new Problem('NOT_FOUND'))))
  // Paths that the router could not decode.
  api.use((error: unknown, request: Request, response: Response, _next: unknown) =>
    respond(request, response, null, () => Promise.reject(error)),
  )
  return Router().use('/v1', api)
}

async function refuseMethod(operations: readonly Operation[]): Promise<never> {
  const methods = operations.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : ['POST']))
  throw new Problem('METHOD_NOT_ALLOWED', { allow: methods.join(', ') })
}
