/** Who may look: by name and password with a cookie of our own, or as the application says. */

import type { ServerResponse } from 'node:http'
import { createAttempts } from './attempts.ts'
import { createCookies, setCookie } from './cookie.ts'
import { type InspectorRequest, Problem, readBody, sendJson } from './http.ts'
import type { Operator } from './operator.ts'
import { verifyPassword } from './password-hash.ts'
import type { Authenticate, Settings } from './settings.ts'

/** An operator, and until when: epoch seconds, or null where the application decides at each request. */
export interface Session {
  readonly operator: Operator
  readonly expiresAt: number | null
}

/** Finds out who sends a request, and logs in and out where that is ours. */
export interface Operators {
  readonly signIn: 'password' | 'external'
  /** Null when it is nobody who may look. */
  sessionOf(req: InspectorRequest): Promise<Session | null>
  enter(req: InspectorRequest, res: ServerResponse): Promise<void>
  leave(req: InspectorRequest, res: ServerResponse): void
}

/** Sessions that were logged out before their end are remembered so many. */
const MAX_ENDED = 10_000

export function createOperators(settings: Settings): Operators {
  return settings.authenticate === null ? byPassword(settings) : byApplication(settings.authenticate)
}

function byApplication(authenticate: Authenticate): Operators {
  return {
    signIn: 'external',
    async sessionOf(req) {
      const answer = await authenticate(req)
      if (answer === null || typeof answer?.name !== 'string' || answer.name === '') return null
      return { operator: { name: answer.name, mayRevoke: answer.mayRevoke === true }, expiresAt: null }
    },
    enter: () => Promise.reject(new Problem(404, 'Logging in is not done here.')),
    leave: () => {
      throw new Problem(404, 'Logging out is not done here.')
    },
  }
}

function byPassword({ users, secret, sessionSeconds, clientOf, nowSeconds }: Settings): Operators {
  const cookies = createCookies(secret)
  const attempts = createAttempts(nowSeconds)
  const ended = new Map<string, number>()
  const standIn = [...users.values()][0]?.passwordHash ?? ''
  const hashOf = (name: string) => users.get(name)?.passwordHash ?? null
  const ticketOf = (req: InspectorRequest) => {
    const ticket = cookies.read(req.headers.cookie, hashOf, nowSeconds())
    return ticket === null || ended.has(ticket.id) ? null : ticket
  }

  return {
    signIn: 'password',
    async sessionOf(req) {
      const ticket = ticketOf(req)
      if (ticket === null) return null
      const { name, expiresAt } = ticket
      return { operator: { name, mayRevoke: users.get(name)?.mayRevoke ?? false }, expiresAt }
    },
    async enter(req, res) {
      const { name, password } = await readBody(req)
      if (typeof name !== 'string' || typeof password !== 'string' || name.length > 256) {
        throw new Problem(400, '"name" and "password" must be strings.')
      }
      const { address, secure } = clientOf(req)
      const requireTurn = () => {
        const waitSeconds = attempts.waitSeconds(address, name)
        if (waitSeconds > 0) throw new Problem(429, 'Too many attempts. Wait before trying again.', waitSeconds)
      }
      requireTurn()
      const fits = attempts.alone(async () => {
        // Asked again when its turn comes: the failures of those before it count.
        requireTurn()
        const good = await verifyPassword(password, hashOf(name), standIn)
        if (!good) attempts.failed(address, name)
        return good
      })
      if (fits === null) throw new Problem(429, 'Too many attempts. Wait before trying again.', 5)
      if (!(await fits)) throw new Problem(401, 'The name or the password is wrong.')
      const value = cookies.issue(name, hashOf(name) ?? '', nowSeconds() + sessionSeconds)
      res.setHeader('Set-Cookie', setCookie(value, secure, sessionSeconds))
      sendJson(res, 200, { name, mayRevoke: users.get(name)?.mayRevoke ?? false })
    },
    leave(req, res) {
      const ticket = ticketOf(req)
      if (ticket !== null) ended.set(ticket.id, ticket.expiresAt)
      for (const [id, expiresAt] of ended) if (expiresAt <= nowSeconds() || ended.size > MAX_ENDED) ended.delete(id)
      res.setHeader('Set-Cookie', setCookie('', clientOf(req).secure, 0))
      sendJson(res, 200, {})
    },
  }
}
