/** What is only looked at: the sessions of somebody, and who is in a room. */

import type { RevocationKey } from 'portcullis'
import { type Caller, reaches, requireReach } from './caller.ts'
import { checkedBody, checkedQuery, invalid } from './checked.ts'
import { within } from './deadline.ts'
import type { OperationAnswer, OperationRequest } from './operation.ts'
import type { ControlSettings } from './options.ts'
import { Problem } from './problem.ts'
import { revocationKey, sessionsQuery } from './schemas.ts'

const PRESENCE_TIMEOUT_MS = 5_000
const MAX_NAME_LENGTH = 1_024

type Run = (request: OperationRequest) => Promise<OperationAnswer>
type LookUpSettings = Pick<ControlSettings, 'auth' | 'isProtected' | 'presence'>

export function createLookUps({ auth, isProtected, presence }: LookUpSettings): {
  readonly sessionsByQuery: Run
  readonly sessionsByBody: Run
  readonly presence: Run
} {
  async function sessionsOf(caller: Caller, key: RevocationKey): Promise<OperationAnswer> {
    const { sessions, partial, silent } = await auth.sessions(key)
    const seen = sessions.filter(({ namespace }) => reaches(caller, namespace))
    return { status: 200, body: { sessions: seen, partial, silent } }
  }

  return {
    async sessionsByQuery({ caller, query }) {
      if (query.has('session')) {
        throw invalid([{ parameter: 'session', detail: 'is a credential, and URLs are logged: use POST /v1/sessions' }])
      }
      return sessionsOf(caller, checkedQuery(revocationKey, query))
    },
    async sessionsByBody({ caller, body }) {
      return sessionsOf(caller, checkedBody(sessionsQuery, body).key)
    },
    async presence({ caller, params }) {
      if (presence === null) throw new Problem('NOT_CONFIGURED')
      const namespace = String(params.namespace)
      const room = String(params.room)
      if (room.length > MAX_NAME_LENGTH) throw invalid([{ parameter: 'room', detail: 'is too long' }])
      // The leading slash may be left out of the path, where a proxy would decode it.
      const name = namespace.startsWith('/') ? namespace : `/${namespace}`
      requireReach(caller, name, { parameter: 'namespace' })
      if (!isProtected(name)) throw new Problem('NAMESPACE_UNKNOWN')
      const { members, partial } = await within(() => presence.members(name, room), PRESENCE_TIMEOUT_MS, 'presence')
      return { status: 200, body: { namespace: name, room, members, partial } }
    },
  }
}
