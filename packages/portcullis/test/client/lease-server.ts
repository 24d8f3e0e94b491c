/** The bare server with a lease for each connection: answers `auth:whoami` and `auth:refresh` as a test says. */

import type { RefreshReply, Refusal } from 'portcullis'
import type { WithAuthOptions } from 'portcullis/client'
import type { ManagerOptions, SocketOptions } from 'socket.io-client'
import { vi } from 'vitest'
import { authorized, bareServer, connected, heard } from './bare-server.ts'

/** The server's clock, which the client's does not have to agree with. Epoch seconds. */
export const SERVER_TIME = 2_000_000_000

/** One answer to `auth:refresh`: a refusal, the lease from then on (null: without end), or none at all. */
export type Answer = Refusal | { readonly lifetimeSeconds: number | null } | 'silence'

export async function leaseServer(lifetimeSeconds: number | null | Refusal) {
  const server = await bareServer()
  const refreshes: unknown[] = []
  const answers: Answer[] = []
  let whoamis = 0

  server.io.on('connection', (socket) => {
    let lease = lifetimeSeconds
    socket.on('auth:whoami', (reply) => {
      whoamis += 1
      if (typeof lease === 'object' && lease !== null) return reply({ error: lease })
      const expiresAt = lease === null ? null : SERVER_TIME + lease
      reply({ subject: 'alice', rooms: [], expiresAt, serverTime: SERVER_TIME })
    })
    socket.on('auth:refresh', (payload, reply) => {
      refreshes.push(payload)
      const answer = answers.shift() ?? { lifetimeSeconds: null }
      if (answer === 'silence') return
      if ('code' in answer) return reply({ error: answer })
      lease = answer.lifetimeSeconds
      const expiresAt = lease === null ? null : SERVER_TIME + lease
      reply({ expiresAt, joined: ['new'], left: ['old'] } satisfies RefreshReply)
    })
  })
  return { ...server, refreshes, answers, whoamis: () => whoamis }
}

/** A connection whose lease is known to the client; its `credential` is a mock. */
export async function leased(
  lifetimeSeconds: number | null | Refusal,
  options: Partial<WithAuthOptions> = {},
  socketOptions: Partial<ManagerOptions & SocketOptions> = {},
) {
  const server = await leaseServer(lifetimeSeconds)
  const credential = vi.fn<WithAuthOptions['credential']>((refused) => (refused ? 'new' : 'usual'))
  const subject = authorized(server.url, { credential, ...options }, socketOptions)
  const serverSocket = await connected(subject, server.io)
  // An answer of the server that comes after that to the first whoami.
  await subject.auth.whoami()
  credential.mockClear()
  return { ...subject, server, serverSocket, credential }
}

export const refreshed = (subject: Pick<Awaited<ReturnType<typeof leased>>, 'auth'>) => heard(subject.auth, 'refreshed')
