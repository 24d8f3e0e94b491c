/** The requests of emitters, in JSON: sockets join rooms, leave them, or are disconnected. */

import { isReservedRoom } from '../reserved.ts'
import { recordOf, roomsOf, type Target } from './emission.ts'
import { RefusedEmission } from './refusal.ts'

/** What an emitter may be allowed to do. */
export type EmitterCommand = 'emit' | 'disconnect' | 'join' | 'leave'

/** A request for the sockets in `target`. */
export type Command = { readonly target: Target } & (
  | { readonly kind: 'join' | 'leave'; readonly rooms: readonly string[] }
  | { readonly kind: 'disconnect'; readonly close: boolean }
)

/** The numbers of @socket.io/redis-adapter. Its others fetch sockets and rooms for the asking server, or speak to servers. */
const KINDS: Readonly<Record<number, 'join' | 'leave' | 'disconnect'>> = { 2: 'join', 3: 'leave', 4: 'disconnect' }

/** @throws RefusedEmission */
export function readCommand(payload: Buffer, namespace: string): Command {
  const request = recordOf(parse(payload))
  const kind = typeof request.type === 'number' ? KINDS[request.type] : undefined
  if (kind === undefined) throw new RefusedEmission(Number.isInteger(request.type) ? 'unsupported' : 'malformed')
  const options = recordOf(request.opts)
  // Without a list it would mean everybody in the namespace, and that has to be said.
  if (!Array.isArray(options.rooms)) throw new RefusedEmission('malformed')
  const target = { namespace, rooms: roomsOf(options.rooms), except: roomsOf(options.except) }
  if (kind === 'disconnect') return { kind, target, close: request.close === true }
  const rooms = roomsOf(request.rooms)
  if (kind === 'join' && rooms.some((room) => isReservedRoom(room))) throw new RefusedEmission('reserved')
  return { kind, target, rooms }
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch {
    throw new RefusedEmission('malformed')
  }
}
