/** Limits by client address: handshakes of any kind, failures, and connections that come to nothing. */

import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { networkOf } from '../address-ranges.ts'
import { AuthError } from '../errors.ts'
import type { Limits } from './limits.ts'
import type { Unadmitted } from './unadmitted.ts'

export interface Throttle {
  /** @throws AuthError AUTH_RATE_LIMITED with the seconds to wait, AUTH_UNAVAILABLE when there are too many of all addresses */
  handshake(address: string): Promise<void>
  /** @throws AuthError AUTH_RATE_LIMITED when this address has failed too often */
  check(address: string): Promise<void>
  failed(address: string): Promise<void>
}

/** Counts in this process, by the minute. */
export function createThrottle(limits: Limits, unadmitted: Pick<Unadmitted, 'requireRoom'>): Throttle {
  const handshakes = limiter(limits.handshakesPerMinute)
  const failures = limiter(limits.failuresPerMinute)
  return {
    async handshake(address) {
      if (handshakes !== null) await handshakes.consume(networkOf(address)).catch(refuse)
      await this.check(address)
      unadmitted.requireRoom(address)
    },
    async check(address) {
      const state = await failures?.get(networkOf(address))
      if (state && state.consumedPoints >= limits.failuresPerMinute) refuse(state)
    },
    async failed(address) {
      await failures?.penalty(networkOf(address))
    },
  }
}

function limiter(points: number): RateLimiterMemory | null {
  return points === Number.POSITIVE_INFINITY ? null : new RateLimiterMemory({ points, duration: 60 })
}

function refuse(state: unknown): never {
  const waitMs = state instanceof RateLimiterRes ? state.msBeforeNext : 1_000
  throw new AuthError('AUTH_RATE_LIMITED', {
    reason: 'address',
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  })
}
