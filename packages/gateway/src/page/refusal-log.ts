/** The list of everything that was refused: when, what, with which code, and what to do. */

import type { Refusal } from 'portcullis'
import { adviceFor } from './advice.ts'
import { element, timeOf, withText } from './elements.ts'

const MAX_ENTRIES = 50

/** Newest first. `retrying`: the client is already at it. */
export function logRefusal(what: string, refusal: Refusal, retrying = false): void {
  const entry = document.createElement('li')
  const line = document.createElement('p')
  line.append(`${what}: `, withText('code', refusal.code), ` ${refusal.message}`)
  const advice = retrying ? 'Trying again by itself.' : adviceFor(refusal)
  entry.append(line, withText('small', `${timeOf(Date.now() / 1000)} · retry: ${refusal.retry} · ${advice}`))
  const log = element('log')
  log.prepend(entry)
  for (const old of [...log.children].slice(MAX_ENTRIES)) old.remove()
  element('log-none').hidden = true
}
