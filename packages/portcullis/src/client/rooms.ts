/** The rooms that were asked for on one connection, to be asked for again on the next. */

import type { LeftNotice } from '../protocol.ts'
import type { AuthRefusal } from './refusal.ts'
import type { Requests } from './requests.ts'

export interface Rooms extends Pick<Requests, 'join' | 'leave'> {
  /** A new connection stands, and remembers nothing. */
  rejoin(): void
  /** The server took the client out of these. */
  lost(rooms: unknown): void
}

/** `onLeft` hears of a room that could not be joined again; with `retry: 'backoff'` the next connection tries again. */
export function rememberedRooms({ join, leave }: Requests, onLeft: (notice: LeftNotice) => void): Rooms {
  const held = new Set<string>()

  function rejoinOne(room: string): void {
    join(room).catch(({ code, message, retry }: AuthRefusal) => {
      if (retry !== 'backoff') held.delete(room)
      onLeft({ code, message, retry, room })
    })
  }

  return {
    async join(room) {
      const reply = await join(room)
      held.add(room)
      return reply
    },
    leave(room) {
      held.delete(room)
      return leave(room)
    },
    rejoin() {
      for (const room of held) rejoinOne(room)
    },
    lost(rooms) {
      if (Array.isArray(rooms)) for (const room of rooms) held.delete(room)
    },
  }
}
