/** The event types of CAEP, RISC and Shared Signals, and which of them end authority. */

import type { JsonObject } from '../strategies/strict-json.ts'
import { own } from '../strategies/strict-json.ts'

/** `revoke`: ends the sockets of the event's subject. `ignore`: understood, and of no consequence here. */
export type EventEffect = 'revoke' | 'ignore'

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/'
/** As Shared Signals was called in its drafts. */
const SSE = 'https://schemas.openid.net/secevent/sse/event-type/'
const OAUTH = 'https://schemas.openid.net/secevent/oauth/event-type/'

const REVOKE = [
  `${CAEP}session-revoked`,
  `${CAEP}credential-change`,
  `${RISC}account-credential-change-required`,
  `${RISC}account-disabled`,
  `${RISC}account-purged`,
  `${RISC}credential-compromise`,
  `${RISC}sessions-revoked`,
  `${OAUTH}tokens-revoked`,
  `${OAUTH}token-revoked`,
]
const IGNORE = [
  `${CAEP}assurance-level-change`,
  `${CAEP}device-compliance-change`,
  `${CAEP}risk-level-change`,
  `${CAEP}session-established`,
  `${CAEP}session-presented`,
  `${CAEP}token-claims-change`,
  `${RISC}account-enabled`,
  `${RISC}identifier-changed`,
  `${RISC}identifier-recycled`,
  `${RISC}recovery-activated`,
  `${RISC}recovery-information-changed`,
  `${SSF}stream-updated`,
  `${SSE}stream-updated`,
  `${SSF}verification`,
  `${SSE}verification`,
  `${RISC}verification`,
]

const USUAL: readonly (readonly [string, EventEffect])[] = [
  ...REVOKE.map((type) => [type, 'revoke'] as const),
  ...IGNORE.map((type) => [type, 'ignore'] as const),
]

/** @throws TypeError that quotes the option */
export function effectsOf(given: Readonly<Record<string, EventEffect>>): ReadonlyMap<string, EventEffect> {
  if (typeof given !== 'object' || given === null) throw new TypeError('"events" must be an object of event types')
  const own = Object.entries(given)
  if (own.some(([, effect]) => effect !== 'revoke' && effect !== 'ignore')) {
    throw new TypeError('"events" must say "revoke" or "ignore" of each event type')
  }
  return new Map([...USUAL, ...own])
}

/** A new passkey takes nothing from whoever was logged in before. */
export function isHarmless(type: string, event: JsonObject): boolean {
  return type === `${CAEP}credential-change` && own(event, 'change_type') === 'create'
}
