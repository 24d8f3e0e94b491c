/** A strategy whose tokens are the subject's name, and hold for a minute. */

import type { Clock, Strategy } from 'portcullis'
import { fromAuth, readOne } from 'portcullis/strategies/from'

export function tokens(clock: Clock): Strategy {
  const from = [fromAuth('token')]
  return {
    scheme: 'token',
    from,
    maxLifetimeSeconds: 3_600,
    async authenticate(handshake, connect) {
      const token = readOne(from, handshake, connect)
      if (token === null) return null
      const now = clock.now() / 1000
      return {
        identity: { scheme: 'token', issuer: 'i', subject: token, claims: {} },
        lease: { id: `${token}.${now}`, issuedAt: now, expiresAt: now + 60 },
      }
    },
  }
}
