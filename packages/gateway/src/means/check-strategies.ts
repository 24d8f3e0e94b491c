/** Strategies made without a connection, so that `check` and a reload find their mistakes. */

import type { Strategy } from 'portcullis'
import { memoryTicketStore } from 'portcullis/strategies/ticket'
import type { Loaded } from '../config/load.ts'
import { makeStrategies } from './strategies.ts'

/** @throws ConfigError naming the strategy */
export function compileStrategies({ config, mistake }: Loaded): void {
  const nothing = async (): Promise<never> => {
    throw new Error('nothing is asked while a file is checked')
  }
  const redis = {
    sendCommand: nothing,
    get: nothing,
    set: nothing,
    del: nothing,
    expire: nothing,
    scanIterator: nothing,
  }
  makeStrategies(
    config.strategies,
    config.issuer,
    {
      redis: redis as never,
      pool: { query: nothing, connect: nothing } as never,
      sessionStore: null,
      hook: () => ({ scheme: 'hook' }) as Strategy,
      ticketStore: memoryTicketStore(),
    },
    (index, message) => mistake(['strategies', index], message),
  )
}
