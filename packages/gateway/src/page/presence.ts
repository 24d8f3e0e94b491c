/** Who else is in the rooms of this connection, beside each room's name. */

import type { Socket } from 'socket.io-client'
import { element, withText } from './elements.ts'

interface Member {
  readonly issuer: string
  readonly subject: string
}

interface Notice extends Member {
  readonly room: string
}

const present = new Map<string, Set<string>>()

/** Listens from now on; what is shown follows `presence:join` and `presence:leave`. */
export function followPresence(socket: Socket): void {
  socket.on('presence:join', ({ room, ...member }: Notice) => show(room, (who) => who.add(nameOf(member))))
  socket.on('presence:leave', ({ room, ...member }: Notice) => show(room, (who) => who.delete(nameOf(member))))
}

/** Shows the rooms, and asks who is there; a room whose members may not be seen stands alone. */
export async function showRooms(socket: Socket, rooms: readonly string[]): Promise<void> {
  present.clear()
  element('rooms').replaceChildren(
    ...rooms.map((room) => {
      const item = withText('li', room)
      item.dataset.room = room
      return item
    }),
  )
  await Promise.all(
    rooms.map(async (room) => {
      const { members } = (await socket.timeout(5_000).emitWithAck('presence:watch', room)) as { members?: Member[] }
      if (members !== undefined) show(room, (who) => members.forEach((member) => void who.add(nameOf(member))))
    }),
  ).catch(() => undefined) // the connection was lost: the next one asks again
}

function show(room: string, change: (who: Set<string>) => unknown): void {
  const who = present.get(room) ?? new Set()
  present.set(room, who)
  change(who)
  const item = [...element('rooms').children].find((each) => (each as HTMLElement).dataset.room === room)
  if (!(item instanceof HTMLElement)) return
  item.replaceChildren(room, withText('small', ` ${who.size} here`))
  item.title = `subjects ${[...who].join(', ')}`
}

function nameOf({ subject }: Member): string {
  return subject
}
