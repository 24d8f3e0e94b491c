/** Presence by the policy in force. */

import { hostname } from 'node:os'
import type { Server } from 'socket.io'
import type { Config } from '../config/schema.ts'
import { hasPresence, maySeePresence, type NamespacePolicy } from '../policy/namespace-policy.ts'
import { createPresence, memoryPresence, type Presence, redisPresence } from '../presence/index.ts'
import type { OpenMeans } from './means.ts'

/** What presence looks at. */
export interface Watched {
  readonly io: Server
  readonly means: OpenMeans
  /** The policy of a namespace at this moment; a reload changes it. */
  readonly policyOf: (namespace: string) => NamespacePolicy | undefined
  readonly onError: (error: unknown, where: string) => void
}

/** In memory for one node, in Redis for several. */
export async function openPresence({ nodes }: Config, { io, means, policyOf, onError }: Watched): Promise<Presence> {
  const { redis } = means
  const store =
    nodes === undefined || redis === null
      ? memoryPresence()
      : redisPresence({
          client: redis.client as never,
          subscriber: (await redis.connection('waits')) as never,
          prefix: `${nodes.prefix}:presence`,
        })
  const node = hostname()
    .replace(/[^A-Za-z0-9._:-]/g, '-')
    .slice(0, 64)
  return createPresence({
    io,
    isPresenceRoom(namespace, room) {
      const policy = policyOf(namespace)
      return policy !== undefined && hasPresence(policy, room)
    },
    store,
    node: node === '' ? 'node' : node,
    async mayRead(identity, namespace, room) {
      const policy = policyOf(namespace)
      return policy !== undefined && (await maySeePresence(policy, identity, room)).effect === 'permit'
    },
    onError: (error) => onError(error, 'presence'),
  })
}
