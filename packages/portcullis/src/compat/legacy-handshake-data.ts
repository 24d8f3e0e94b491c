/** What an authorization function has found out about Socket.IO 0.9's handshake data, for whoever makes the sockets of it. */

import type { Authentication } from 'portcullis'
import type { LegacyIdentity } from './legacy-identity.ts'

const held = new WeakMap<object, Authentication<LegacyIdentity>>()

/** Handshake data has no socket yet that could carry it, and what stands on the data itself may be changed by anybody. */
export function holdAuthentication(data: object, authentication: Authentication<LegacyIdentity>): void {
  held.set(data, authentication)
}

/** Null where no function has left one. Its lease may have ended meanwhile. */
export function heldAuthentication(data: object): Authentication<LegacyIdentity> | null {
  return held.get(data) ?? null
}
