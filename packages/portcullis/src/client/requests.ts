/** The requests that a client may make of Portcullis itself, each with an acknowledgement and a deadline. */

import type { Socket } from 'socket.io-client'
import {
  JOIN,
  type JoinReply,
  LEAVE,
  type LeaveReply,
  type RefusedReply,
  WHOAMI,
  type WhoamiReply,
} from '../protocol.ts'
import { AuthRefusal, readRefusal, unavailable } from './refusal.ts'

export interface Requests {
  /** Who the server believes this connection to be, and until when. */
  whoami(): Promise<WhoamiReply>
  /** Asks for a room. It is not asked for again after a reconnection. */
  join(room: string): Promise<JoinReply>
  leave(room: string): Promise<LeaveReply>
}

/** While the socket is connecting a request waits, within its deadline, as socket.io buffers it. */
export function requestsOf(socket: Socket, timeoutMs: number): Requests {
  async function request<Reply>(proof: keyof Reply & string, event: string, ...args: string[]): Promise<Reply> {
    const reply = await answerTo(event, args)
    if (typeof reply === 'object' && reply !== null) {
      const refusal = readRefusal((reply as RefusedReply).error)
      if (refusal) throw new AuthRefusal(refusal)
      if (proof in reply) return reply as Reply
    }
    throw new AuthRefusal({ code: 'AUTH_ERROR', message: 'The answer was not understood.', retry: 'never' })
  }

  async function answerTo(event: string, args: string[]): Promise<unknown> {
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
  }
}
