/** A client of the pool that listens to a channel, is asked now and then whether it still does, and is replaced when not. */

import type { Clock } from '../core/clock.ts'
import { withTimeout } from './postgres-timeout.ts'
import { identifier } from './postgres-trigger.ts'

/** A client of `pg`, taken from its pool. */
export interface PostgresClient {
  query(text: string): Promise<unknown>
  on(event: 'notification' | 'error' | 'end', listener: (notice?: unknown) => void): unknown
  release(destroy?: boolean): void
}

export interface ListenerOptions {
  readonly connect: () => Promise<PostgresClient>
  readonly channel: string
  /** How long Postgres has to answer. Milliseconds. */
  readonly timeoutMs: number
  /** How often it is asked. Milliseconds. */
  readonly checkEveryMs: number
  readonly clock: Clock
  readonly heard: (payload: string) => void
  /** From now on everything is heard; before, anything may have been said. */
  readonly listening: () => void
  /** The connection was lost, or another attempt to have one has failed. */
  readonly deaf: (error: unknown) => void
}

const FIRST_DELAY_MS = 50
const MAX_DELAY_MS = 5_000

/** Resolves with what ends it, once it listens. Rejects when the first attempt fails; later ones are repeated. */
export async function createListener(options: ListenerOptions): Promise<() => Promise<void>> {
  const { clock } = options
  let closed = false
  let leave = () => {}
  let failures = 0

  async function listen(): Promise<void> {
    const left = await listenBy(options, lost)
    if (closed) {
      left()
      return
    }
    leave = left
    failures = 0
    options.listening()
  }

  function lost(error: unknown): void {
    if (closed) return
    options.deaf(error)
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures) * (0.5 + 0.5 * Math.random())
    failures += 1
    leave = clock.setTimer(() => void listen().catch(lost), Math.ceil(delayMs))
  }

  await listen()
  return async () => {
    closed = true
    leave()
  }
}

/** Returns what ends it. `lost` is called once when it ends by itself. */
async function listenBy(options: ListenerOptions, lost: (error: unknown) => void): Promise<() => void> {
  const { clock, channel, timeoutMs, checkEveryMs } = options
  const client = await connectInTime(options)
  let state: 'starting' | 'listening' | 'left' = 'starting'
  let cancelCheck = () => {}

  function leave(): void {
    if (state === 'left') return
    state = 'left'
    cancelCheck()
    // Not to be used by others: it listens.
    client.release(true)
  }

  function end(error?: unknown): void {
    const was = state
    leave()
    if (was === 'listening') lost(error ?? new Error('the connection that listens was closed'))
  }

  function check(): void {
    cancelCheck = clock.setTimer(() => {
      withTimeout(client.query('select 1'), timeoutMs, clock).then(() => state === 'listening' && check(), end)
    }, checkEveryMs)
  }

  // For good, because one without a listener ends the process.
  client.on('error', end)
  client.on('end', end)
  client.on('notification', (notice) => {
    const { channel: from, payload = '' } = notice as { readonly channel: string; readonly payload?: string }
    if (state !== 'left' && from === channel) options.heard(payload)
  })
  try {
    await withTimeout(client.query(`listen ${identifier(channel, 'channel')}`), timeoutMs, clock)
  } catch (error) {
    leave()
    throw error
  }
  if (hasLeft()) throw new Error('the connection was lost')
  state = 'listening'
  check()
  return leave

  function hasLeft(): boolean {
    return state === 'left'
  }
}

/** A client that comes too late goes back. */
async function connectInTime({ connect, timeoutMs, clock }: ListenerOptions): Promise<PostgresClient> {
  const connecting = connect()
  try {
    return await withTimeout(connecting, timeoutMs, clock)
  } catch (error) {
    connecting.then(
      (client) => client.release(true),
      () => {},
    )
    throw error
  }
}
