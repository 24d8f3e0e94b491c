/** A server whose memberships stand in the table of a test. */

import { permit } from 'portcullis'
import { type PostgresMembershipsOptions, postgresMemberships } from 'portcullis/memberships/postgres'
import { expect } from 'vitest'
import { onCleanup, outcome, start } from '../harness.ts'
import { ISSUER, listenTo } from '../server/reconcile-fixtures.ts'
import { CHANNEL, type Members, QUERY } from './members-fixtures.ts'

export function membersServer(members: Members) {
  function source(options: Partial<PostgresMembershipsOptions> = {}) {
    return postgresMemberships({
      pool: members.counting,
      issuer: ISSUER,
      query: QUERY,
      channel: CHANNEL,
      onError: () => {},
      ...options,
    })
  }

  async function follow(options: Partial<PostgresMembershipsOptions> = {}, authOptions: object = {}) {
    const harness = await start({ limits: { handshakesPerMinute: 10_000, ruleTimeoutMs: 5_000 }, ...authOptions })
    const { io, auth, client, records } = harness
    const { memberships, listen } = source(options)
    const rooms = { 'open:{name}': () => permit() }
    const chat = auth.protect(io.of('/chat'), { events: {}, rooms, memberships })
    const stop = await listen(auth)
    onCleanup(stop)
    /** A connected client of this subject, with all that it hears. */
    async function enter(subject: string) {
      records.set(subject, { subject })
      const socket = client('/chat', { auth: { token: subject } })
      const heard = listenTo(socket)
      expect(await outcome(socket)).toBeNull()
      return { socket, heard, id: socket.id as string, subject }
    }
    return { ...harness, chat, enter, stop }
  }

  return { source, follow }
}
