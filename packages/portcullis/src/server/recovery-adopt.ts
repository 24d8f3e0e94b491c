/** A connecting socket takes the place of the one that it was, until its connect is refused or the last look says no. */

import type { Namespace, Socket } from 'socket.io'
import type { Keeping } from './recovery-history.ts'

/** The part of a socket and of its namespace through which Socket.IO connects it. */
interface Connecting {
  id: string
  pid?: string
  recovered: boolean
  data: Record<string, unknown>
  /** Tells the client. */
  _onconnect(): void
}

interface Waiting {
  readonly _preConnectSockets: Map<string, Socket>
}

/** Who a socket was. */
export interface Former {
  readonly sid: string
  readonly pid: string
  readonly data: Readonly<Record<string, unknown>>
}

/** What a client sends to come back, besides its credential. */
export interface RecoveryRequest {
  readonly pid: string
  readonly offset: string
}

/** Both are taken away: `fetchSockets` sends `handshake.auth` to other nodes, and the same `pid` is good for the next time. */
export function takeRequest({ handshake }: Socket): RecoveryRequest | null {
  const auth = handshake.auth as Record<string, unknown> | null
  if (typeof auth !== 'object' || auth === null) return null
  const { pid, offset } = auth
  delete auth.pid
  delete auth.offset
  return typeof pid === 'string' && typeof offset === 'string' ? { pid, offset } : null
}

/** As Socket.IO makes them: no name of a room could be mistaken for one. */
const SOCKET_ID = /^[A-Za-z0-9_-]{20}$/

export function isSocketId(value: unknown): value is string {
  return typeof value === 'string' && SOCKET_ID.test(value)
}

/**
 * Gives the socket its former id, `pid` and data. `lastLook` is asked when all middlewares have let it pass, in the same breath
 * in which the client is told: with false, it connects as a new socket. False when another socket has that id.
 */
export function adopt(socket: Socket, { sid, pid, data }: Former, lastLook: () => boolean): boolean {
  const { nsp } = socket
  if (isTaken(nsp, sid)) return false
  const connecting = socket as unknown as Connecting
  const fresh = { id: connecting.id, pid: connecting.pid }
  const { _preConnectSockets: waiting } = nsp as unknown as Waiting
  if (waiting.delete(fresh.id)) waiting.set(sid, socket)
  moveTo(sid)
  connecting.pid = pid
  connecting.recovered = true
  connecting.data = { ...data, ...connecting.data }
  const { _onconnect } = connecting
  connecting._onconnect = () => {
    if (!lastLook()) becomeNew()
    _onconnect.call(connecting)
  }

  /** With the rooms that middlewares have put it into. */
  function moveTo(id: string): void {
    const rooms = [...socket.rooms]
    nsp.adapter.delAll(connecting.id)
    connecting.id = id
    if (rooms.length > 0) socket.join(rooms)
  }

  function becomeNew(): void {
    nsp.sockets.delete(sid)
    moveTo(fresh.id)
    if (fresh.pid !== undefined) connecting.pid = fresh.pid
    connecting.recovered = false
    for (const [key, value] of Object.entries(data)) if (connecting.data[key] === value) delete connecting.data[key]
    nsp.sockets.set(fresh.id, socket)
  }

  return true
}

/** On another node it cannot be: a session is kept when its socket has gone, and taken once. */
function isTaken(nsp: Namespace, sid: string): boolean {
  const { sids } = nsp.adapter as unknown as Keeping
  return nsp.sockets.has(sid) || sids.has(sid) || (nsp as unknown as Waiting)._preConnectSockets.has(sid)
}
