/** The requests that a client may make of Portcullis itself, each with an acknowledgement and a deadline. */

import type { Socket } from 'socket.io-client'
import {
  JOIN,
  type JoinReply,
  LEAVE,
  type LeaveReply,
  REFRESH,
  type RefreshReply,
  type RefusedReply,
  WHOAMI,
  type WhoamiReply,
} from '../protocol.ts'
import { AuthRefusal, readRefusal, unavailable } from './refusal.ts'

export interface Requests {
  /** Who the server believes this connection to be, and until when. */
  whoami(): Promise<WhoamiReply>
  /** Asks for a room. After a reconnection it is asked for again only with `rejoin`. */
  join(room: string): Promise<JoinReply>
  leave(room: string): Promise<LeaveReply>
}

/** What this module asks for by itself. */
export interface InternalRequests extends Requests {
  present(payload: object): Promise<RefreshReply>
}

/** While the socket is connecting a request waits, within its deadline, as socket.io buffers it. */
export function requestsOf(socket: Socket, timeoutMs: number): InternalRequests {
  async function request<Reply>(proof: keyof Reply & string, event: string, ...args: unknown[]): Promise<Reply> {
    const reply = await answerTo(event, args)
    if (typeof reply === 'object' && reply !== null) {
      const refusal = readRefusal((reply as RefusedReply).error)
      if (refusal) throw new AuthRefusal(refusal)
      if (proof in reply) return reply as Reply
    }
    throw new AuthRefusal({ code: 'AUTH_ERROR', message: 'The answer was not understood.', retry: 'never' })
  }

  async function answerTo(event: string, args: unknown[]): Promise<unknown> {
    try {
      return await socket.timeout(timeoutMs).emitWithAck(event, ...args)
    } catch (cause) {
      throw new AuthRefusal(unavailable('The server did not answer.'), { cause })
    }
  }

  return {
    whoami: () => request<WhoamiReply>('subject', WHOAMI),
    join: (room) => request<JoinReply>('joined', JOIN, room),
    leave: (room) => request<LeaveReply>('left', LEAVE, room),
    present: (payload) => request<RefreshReply>('expiresAt', REFRESH, payload),
  }
}
