/** Tickets over a store of this process, and the assertion that shows none of them. */

import { inspect } from 'node:util'
import { AuthError, type AuthErrorCode, type Connect, type Handshake, type Strategy } from 'portcullis'
import { memoryTicketStore, type TicketOptions, type TicketStore, tickets } from 'portcullis/strategies/ticket'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { expect } from 'vitest'

/** A store that also says what it was asked and holds. */
export function countingStore(store: TicketStore) {
  const set: { key: string; value: string; ttlMs: number }[] = []
  const taken: string[] = []
  return {
    held: set,
    taken,
    set(key: string, value: string, ttlMs: number) {
      set.push({ key, value, ttlMs })
      return store.set(key, value, ttlMs)
    },
    take(key: string) {
      taken.push(key)
      return store.take(key)
    },
  }
}

export function over(options: Partial<TicketOptions<'ticket'>> = {}) {
  const clock = fakeClock()
  const store = countingStore(memoryTicketStore(clock))
  return { clock, store, ...tickets<unknown>({ store, clock, ...options }) }
}

export function connectWith(ticket: unknown, namespace = '/chat'): Connect {
  return { namespace, auth: { ticket } }
}

export function present(strategy: Strategy, ticket: string, handshake = handshakeOf()) {
  return strategy.authenticate(handshake, connectWith(ticket))
}

/** The error with which the strategy refuses: its code, its reason, and the ticket nowhere in its text. */
export async function refusal(
  strategy: Strategy,
  ticket: string,
  [code, reason]: readonly [AuthErrorCode, string],
  request: { readonly handshake?: Handshake; readonly connect?: Connect | null } = {},
): Promise<AuthError> {
  const { handshake = handshakeOf(), connect = connectWith(ticket) } = request
  const outcome: unknown = await strategy.authenticate(handshake, connect).catch((error: unknown) => error)
  if (!AuthError.is(outcome)) throw new Error(`not refused: ${inspect(outcome)}`)
  expect([outcome.code, outcome.reason]).toEqual([code, reason])
  const shown = `${inspect(outcome, { depth: 8, showHidden: true })}\n${JSON.stringify(outcome)}\n${outcome.stack}`
  if (ticket.length > 7) expect(shown.includes(ticket)).toBe(false)
  return outcome
}
