/** Redis emitters, served without the adapter that they were written for. */

import type { Server } from 'socket.io'
import { type EmitterCommand, readCommand } from './command.ts'
import { deliver, obey } from './delivery.ts'
import { readEmission, readLegacyEmission } from './emission.ts'
import { createRefusalReport, type EmitterRefusal, RefusedEmission } from './refusal.ts'
import { createUnsealing, requireSecret } from './signature.ts'

type Listener = (message: Buffer, channel: Buffer) => void

/** A connected client of node-redis 5 and later, which does nothing but subscribe. Others may subscribe with it too. */
export interface EmitterSubscriber {
  subscribe(channel: string, listener: Listener, bufferMode: true): Promise<unknown>
  unsubscribe(channel: string, listener: Listener, bufferMode: true): Promise<unknown>
  pSubscribe(pattern: string, listener: Listener, bufferMode: true): Promise<unknown>
  pUnsubscribe(pattern: string, listener: Listener, bufferMode: true): Promise<unknown>
}

/** Options of `createEmitterBridge`. */
export interface EmitterBridgeOptions {
  readonly io: Server
  /** It is not closed with the bridge. It has to have a listener for its errors; what is published while it is away is lost. */
  readonly subscriber: EmitterSubscriber
  /** What the emitters' channels begin with. The adapter between the nodes must have another. Default `socket.io`. */
  readonly key?: string
  /** Whether the channel `KEY#emitter` of the PHP emitter is heard. Default true. */
  readonly legacy?: boolean
  /**
   * At least 32 bytes. Only messages signed with it are heard then, on channels that begin with `KEY.signed`. Null: whoever can publish
   * to that Redis can do what `commands` lists.
   */
  readonly secret: Buffer | null
  /** What emitters may do. Default `emit` and `disconnect`; sockets that an emitter lets join a room have no grant that ends. */
  readonly commands?: readonly EmitterCommand[]
  /** Whether a namespace, named with its slash, is one that the gateway protects; no other is reached. */
  readonly isProtected: (namespace: string) => boolean
  /** Told of refused messages, at most once a second. Its errors hold nothing of what was received. */
  readonly onError: (error: Error) => void
}

/** Messages since the start of this bridge: of other namespaces and of other nodes' sockets too. */
export interface EmitterStats {
  readonly received: number
  readonly refused: Readonly<Partial<Record<EmitterRefusal, number>>>
}

export interface EmitterBridge {
  readonly stats: EmitterStats
  /** Stops listening. */
  close(): Promise<void>
}

const COMMANDS: readonly EmitterCommand[] = ['emit', 'disconnect', 'join', 'leave']
const MAX_BYTES = 1024 * 1024

/**
 * Hears emitters of both wire forms, and delivers to this node's own sockets; every node runs one. What they say is the server's own word: no
 * rule is asked, as with `io.to(room).emit()`. Nobody who is away hears it after recovery.
 *
 * @throws TypeError quoting the option that is wrong; what the subscriber throws when it cannot subscribe
 * @see docs/emitters.md
 */
export async function createEmitterBridge(options: EmitterBridgeOptions): Promise<EmitterBridge> {
  const { io, subscriber, secret, isProtected, onError, key = 'socket.io', legacy = true } = options
  if (typeof key !== 'string' || key === '') throw new TypeError('"key" must be a non-empty string')
  const allowed = commandsOf(options.commands)
  if (secret !== null) requireSecret(secret)
  const unseal = secret === null ? null : createUnsealing(secret)
  const prefix = secret === null ? key : `${key}.signed`
  const report = createRefusalReport(onError)
  let received = 0

  /** Nothing that comes may throw into the client, whose parser would lose its place. */
  const guarded =
    (work: (payload: Buffer, channel: string) => void): Listener =>
    (message, channelName) => {
      received += 1
      try {
        if (message.length > MAX_BYTES) throw new RefusedEmission('too_large')
        const channel = channelName.toString('utf8')
        work(unseal === null ? message : unseal(channel, message), channel)
      } catch (error) {
        report.refuse(error instanceof RefusedEmission ? error : new RefusedEmission('failed', { cause: error }))
      }
    }

  const today = guarded((payload, channel) => {
    requireAllowed(allowed, 'emit')
    const emission = readEmission(payload)
    if (!isChannelOf(`${prefix}#`, emission.namespace, emission.rooms, channel)) throw new RefusedEmission('malformed')
    deliver(io, isProtected, emission)
  })
  const old = guarded((payload) => {
    requireAllowed(allowed, 'emit')
    deliver(io, isProtected, readLegacyEmission(payload))
  })
  const request = guarded((payload, channel) => {
    if (!channel.endsWith('#')) throw new RefusedEmission('malformed')
    const command = readCommand(payload, channel.slice(`${prefix}-request#`.length, -1))
    requireAllowed(allowed, command.kind)
    obey(io, isProtected, command)
  })

  const emissions = `${asPattern(prefix)}#/*`
  const requests = `${asPattern(prefix)}-request#/*`
  const legacyChannel = `${prefix}#emitter`
  const stop = async () => {
    await Promise.all([
      subscriber.pUnsubscribe(emissions, today, true),
      subscriber.pUnsubscribe(requests, request, true),
      legacy ? subscriber.unsubscribe(legacyChannel, old, true) : null,
    ])
  }
  try {
    await Promise.all([
      subscriber.pSubscribe(emissions, today, true),
      subscriber.pSubscribe(requests, request, true),
      legacy ? subscriber.subscribe(legacyChannel, old, true) : null,
    ])
  } catch (error) {
    await stop().catch(() => undefined)
    throw error
  }
  return {
    stats: {
      get received() {
        return received
      },
      refused: report.counts,
    },
    close: () => stop().catch(() => undefined),
  }
}

function commandsOf(commands: readonly EmitterCommand[] = ['emit', 'disconnect']): ReadonlySet<EmitterCommand> {
  if (!Array.isArray(commands) || commands.some((command) => !COMMANDS.includes(command))) {
    throw new TypeError(`"commands" must be a list of ${COMMANDS.join(', ')}`)
  }
  return new Set(commands)
}

function requireAllowed(allowed: ReadonlySet<EmitterCommand>, command: EmitterCommand): void {
  if (!allowed.has(command)) throw new RefusedEmission('unsupported')
}

/** The channel names the namespace and, for a single room, that room. What is signed for one may not say another. */
function isChannelOf(prefix: string, namespace: string, rooms: readonly string[], channel: string): boolean {
  const start = `${prefix}${namespace}#`
  if (channel === start) return true
  const [room, ...others] = rooms
  return room !== undefined && others.length === 0 && channel === `${start}${room}#`
}

function asPattern(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
