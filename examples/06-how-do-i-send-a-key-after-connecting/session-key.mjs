// @ts-check
/** A strategy of one's own: a session's key, as a login handed it out, looked up in Redis. */

import { createHash } from 'node:crypto'
import { AuthError } from 'portcullis'
import { fromAuth, readOne } from 'portcullis/strategies/from'

const from = [fromAuth('rediskey')]

/**
 * @param {Awaited<ReturnType<typeof import('./redis.mjs').openRedis>>} redis
 * @param {{ prefix: string, lifetimeSeconds: number }} sessions
 * @returns {import('portcullis').Strategy<import('portcullis').Identity<'session-key', { username: string }>>}
 */
export const sessionKey = (redis, { prefix, lifetimeSeconds }) => ({
  scheme: 'session-key',
  from,
  maxLifetimeSeconds: lifetimeSeconds,
  async authenticate(handshake, connect) {
    const key = readOne(from, handshake, connect)
    if (key === null) return null
    // What looks like no key never gets to Redis.
    if (!/^[0-9a-f]{64}$/.test(key)) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'form' })
    const stored = await redis.get(prefix + key).catch((cause) => {
      throw new AuthError('AUTH_UNAVAILABLE', { reason: 'redis', cause: new Error(cause.name) })
    })
    if (stored === null) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'unknown' })
    const { id, username, issuedAt } = JSON.parse(stored)
    return {
      identity: { scheme: 'session-key', issuer: 'session-key', subject: id, claims: { username } },
      lease: {
        // It stands in logs, so it is not the key.
        id: createHash('sha256').update(key).digest('base64url'),
        issuedAt,
        expiresAt: issuedAt + lifetimeSeconds,
      },
      revocableBy: [{ session: key }],
    }
  },
})
