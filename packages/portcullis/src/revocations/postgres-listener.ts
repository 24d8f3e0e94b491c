/** A client of the pool that listens, and another when that one is lost. */

import type { Hearing, OpenBus } from './listening.ts'
import { createJoin } from './postgres-notices.ts'

/** A client of `pg`, taken from its pool. */
export interface PostgresClient {
  query(text: string): Promise<unknown>
  on(event: 'notification' | 'error' | 'end', listener: (notice?: unknown) => void): unknown
  release(destroy?: boolean): void
}

const FIRST_DELAY_MS = 50
const MAX_DELAY_MS = 2_000

/** Rejects when the first attempt fails; later ones are repeated, less and less often, until one succeeds. */
export function postgresBus(connect: () => Promise<PostgresClient>, channel: string): OpenBus {
  return async (hearing) => {
    let closed = false
    let leave = () => {}
    let failures = 0

    async function listen(): Promise<void> {
      leave = await listenBy(await connect(), channel, hearing, again)
      if (closed) leave()
    }

    function again(): void {
      if (closed) return
      const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures) * (0.5 + 0.5 * Math.random())
      const timer = setTimeout(() => void listen().then(succeeded, failed), delayMs)
      leave = () => clearTimeout(timer)
    }

    function succeeded(): void {
      failures = 0
      if (!closed) hearing.resumed()
    }

    function failed(): void {
      failures += 1
      again()
    }

    await listen()
    return async () => {
      closed = true
      leave()
    }
  }
}

/** Returns what ends it. `lost` is called once when it ends by itself. */
async function listenBy(client: PostgresClient, channel: string, { heard }: Hearing, lost: () => void) {
  let left = false
  let listening = false
  const leave = () => {
    if (left) return
    left = true
    // Not to be used by others: it listens.
    client.release(true)
  }
  const end = () => {
    if (left) return
    leave()
    if (listening) lost()
  }
  // For good, because one without a listener ends the process.
  client.on('error', end)
  client.on('end', end)
  const take = createJoin(heard)
  client.on('notification', (notice) => {
    const { channel: from, payload = '' } = notice as { readonly channel: string; readonly payload?: string }
    if (!left && from === channel) take(payload)
  })
  try {
    await client.query(`listen "${channel}"`)
  } catch (error) {
    leave()
    throw error
  }
  if (left) throw new Error('the connection was lost')
  listening = true
  return leave
}
