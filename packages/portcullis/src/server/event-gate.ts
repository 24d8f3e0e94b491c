/** Every packet of an admitted socket: its lease, the rule of its event, and its place in the order of arrival. */

import type { CompiledEvent } from '../core/compiled-policy.ts'
import type { Decision } from '../core/decision.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import { REFRESH, RESERVED_PREFIX } from '../protocol.ts'
import { createEventRate } from './event-rate.ts'
import { decideEvent } from './event-rule.ts'
import { decideOptions, endOfEntry, type Guard } from './guard.ts'
import { watchSpeech } from './hidden.ts'
import {
  ACK,
  acknowledge,
  BINARY_ACK,
  BINARY_EVENT,
  dataOf,
  EVENT,
  eventName,
  type Packet,
  type Receiver,
  refuse,
} from './packet.ts'
import { refresh } from './refresh.ts'
import type { Entry } from './registry.ts'

/** What the socket did with a packet before there was a gate; called as its method. */
type Deliver = Receiver['_onpacket']

/** Answers a request of the wire protocol (`auth:join` …), or throws `AuthError`. */
export type ProtocolRequest = (entry: Entry, event: string, args: readonly unknown[]) => object | Promise<object>

/**
 * Puts the gate before the socket's listeners, `onAny` and `use` included. A permitted event is delivered in the tick in
 * which it arrived when its rule is synchronous; otherwise it and all that follows keep their order.
 */
export function createEventGate(guard: Guard, answer: ProtocolRequest): (entry: Entry) => void {
  const options = decideOptions(guard)
  const isWithinRate = createEventRate(guard)

  return function install(entry) {
    const receiver = entry.socket as unknown as Receiver
    const deliver = receiver._onpacket
    if (typeof deliver !== 'function' || typeof receiver.packet !== 'function') {
      throw new TypeError('this version of Socket.IO delivers packets in a way that cannot be guarded')
    }
    watchSpeech(entry.socket, guard.isFresh)
    receiver._onpacket = function guardedPacket(packet) {
      if (packet.type === EVENT && dataOf(packet)[0] === REFRESH) {
        // Not in the queue: a new credential must not wait for an event, nor an event for a slow strategy.
        answerLater(entry, packet, REFRESH, refresh(guard, entry, dataOf(packet)[1]))
        return
      }
      if (entry.backlog !== null) {
        queue(entry, packet)
        return
      }
      const pending = step(entry, packet, deliver)
      if (pending === null) return
      entry.backlog = []
      drain(entry, pending, deliver)
    }
  }

  /** Null when done; a promise while a rule has not answered. Throws only what the application's own listeners throw. */
  function step(entry: Entry, packet: Packet, deliver: Deliver): Promise<void> | null {
    if (packet.type !== EVENT && packet.type !== BINARY_EVENT) {
      const isAck = packet.type === ACK || packet.type === BINARY_ACK
      if (!isAck || (entry.state === 'connected' && endOfEntry(guard, entry) === null)) {
        deliver.call(entry.socket, packet)
      }
      return null
    }
    if (isWithinRate !== null && !isWithinRate(entry, packet)) return null
    const data = dataOf(packet)
    const event = data[0]
    const { policy } = entry
    const rule = typeof event === 'string' ? policy.events.get(event) : undefined
    // No policy has a rule for what the protocol keeps to itself.
    if (rule === undefined && typeof event === 'string' && event.startsWith(RESERVED_PREFIX))
      return respond(entry, packet, event, data.slice(1))
    const startedMs = guard.audit.enabled ? performance.now() : 0
    const ended = endOfEntry(guard, entry)
    const compare = ended === null ? guard.shadows.of(entry.socket.nsp)?.event(entry, data) : undefined
    if (ended !== null || rule === undefined) {
      compare?.({ code: 'AUTH_FORBIDDEN', rule: 'events' })
      conclude(entry, packet, rule, ended ?? 'AUTH_FORBIDDEN', startedMs, deliver)
      return null
    }
    const decision = decideEvent(entry, rule, packet, options)
    if (decision instanceof Promise) {
      // After a rule that took its time, the authority is looked at once more: it may have ended meanwhile.
      return decision.then((late) => {
        compare?.({ code: codeOf(late), rule: rule.name })
        // Nor does a permission count that a policy gave which is no longer in force.
        const reloaded = entry.policy === policy ? null : 'AUTH_UNAVAILABLE'
        const code = codeOf(late) ?? endOfEntry(guard, entry) ?? reloaded
        conclude(entry, packet, rule, code, startedMs, deliver)
      })
    }
    compare?.({ code: codeOf(decision), rule: rule.name })
    conclude(entry, packet, rule, codeOf(decision), startedMs, deliver)
    return null
  }

  function conclude(
    entry: Entry,
    packet: Packet,
    rule: CompiledEvent | undefined,
    code: AuthErrorCode | null,
    startedMs: number,
    deliver: Deliver,
  ): void {
    if (guard.audit.enabled) {
      const { socket, namespace, identity } = entry
      const event = eventName(packet)
      guard.audit.record({
        stage: 'event',
        namespace,
        socketId: socket.id,
        event,
        identity,
        code,
        rule: rule?.name ?? 'events',
        startedMs,
        of: entry,
      })
    }
    if (code !== null) refuse(entry, packet, eventName(packet), code)
    else if (entry.state === 'connected') deliver.call(entry.socket, packet)
  }

  function respond(entry: Entry, packet: Packet, event: string, args: readonly unknown[]): Promise<void> | null {
    try {
      const ended = endOfEntry(guard, entry)
      if (ended !== null) throw new AuthError(ended)
      const body = answer(entry, event, args)
      if (body instanceof Promise) return answerLater(entry, packet, event, body)
      reply(entry, packet, body)
    } catch (error) {
      refuseFor(entry, packet, event, error)
    }
    return null
  }

  function answerLater(entry: Entry, packet: Packet, event: string, body: Promise<object>): Promise<void> {
    return body.then(
      (answered) => reply(entry, packet, answered),
      (error) => refuseFor(entry, packet, event, error),
    )
  }

  function refuseFor(entry: Entry, packet: Packet, event: string, error: unknown): void {
    if (!AuthError.is(error)) guard.onError(error, event)
    refuse(entry, packet, event, AuthError.is(error) ? error.code : 'AUTH_ERROR')
  }

  function drain(entry: Entry, pending: Promise<void>, deliver: Deliver): void {
    // The application's own listeners may throw: that ends as it would have without a gate, and the queue goes on.
    const next = () => {
      while (entry.backlog !== null) {
        const packet = entry.backlog.shift() as Packet | undefined
        if (packet === undefined) {
          entry.backlog = null
          return
        }
        try {
          const again = step(entry, packet, deliver)
          if (again !== null) {
            drain(entry, again, deliver)
            return
          }
        } catch (error) {
          rethrow(error)
        }
      }
    }
    pending.catch(rethrow).then(next)
  }

  function queue(entry: Entry, packet: Packet): void {
    if (entry.backlog !== null && entry.backlog.length < guard.limits.maxQueuedPackets) {
      entry.backlog.push(packet)
    } else if (packet.type === EVENT || packet.type === BINARY_EVENT) {
      refuse(entry, packet, eventName(packet), 'AUTH_RATE_LIMITED')
    } else {
      entry.connection.engineSocket.close()
    }
  }
}

function reply({ socket }: Entry, { id }: Packet, body: object): void {
  if (id !== undefined && id !== null) acknowledge(socket, id, body)
}

function codeOf(decision: Decision): AuthErrorCode | null {
  return decision.effect === 'deny' ? decision.code : null
}

function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
