/** The operations of the control API: each one route, the permission that it takes, and what it does. */

import { checkedBody } from './checked.ts'
import { createEndings } from './endings.ts'
import { createExplain } from './explain.ts'
import { createIssueTicket } from './issue-ticket.ts'
import { createLookUps } from './look-ups.ts'
import type { Operation } from './operation.ts'
import type { ControlSettings } from './options.ts'
import { createPublish } from './publish.ts'
import { batch, message } from './schemas.ts'

/** @param openapi the text of the OpenAPI document */
export function createOperations(settings: ControlSettings, openapi: string): readonly Operation[] {
  const publish = createPublish(settings)
  const { revoke, disconnect, reconcile } = createEndings(settings.auth)
  const { sessionsByQuery, sessionsByBody, presence } = createLookUps(settings)
  const { tickets } = settings
  const issueTicket = createIssueTicket(() => (typeof tickets === 'function' ? tickets() : tickets))
  const get = { method: 'get', effect: false } as const
  const post = { method: 'post', effect: true } as const

  return [
    {
      ...post,
      id: 'publish',
      path: '/publish',
      permission: 'publish',
      async run({ caller, body }) {
        publish(caller, [checkedBody(message, body)], null)
        return { status: 202, body: { accepted: 1 } }
      },
    },
    {
      ...post,
      id: 'publishBatch',
      path: '/publish/batch',
      permission: 'publish',
      async run({ caller, body }) {
        const { messages } = checkedBody(batch, body)
        publish(caller, messages, 'messages')
        return { status: 202, body: { accepted: messages.length } }
      },
    },
    { ...post, id: 'revoke', path: '/revoke', permission: 'revoke', run: revoke },
    { ...post, id: 'disconnect', path: '/disconnect', permission: 'disconnect', run: disconnect },
    { ...post, id: 'reconcile', path: '/reconcile', permission: 'reconcile', run: reconcile },
    { ...post, id: 'issueTicket', path: '/tickets', permission: 'tickets', run: issueTicket },
    { ...get, id: 'sessions', path: '/sessions', permission: 'sessions', takesQuery: true, run: sessionsByQuery },
    { ...post, id: 'findSessions', path: '/sessions', permission: 'sessions', effect: false, run: sessionsByBody },
    { ...get, id: 'presence', path: '/presence/:namespace/:room', permission: 'presence', run: presence },
    {
      ...post,
      id: 'explain',
      path: '/explain',
      permission: 'explain',
      effect: false,
      run: createExplain(settings.auth),
    },
    {
      ...get,
      id: 'openapi',
      path: '/openapi.yaml',
      permission: null,
      run: async () => ({ status: 200, body: openapi }),
    },
  ]
}
