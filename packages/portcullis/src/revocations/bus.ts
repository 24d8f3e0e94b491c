/** What travels on the bus of a log: wakes, which claim nothing, and messages under their seal. */

import { randomBytes } from 'node:crypto'
import type { LogListener } from '../core/revocation-log.ts'
import type { Seals } from './sealed.ts'

/** Something was appended. */
export const APPENDED = 'appended'
const APPLIED = 'applied '
const MESSAGE = 'message '
/** Of a message: so many random bytes, and characters of base64url. */
const ID_BYTES = 12
const ID_LENGTH = 16
/** Of what was applied: so many ids at once. */
const APPLIED_AT_ONCE = 100

/** Texts that tell of all ids. */
export function appliedTexts(ids: readonly string[]): readonly string[] {
  const texts: string[] = []
  for (let at = 0; at < ids.length; at += APPLIED_AT_ONCE) {
    texts.push(APPLIED + JSON.stringify(ids.slice(at, at + APPLIED_AT_ONCE)))
  }
  return texts
}

export function messageText(seals: Seals, text: string): string {
  const id = randomBytes(ID_BYTES).toString('base64url')
  return MESSAGE + id + seals.seal('message', id, text)
}

/** Tells a listener what came. What is nothing of the above is a message that carries no seal. */
export function hear(seals: Seals, listener: LogListener, heard: string): void {
  if (heard === APPENDED) {
    listener.appended()
    return
  }
  const ids = heard.startsWith(APPLIED) ? idsOf(heard.slice(APPLIED.length)) : null
  if (ids !== null) {
    for (const id of ids) listener.applied(id)
    return
  }
  const rest = heard.startsWith(MESSAGE) ? heard.slice(MESSAGE.length) : ''
  listener.message(seals.open('message', rest.slice(0, ID_LENGTH), rest.slice(ID_LENGTH)))
}

function idsOf(text: string): readonly string[] | null {
  try {
    const ids: unknown = JSON.parse(text)
    return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? ids : null
  } catch {
    return null
  }
}
