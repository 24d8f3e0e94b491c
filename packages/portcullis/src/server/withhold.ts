/** Hiding a socket whose authority cannot be shown at the moment: it stays connected, and nothing reaches it. */

import { hide, mute, show, unmute } from './hidden.ts'
import type { Entry, Withheld } from './registry.ts'

/**
 * Hides a connected socket, and drops what the application sends to it directly. Rooms and grants stay, and come into force
 * again with `restore`. Reasons add up.
 */
export function withhold(entry: Entry, reason: Withheld): void {
  const { socket } = entry
  if (entry.state !== 'connected') return
  if (reason === 'expired') entry.lapsed = true
  if (entry.withheld !== null) {
    entry.withheld.add(reason)
    return
  }
  entry.withheld = new Set([reason])
  hide(socket)
  mute(socket)
}

/** Takes one reason away; the last one gone, the socket is there again. False when it cannot be, since its namespace is gone. */
export function restore(entry: Entry, reason: Withheld): boolean {
  const { socket, withheld } = entry
  // What has ended, and is about to be closed, is not shown once more.
  if (!withheld?.delete(reason) || withheld.size > 0 || entry.ended !== null) return true
  entry.withheld = null
  unmute(socket)
  return show(socket)
}
