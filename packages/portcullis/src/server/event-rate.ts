/** How many events one socket may send: what is too much is refused, and who goes on at that has to go. */

import { type Bucket, createBucket } from './bucket.ts'
import { endEntry } from './end-entry.ts'
import type { Guard } from './guard.ts'
import { eventName, type Packet, refuse } from './packet.ts'
import type { Entry } from './registry.ts'

/** True for an event that may go on; any other has been answered, or its socket is gone. */
export type EventRate = (entry: Entry, packet: Packet) => boolean

/** Asked for every event, before its rule. Null where `limits.eventsPerSecond` is switched off. */
export function createEventRate(guard: Guard): EventRate | null {
  const { eventsPerSecond } = guard.limits
  if (eventsPerSecond === Number.POSITIVE_INFINITY) return null
  const bucket = () => createBucket(guard.clock, eventsPerSecond, eventsPerSecond)
  const refused = new WeakMap<Entry, Bucket>()
  return function isWithinRate(entry, packet) {
    // Many sockets send nothing: each bucket is made when it is first needed.
    entry.events ??= bucket()
    if (entry.events()) return true
    const refusals = refused.get(entry) ?? bucket()
    refused.set(entry, refusals)
    if (refusals()) {
      record(guard, entry, packet)
      refuse(entry, packet, eventName(packet), 'AUTH_RATE_LIMITED')
    } else {
      endEntry(guard, entry, 'AUTH_RATE_LIMITED')
    }
    return false
  }
}

function record({ audit }: Guard, entry: Entry, packet: Packet): void {
  if (!audit.enabled) return
  const { socket, namespace, identity } = entry
  audit.record({
    stage: 'event',
    namespace,
    socketId: socket.id,
    event: eventName(packet),
    identity,
    code: 'AUTH_RATE_LIMITED',
    rule: 'limits',
    reason: 'events',
    startedMs: performance.now(),
    of: entry,
  })
}
