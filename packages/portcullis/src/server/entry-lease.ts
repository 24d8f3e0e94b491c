/** The lease of one socket on the timer: a notice before its end, the end, and a grace in which it may still be refreshed. */

import { EXPIRING, type ExpiringNotice } from '../protocol.ts'
import { disarmLease, endEntry } from './end-entry.ts'
import type { Guard } from './guard.ts'
import type { Expiring } from './lease-timer.ts'
import { notify } from './packet.ts'
import type { Entry } from './registry.ts'
import { withhold } from './withhold.ts'

/** Notices are spread over the last third of `expiringMs`, so that clients admitted together do not refresh together. */
const SPREAD = 1 / 3

/** Puts the end of the lease as it is now on the timer, and takes what stood there off. */
export function armLease(guard: Guard, entry: Entry): void {
  disarmLease(guard, entry)
  const { expiresAt } = entry.lease
  if (expiresAt === null) return
  const lead = (guard.lease.expiringMs / 1000) * (1 - SPREAD * Math.random())
  if (lead === 0) schedule(guard, entry, expiresAt, end)
  // What the timer ends in one second it ends after it: a notice must not come with the end.
  else schedule(guard, entry, Math.floor(expiresAt - lead), tell)
}

function schedule(guard: Guard, entry: Entry, at: number, then: Step): void {
  entry.expiring = new Due(at, guard, entry, then)
  guard.leases.add(entry.expiring)
}

type Step = (guard: Guard, entry: Entry) => void

/** One for each connected socket, so without a closure. */
class Due implements Expiring {
  readonly expiresAt: number
  readonly #guard: Guard
  readonly #entry: Entry
  readonly #then: Step

  constructor(expiresAt: number, guard: Guard, entry: Entry, then: Step) {
    this.expiresAt = expiresAt
    this.#guard = guard
    this.#entry = entry
    this.#then = then
  }

  expire(): void {
    this.#then.call(undefined, this.#guard, this.#entry)
  }
}

function tell(guard: Guard, entry: Entry): void {
  entry.expiring = null
  const expiresAt = entry.lease.expiresAt as number
  const expiresInMs = Math.round(expiresAt * 1000 - guard.clock.now())
  if (expiresInMs > 0) notify(entry.socket, EXPIRING, { expiresAt, expiresInMs } satisfies ExpiringNotice)
  schedule(guard, entry, expiresAt, end)
}

function end(guard: Guard, entry: Entry): void {
  entry.expiring = null
  if (guard.lease.graceMs === 0) {
    endEntry(guard, entry, 'AUTH_EXPIRED')
    return
  }
  withhold(entry, 'expired')
  schedule(guard, entry, (entry.lease.expiresAt as number) + guard.lease.graceMs / 1000, (_guard, expired) =>
    endEntry(guard, expired, 'AUTH_EXPIRED'),
  )
}
