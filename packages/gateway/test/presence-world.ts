/** Clients of presence nodes, and what they hear; everything ends with the file. */

import { io as connectClient, type Socket } from 'socket.io-client'
import type { PresenceNotice } from '../src/presence/index.ts'
import { afterFile } from './cleanups.ts'
import type { Claimed } from './presence-node.ts'

export const afterwards = afterFile

export async function connected(url: string, namespace: string, auth: Claimed): Promise<Socket> {
  const socket = connectClient(url + namespace, {
    transports: ['websocket'],
    auth,
    forceNew: true,
    reconnection: false,
  })
  afterwards(() => socket.disconnect())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  return socket
}

/** A socket in the room that watches it; `heard` grows by `+subject` and `-subject`. */
export async function watcher(url: string, room: string, subject = 'watcher') {
  const socket = await connected(url, '/', { subject, rooms: [room] })
  const heard: string[] = []
  const notices: PresenceNotice[] = []
  for (const [event, sign] of [
    ['presence:join', '+'],
    ['presence:leave', '-'],
  ] as const) {
    socket.on(event, (notice: PresenceNotice) => {
      notices.push(notice)
      // Itself it hears or not, as it happens to be told before or after it has begun to watch.
      if (notice.subject !== subject) heard.push(sign + notice.subject)
    })
  }
  if ((await socket.emitWithAck('watch', room)) !== true) throw new Error('it may not watch')
  return { socket, heard, notices }
}

export async function until(condition: () => boolean | Promise<boolean>, deadlineMs = 12_000): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not come about in time')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
