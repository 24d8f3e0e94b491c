/** The server's time, as well as this page knows it, and a beat for what shows it. */

import { signal } from '@preact/signals'

/** How far the server's clock is ahead of ours. Seconds. */
let offsetSeconds = 0
const own = () => Date.now() / 1000

/** The server's time in epoch seconds, once a second. */
export const now = signal(own())

/** Takes the time that came with an answer. */
export function learnNow(serverNow: unknown): void {
  if (typeof serverNow !== 'number') return
  const offset = serverNow - own()
  // Less than that is the way from there to here.
  if (Math.abs(offset - offsetSeconds) > 1) offsetSeconds = offset
}

setInterval(() => {
  if (!document.hidden) now.value = own() + offsetSeconds
}, 1_000)
