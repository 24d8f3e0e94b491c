/** Connections of which nobody knows whose they are: how many there are, in all and of each address. */

import { networkOf } from '../address-ranges.ts'
import { AuthError } from '../errors.ts'
import type { Limits } from './limits.ts'

export interface Unadmitted {
  /** For a handshake, before a strategy is asked. @throws AuthError AUTH_RATE_LIMITED of an address, AUTH_UNAVAILABLE of all */
  requireRoom(address: string): void
  /** A connection was opened without a credential. */
  add(connection: object, address: string): void
  /** A namespace has admitted it, or it is gone. Safe to call twice. */
  delete(connection: object): void
  readonly size: number
}

/** There is room again as soon as others are admitted or closed. */
const REFUSED = { reason: 'unadmitted', retryAfterSeconds: 1 }

/** An IPv6 client counts by its /64, as for every limit by address. */
export function createUnadmitted({ maxUnadmitted, maxUnadmittedPerAddress }: Limits): Unadmitted {
  const networks = new Map<object, string>()
  const counts = new Map<string, number>()
  return {
    requireRoom(address) {
      if (networks.size >= maxUnadmitted) throw new AuthError('AUTH_UNAVAILABLE', REFUSED)
      if ((counts.get(networkOf(address)) ?? 0) >= maxUnadmittedPerAddress)
        throw new AuthError('AUTH_RATE_LIMITED', REFUSED)
    },
    add(connection, address) {
      const network = networkOf(address)
      networks.set(connection, network)
      counts.set(network, (counts.get(network) ?? 0) + 1)
    },
    delete(connection) {
      const network = networks.get(connection)
      if (network === undefined) return
      networks.delete(connection)
      const left = (counts.get(network) ?? 0) - 1
      if (left > 0) counts.set(network, left)
      else counts.delete(network)
    },
    get size() {
      return networks.size
    },
  }
}
