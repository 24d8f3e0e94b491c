/** `createInspector`: the page and what it asks, as one function that Express and `node:http` take. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { follow } from './follow.ts'
import { type InspectorRequest, Problem, sendJson, sendProblem, setHeaders } from './http.ts'
import { createOperators, type Operators } from './operators.ts'
import { readPageFiles } from './page-files.ts'
import { filterOf, param } from './questions.ts'
import { answer, createRoutes } from './routes.ts'
import { requireSameOrigin } from './same-origin.ts'
import { createSeries } from './series.ts'
import { checkOptions, type InspectorOptions } from './settings.ts'
import { createStreams } from './stream.ts'

/** Answers requests below the path where it is mounted. Give it to `app.use`, or call it as a listener of `node:http`. */
export interface Inspector {
  (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void
  /** Ends every live feed, and stops counting decisions. */
  close(): void
}

/** Counting is not urgent: a batch a second is enough for charts by the second. */
const COUNT_MS = 500
const COUNT_LIMIT = 500

/**
 * Makes the inspector: who is connected, what is decided and why, and revocation with its receipt, behind a log-in of its own. It
 * counts the decisions of the source from now on, until `close`.
 *
 * Does not check that the connection is encrypted; the cookie is marked `Secure` where it is.
 *
 * @throws TypeError quoting the option that is wrong
 * @example
 * app.use('/inspector', createInspector({ source: sourceOf({ auth, decisions, title: 'Chat' }), users, secret }))
 */
export function createInspector(options: InspectorOptions): Inspector {
  const settings = checkOptions(options)
  const { source, onError, nowSeconds } = settings
  const operators = createOperators(settings)
  const files = readPageFiles()
  const series = createSeries(nowSeconds)
  const streams = createStreams(source.decisions, onError)
  const routes = createRoutes(source, series, nowSeconds)
  const counting = follow({
    decisions: source.decisions,
    filter: {},
    after: undefined,
    limit: COUNT_LIMIT,
    gatherMs: COUNT_MS,
    deliver({ events, missed }) {
      for (const event of events) series.count(event)
      series.missed(missed)
      return true
    },
    onError,
  })

  async function serve(req: InspectorRequest, res: ServerResponse, next?: () => void): Promise<void> {
    const [address = '/', query = ''] = (req.url ?? '/').split('?', 2)
    const path = address.slice(1)
    const isApi = path.startsWith('api/')
    const isFile = (req.method === 'GET' || req.method === 'HEAD') && files.has(path)
    if (!isApi && !isFile && next !== undefined) return next()
    setHeaders(res)
    if (isApi) return serveApi(req, res, path.slice(4), new URLSearchParams(query))
    if (!isFile) throw new Problem(404, 'There is nothing here.')
    if (path !== '' || !redirectToFolder(req, res)) files.send(req, res, path)
  }

  async function serveApi(
    req: InspectorRequest,
    res: ServerResponse,
    path: string,
    params: URLSearchParams,
  ): Promise<void> {
    const method = req.method === 'HEAD' ? 'GET' : (req.method ?? '')
    if (method !== 'GET' && method !== 'POST') throw new Problem(405, 'Only GET and POST are answered.')
    if (method === 'POST') requireSameOrigin(req)
    if (method === 'POST' && path === 'sign-in') return operators.enter(req, res)
    if (method === 'POST' && path === 'sign-out') {
      operators.leave(req, res)
      return streams.recheck()
    }
    const session = await operators.sessionOf(req)
    if (session === null) return sendUnknown(res, operators)
    if (path === 'session') return sendJson(res, 200, { ...session.operator, signIn: operators.signIn })
    if (path === 'decisions/stream') {
      if (req.method !== 'GET') throw new Problem(405, 'A stream has no head alone.')
      const after = req.headers['last-event-id'] ?? param(params, 'after')
      const allowed = async () => (await operators.sessionOf(req)) !== null
      return streams.open(req, res, { filter: filterOf(params), after: textOf(after), allowed })
    }
    const [name = '', ...rest] = path.split('/')
    const route = routes[`${method} ${name}`]
    if (route === undefined) throw new Problem(404, 'There is nothing here.')
    return answer(route, { req, operator: session.operator, params, rest: decode(rest.join('/')) }, res)
  }

  function inspect(req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void {
    serve(req, res, next).catch((error) => {
      const problem = problemOf(error)
      if (error !== problem) onError(error)
      if (!res.headersSent) sendProblem(res, problem)
      else res.destroy()
    })
  }
  function close(): void {
    counting.close()
    streams.close()
  }
  return Object.assign(inspect, { close })
}

/** Below `/inspector` the page's relative addresses would lead to its neighbours. */
function redirectToFolder(req: InspectorRequest, res: ServerResponse): boolean {
  const path = (req.originalUrl ?? '/').split('?', 1)[0] ?? '/'
  if (path.endsWith('/')) return false
  res.statusCode = 302
  // Relative, so that it is right behind a proxy that cuts off a prefix; with the dot no segment is taken for a scheme.
  res.setHeader('Location', `./${path.slice(path.lastIndexOf('/') + 1)}/`)
  res.end()
  return true
}

function sendUnknown(res: ServerResponse, { signIn }: Operators): void {
  const title = signIn === 'password' ? 'Log in first.' : 'You are not logged in where this page is.'
  sendJson(res, 401, { type: 'about:blank', title, status: 401, signIn })
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  // What a source throws may quote anything: fixed words leave instead.
  if ((error as { code?: unknown } | null)?.code === 'AUTH_UNAVAILABLE') {
    return new Problem(503, 'It could not be done now. Try again later.', 5)
  }
  if (error instanceof TypeError) return new Problem(400, 'The question is malformed.')
  return new Problem(500, 'The server failed to answer.')
}

function textOf(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value
  return text === undefined || text === '' || text.length > 256 ? undefined : text
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Problem(400, 'The address is malformed.')
  }
}
