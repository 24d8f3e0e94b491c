/** Who the server believes this connection to be, and its lease as a bar that shrinks. */

import type { WhoamiReply } from 'portcullis'
import { element } from './elements.ts'

const REDRAW_MS = 200
/** Below this share of the lease, the bar changes its colour. */
const LATE = 0.2

let redraw: ReturnType<typeof setInterval> | undefined

export function showIdentity(who: WhoamiReply): void {
  element('identity-none').hidden = true
  element('identity').hidden = false
  element('identity-scheme').textContent = who.scheme
  element('identity-issuer').textContent = who.issuer
  element('identity-subject').textContent = who.subject
  showLease(who)
}

export function hideIdentity(): void {
  clearInterval(redraw)
  element('identity-none').hidden = false
  element('identity').hidden = true
  element('lease').hidden = true
}

/** By the server's clock: how far this browser's own is off does not matter. */
function showLease({ issuedAt, expiresAt, serverTime }: WhoamiReply): void {
  clearInterval(redraw)
  const bar = element<HTMLProgressElement>('lease-bar')
  const text = element('lease-text')
  element('lease').hidden = false
  bar.hidden = expiresAt === null
  if (expiresAt === null) {
    text.textContent = 'until it is revoked'
    return
  }
  const receivedMs = performance.now()
  const draw = () => {
    const now = serverTime + (performance.now() - receivedMs) / 1000
    const left = Math.max(0, expiresAt - now)
    bar.value = left / (expiresAt - issuedAt)
    bar.classList.toggle('late', bar.value < LATE)
    text.textContent = left === 0 ? 'has ended' : `ends in ${durationOf(left)}`
  }
  draw()
  redraw = setInterval(draw, REDRAW_MS)
}

function durationOf(seconds: number): string {
  const whole = Math.ceil(seconds)
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  if (h > 0) return `${h} h ${m} min`
  return m > 0 ? `${m} min ${s} s` : `${s} s`
}
