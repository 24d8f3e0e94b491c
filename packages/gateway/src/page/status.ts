/** The one line at the top: how the connection stands, and why. */

import type { Refusal } from 'portcullis'
import { adviceFor } from './advice.ts'
import { element } from './elements.ts'

export type State = 'offline' | 'admitted' | 'refused' | 'expired' | 'revoked'

const WORDS: Readonly<Record<State, string>> = {
  offline: 'Not connected',
  admitted: 'Admitted',
  refused: 'Refused',
  expired: 'Expired',
  revoked: 'Revoked',
}

export function showStatus(state: State, text: string, code: string | null = null): void {
  document.body.dataset.state = state
  element('status-word').textContent = WORDS[state]
  element('status-code').textContent = code ?? ''
  element('status-code').hidden = code === null
  element('status-text').textContent = text
}

export function showRefusal(refusal: Refusal, retrying: boolean): void {
  const advice = retrying ? 'Trying again by itself.' : adviceFor(refusal)
  showStatus(stateOf(refusal.code), `${refusal.message} ${advice}`, refusal.code)
}

function stateOf(code: string): State {
  if (code === 'AUTH_EXPIRED') return 'expired'
  return code === 'AUTH_REVOKED' ? 'revoked' : 'refused'
}
