/** The routes under `api/`: what each asks the source, and which fields of the answer leave. */

import type { ServerResponse } from 'node:http'
import { type InspectorRequest, Problem, readBody, sendJson } from './http.ts'
import type { Operator } from './operator.ts'
import { count, filterOf, graceOf, keyOf, param, questionOf } from './questions.ts'
import { SERIES_SECONDS, type Series } from './series.ts'
import type { InspectorSource } from './source.ts'
import {
  connectionsView,
  connectionView,
  decisionsView,
  explanationView,
  membersView,
  overviewView,
  receiptView,
  shadowView,
} from './views.ts'

/** What a route is given. `rest` is the part of the path behind the route's name. */
export interface Call {
  readonly req: InspectorRequest
  readonly operator: Operator
  readonly params: URLSearchParams
  readonly rest: string
}

/** Answers as JSON. */
export type Route = (call: Call) => Promise<unknown>

/** By method and name. */
export type Routes = Readonly<Record<string, Route>>

export function createRoutes(source: InspectorSource, series: Series, nowSeconds: () => number): Routes {
  return {
    'GET overview': async () => ({ ...overviewView(await source.overview()), now: nowSeconds() }),
    'GET connections': async ({ params, rest }) => {
      if (rest !== '') return oneConnection(rest)
      const page = await source.connections({
        limit: count(params, 'limit', 50, 1, 200),
        ...given(params, 'after'),
        ...given(params, 'namespace'),
        ...given(params, 'query'),
      })
      return { ...connectionsView(page), now: nowSeconds() }
    },
    'GET members': async ({ params }) => {
      const [namespace, room] = [param(params, 'namespace'), param(params, 'room')]
      if (namespace === undefined || room === undefined) throw new Problem(400, '"namespace" and "room" are needed.')
      return { ...membersView(await source.members(namespace, room)), now: nowSeconds() }
    },
    'GET decisions': async ({ params }) =>
      decisionsView(
        source.decisions.read({
          ...filterOf(params),
          ...given(params, 'after'),
          limit: count(params, 'limit', 200, 1, 500),
        }),
      ),
    'GET series': async ({ params }) => {
      const seconds = count(params, 'seconds', 300, 10, SERIES_SECONDS)
      return series.read(seconds, count(params, 'step', 5, 1, 60))
    },
    'GET shadow': async ({ params }) => {
      if (source.shadow === null) return { present: false, differences: [], next: '', missed: 0 }
      const batch = source.shadow.read({ ...given(params, 'after'), limit: count(params, 'limit', 200, 1, 500) })
      return { present: true, ...shadowView(batch) }
    },
    'POST explain': async ({ req }) => explanationView(await source.explain(questionOf(await readBody(req)))),
    'POST revoke': async ({ req, operator }) => {
      requireMayRevoke(operator)
      const { key, graceMs } = await readBody(req)
      return receiptView(await source.revoke(keyOf(key), { ...graceOf(graceMs), operator: operator.name }))
    },
    'POST disconnect': async ({ req, operator }) => {
      requireMayRevoke(operator)
      const { key } = await readBody(req)
      return receiptView(await source.disconnect(keyOf(key), { operator: operator.name }))
    },
  }

  async function oneConnection(socketId: string): Promise<unknown> {
    const connection = await source.connection(socketId)
    if (connection === null) throw new Problem(404, 'No such socket is connected.')
    return { ...connectionView(connection), now: nowSeconds() }
  }
}

/** Runs a route, and answers with what it found. */
export async function answer(route: Route, call: Call, res: ServerResponse): Promise<void> {
  let cancel = () => {}
  const late = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => reject(new Problem(504, 'The answer took too long.')), ANSWER_TIMEOUT_MS)
    cancel = () => clearTimeout(timer)
  })
  try {
    sendJson(res, 200, await Promise.race([route(call), late]))
  } finally {
    cancel()
  }
}

/** Longer than a receipt is waited for with the default settings of a cluster. */
const ANSWER_TIMEOUT_MS = 60_000

function requireMayRevoke({ mayRevoke }: Operator): void {
  if (!mayRevoke) throw new Problem(403, 'You may look, but not revoke.')
}

function given<K extends string>(params: URLSearchParams, name: K): { readonly [key in K]?: string } {
  const value = param(params, name)
  return (value === undefined ? {} : { [name]: value }) as { readonly [key in K]?: string }
}
