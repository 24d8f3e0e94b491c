/** The policy in force and the strategies with it: made whole, swapped whole. */

import type { Auth, ShadowDifference, Strategy } from 'portcullis'
import type { Environment } from '../config/leaves.ts'
import { besideConfig, type Loaded } from '../config/load.ts'
import { makeStrategies, type Strategies } from '../means/strategies.ts'
import { type CompiledPolicies, type CompileMeans, compilePolicies } from '../policy/compile.ts'
import type { OpenMeans } from './means.ts'
import { loadShadow } from './shadow.ts'

/** Everything of a file that a reload replaces. */
export interface Ruling {
  readonly loaded: Loaded
  readonly strategies: readonly Strategy[]
  readonly tickets: Strategies['tickets']
  readonly policies: CompiledPolicies
  /** Null where the file names none. */
  readonly shadow: CompiledPolicies | null
}

/** @throws ConfigError with file, line and option */
export async function makeRuling(
  loaded: Loaded,
  env: Environment,
  means: OpenMeans,
  onError: (error: unknown, where: string) => void,
): Promise<Ruling> {
  const { config, mistake } = loaded
  const { backend, pool, redis, sessionStore, ticketStore } = means
  const { strategies, tickets } = makeStrategies(
    config.strategies,
    config.issuer,
    {
      redis: redis?.client ?? null,
      pool,
      sessionStore,
      ticketStore,
      hook: backend === null ? null : (strategy, issuer) => backend.strategy(strategy, issuer),
    },
    (index, message) => mistake(['strategies', index], message),
  )
  const compileMeans: CompileMeans = {
    pool,
    hooks: backend === null ? null : { rule: backend.rule, memberships: backend.memberships },
    onError,
  }
  return {
    loaded,
    strategies,
    tickets,
    policies: compilePolicies(loaded, compileMeans),
    shadow:
      config.shadow === undefined ? null : await loadShadow(besideConfig(loaded, config.shadow), env, compileMeans),
  }
}

/** What of the file can only be changed by a restart. */
const FIXED = [
  'listen',
  'redis',
  'postgres',
  'nodes',
  'hooks',
  'trustedProxies',
  'requireSecure',
  'allowReferer',
  'limits',
  'lease',
  'recovery',
  'singleConnection',
  'emitters',
  'control',
  'inspector',
  'logs',
  'decisions',
  'drain',
] as const

/** @throws ConfigError for an option that is not what the gateway was started with */
export function refuseFixed(before: Loaded, after: Loaded): void {
  for (const option of FIXED) {
    if (JSON.stringify(before.config[option]) !== JSON.stringify(after.config[option])) {
      throw after.mistake(
        [option],
        'has changed, and needs a restart: a reload takes strategies, origins, namespaces and shadow',
      )
    }
  }
}

/** Has the shadow's policies asked beside those in force, and no others. */
export function putInShadow(
  auth: Auth,
  namespaceOf: (name: string) => Parameters<Auth['protect']>[0],
  { policies, shadow }: Ruling,
  onDifference: (difference: ShadowDifference) => void,
): void {
  for (const name of policies.namespaces.keys()) {
    const policy = shadow?.namespaces.get(name)?.policy
    auth.shadow(namespaceOf(name), policy === undefined ? null : { policy: policy as never, onDifference })
  }
}
