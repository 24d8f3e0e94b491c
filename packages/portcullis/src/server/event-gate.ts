/** Every packet of an admitted socket: its lease, the rule of its event, and its place in the order of arrival. */

import type { Socket } from 'socket.io'
import type { CompiledEvent } from '../core/compiled-policy.ts'
import { decide, failed, isThenable } from '../core/decide.ts'
import { type Decision, deny } from '../core/decision.ts'
import { AuthError, type AuthErrorCode, refusalOf } from '../errors.ts'
import { DENIED, type DeniedNotice, RESERVED_PREFIX } from '../protocol.ts'
import { decideOptions, endOfEntry, type Guard } from './guard.ts'
import type { Entry } from './registry.ts'

/** A packet as Socket.IO's parser gives it, whichever parser that is. */
export interface Packet {
  readonly type: number
  readonly id?: number | null
  data?: unknown
}

/** The part of a socket through which Socket.IO delivers packets; see docs/decisions for why this one and not `use`. */
interface Receiver {
  _onpacket(packet: Packet): void
  packet(packet: Packet): void
}

/** Packet types of the Socket.IO protocol, revision 5. */
const EVENT = 2
const ACK = 3
const BINARY_EVENT = 5
const BINARY_ACK = 6

/** Answers a request of the wire protocol (`auth:join` …), or throws `AuthError`. */
export type ProtocolRequest = (entry: Entry, event: string, args: readonly unknown[]) => object | Promise<object>

/**
 * Puts the gate before the socket's listeners, `onAny` and `use` included. A permitted event is delivered in the tick in
 * which it arrived when its rule is synchronous; otherwise it and all that follows keep their order.
 */
export function createEventGate(guard: Guard, answer: ProtocolRequest): (entry: Entry) => void {
  const options = decideOptions(guard)

  return function install(entry) {
    const receiver = entry.socket as unknown as Receiver
    const deliver = receiver._onpacket
    if (typeof deliver !== 'function' || typeof receiver.packet !== 'function') {
      throw new TypeError('this version of Socket.IO delivers packets in a way that cannot be guarded')
    }
    receiver._onpacket = function guardedPacket(packet) {
      if (entry.backlog !== null) {
        queue(entry, packet)
        return
      }
      const pending = step(entry, packet, (checked) => deliver.call(receiver, checked))
      if (pending === null) return
      entry.backlog = []
      drain(entry, pending, (checked) => deliver.call(receiver, checked))
    }
  }

  /** Null when done; a promise while a rule has not answered. Throws only what the application's own listeners throw. */
  function step(entry: Entry, packet: Packet, deliver: (packet: Packet) => void): Promise<void> | null {
    if (packet.type === ACK || packet.type === BINARY_ACK) {
      if (entry.state === 'connected' && endOfEntry(guard, entry) === null) deliver(packet)
      return null
    }
    if (packet.type !== EVENT && packet.type !== BINARY_EVENT) {
      deliver(packet)
      return null
    }
    const data = packet.data as unknown[]
    const event = data[0]
    if (typeof event === 'string' && event.startsWith(RESERVED_PREFIX))
      return respond(entry, packet, event, data.slice(1))
    const startedMs = guard.audit.enabled ? performance.now() : 0
    const rule = typeof event === 'string' ? entry.policy.events.get(event) : undefined
    const ended = endOfEntry(guard, entry)
    if (ended !== null || rule === undefined) {
      conclude(entry, packet, rule, ended ?? 'AUTH_FORBIDDEN', startedMs, deliver)
      return null
    }
    const decision = rule.args === null ? ask(entry, rule, data.slice(1)) : check(entry, rule, packet)
    if (decision instanceof Promise) {
      // After a rule that took its time, the authority is looked at once more: it may have ended meanwhile.
      return decision.then((late) =>
        conclude(entry, packet, rule, codeOf(late) ?? endOfEntry(guard, entry), startedMs, deliver),
      )
    }
    conclude(entry, packet, rule, codeOf(decision), startedMs, deliver)
    return null
  }

  function ask(entry: Entry, rule: CompiledEvent, args: readonly unknown[]): Decision | Promise<Decision> {
    const { identity, lease, namespace } = entry
    return decide(rule.rule, { identity, lease, namespace, event: rule.event, args }, rule.where, options)
  }

  /** Arguments first; rule and handler get what the schema puts out. */
  function check(entry: Entry, rule: CompiledEvent, packet: Packet): Decision | Promise<Decision> {
    const accept = (result: unknown): Decision | Promise<Decision> => {
      const args = checkedArgs(result)
      if (args === null) return deny('AUTH_ARGUMENTS_INVALID')
      packet.data = [rule.event, ...args]
      return ask(entry, rule, args)
    }
    try {
      const result = rule.args?.['~standard'].validate((packet.data as unknown[]).slice(1))
      if (!isThenable(result)) return accept(result)
      return options
        .deadline(Promise.resolve(result))
        .then(accept)
        .catch((error) => failed(error, rule.where, options))
    } catch (error) {
      return failed(error, rule.where, options)
    }
  }

  function conclude(
    entry: Entry,
    packet: Packet,
    rule: CompiledEvent | undefined,
    code: AuthErrorCode | null,
    startedMs: number,
    deliver: (packet: Packet) => void,
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
      })
    }
    if (code !== null) refuse(entry, packet, eventName(packet), code)
    else if (entry.state === 'connected') deliver(packet)
  }

  function respond(entry: Entry, packet: Packet, event: string, args: readonly unknown[]): Promise<void> | null {
    const reply = (body: object) => {
      if (packet.id !== undefined && packet.id !== null) acknowledge(entry.socket, packet.id, body)
    }
    const fail = (error: unknown) => {
      if (!AuthError.is(error)) guard.onError(error, event)
      refuse(entry, packet, event, AuthError.is(error) ? error.code : 'AUTH_ERROR')
    }
    try {
      const ended = endOfEntry(guard, entry)
      if (ended !== null) throw new AuthError(ended)
      const body = answer(entry, event, args)
      if (!(body instanceof Promise)) {
        reply(body)
        return null
      }
      return body.then(reply, fail)
    } catch (error) {
      fail(error)
      return null
    }
  }

  function drain(entry: Entry, pending: Promise<void>, deliver: (packet: Packet) => void): void {
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

/** The acknowledgement gets `{ error }`; an event without one is answered by `auth:denied`. */
function refuse(entry: Entry, packet: Packet, event: string, code: AuthErrorCode): void {
  if (!entry.socket.connected) return
  const refusal = refusalOf(code)
  if (packet.id !== undefined && packet.id !== null) acknowledge(entry.socket, packet.id, { error: refusal })
  else entry.socket.emit(DENIED, { ...refusal, event } satisfies DeniedNotice)
}

function acknowledge(socket: Socket, id: number, body: object): void {
  if (socket.connected) (socket as unknown as Receiver).packet({ type: ACK, id, data: [body] })
}

function eventName(packet: Packet): string {
  return String((packet.data as unknown[])[0])
}

function codeOf(decision: Decision): AuthErrorCode | null {
  return decision.effect === 'deny' ? decision.code : null
}

/** The schema's output, or null when it found issues or put out something that is not a list of arguments. */
function checkedArgs(result: unknown): readonly unknown[] | null {
  if (typeof result !== 'object' || result === null) return null
  if (Object.hasOwn(result, 'issues') && (result as { issues: unknown }).issues !== undefined) return null
  const value = Object.hasOwn(result, 'value') ? (result as { value: unknown }).value : null
  return Array.isArray(value) ? value : null
}

function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
