/** Everything of a file that can be checked without a connection. */

import type { Strategy } from 'portcullis'
import { memoryTicketStore } from 'portcullis/strategies/ticket'
import type { Environment } from '../config/leaves.ts'
import { besideConfig, type Loaded } from '../config/load.ts'
import { makeStrategies, type StrategyMeans } from '../means/strategies.ts'
import { type CompileMeans, compilePolicies } from '../policy/compile.ts'
import type { Permission } from '../policy/namespace-policy.ts'
import { checkParts } from './check-parts.ts'
import { loadShadow } from './shadow.ts'

/** Who may do what, by a file that is whole and valid. @throws ConfigError */
export function checkLoaded(loaded: Loaded): readonly Permission[] {
  const { config, mistake } = loaded
  makeStrategies(config.strategies, config.issuer, UNREACHED_STORES, (index, message) =>
    mistake(['strategies', index], message),
  )
  const policies = compilePolicies(loaded, {
    ...UNREACHED,
    pool: config.postgres === undefined ? null : UNREACHED.pool,
    hooks: config.hooks === undefined ? null : UNREACHED.hooks,
  })
  checkParts(loaded, policies)
  return policies.permissions
}

/** The file that `shadow` names, where there is one. @throws ConfigError */
export async function checkShadow(loaded: Loaded, env: Environment): Promise<void> {
  const { shadow } = loaded.config
  if (shadow !== undefined) await loadShadow(besideConfig(loaded, shadow), env, UNREACHED)
}

async function never(): Promise<never> {
  throw new Error('nothing is asked while a file is checked')
}

/** Rules are compiled over what is not there, and never asked. */
const UNREACHED: CompileMeans = {
  pool: { query: never, connect: never } as never,
  hooks: { rule: () => never, memberships: never },
  onError: () => undefined,
}

const UNREACHED_STORES: StrategyMeans = {
  redis: { sendCommand: never, get: never, set: never, del: never, expire: never, scanIterator: never } as never,
  pool: UNREACHED.pool,
  sessionStore: null,
  hook: () => ({ scheme: 'hook' }) as Strategy,
  ticketStore: memoryTicketStore(),
}
