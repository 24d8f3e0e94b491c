/** The clients that presence works with, and how a script is run with one. */

import type { PresenceScript } from './redis-scripts.ts'

/**
 * A connected client of node-redis 5 and later, not of a cluster. Let it fail while there is no connection, rather than queue:
 * `disableOfflineQueue: true`. The caller listens to its errors and closes it.
 */
export interface PresenceClient {
  sendCommand(command: string[]): Promise<unknown>
}

/** Another connection of the same kind, which does nothing but subscribe. Others may subscribe with it too. */
export interface PresenceSubscriber {
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
}

/** Runs a script, sending it only to a Redis that does not know it. */
export type RunScript = (script: PresenceScript, keys: readonly string[], args: readonly string[]) => Promise<unknown>

export function scriptsOf(client: PresenceClient): RunScript {
  return async ({ lua, sha1 }, keys, args) => {
    const rest = [String(keys.length), ...keys, ...args]
    return client.sendCommand(['EVALSHA', sha1, ...rest]).catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return client.sendCommand(['EVAL', lua, ...rest])
    })
  }
}

/** Clients attach the command to their errors, and with it who is where. An error of Redis's own begins with a word in capitals. */
export function failureOf(error: unknown): Error {
  const message = error instanceof Error ? error.message : 'the client failed'
  const word = /^[A-Z]{2,}(?= |$)/.exec(message)
  return new Error(`presence: ${word === null ? message : `Redis answered ${word[0]}`}`)
}
