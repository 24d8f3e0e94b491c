/** `createAuth` as a configuration wants it. */

import { type Auth, type AuthOptions, createAuth, type Strategy } from 'portcullis'
import type { Config } from '../config/schema.ts'
import type { OpenMeans } from './means.ts'

/** A rule that asks the backend takes as long as the backend may, and then some. */
const BEYOND_HOOKS_MS = 1_000

/** @throws TypeError quoting the option, such as one of `limits` */
export function createGuard(
  config: Config,
  strategies: readonly Strategy[],
  { log, backend }: Pick<OpenMeans, 'log' | 'backend'>,
  { audit, onError }: Required<Pick<AuthOptions<Strategy>, 'audit' | 'onError'>>,
): Auth {
  const { hooks, nodes, limits } = config
  const { maxStalenessMs, suspendedForMs } = nodes ?? {}
  return createAuth({
    origins: config.origins,
    strategies: [...strategies],
    trustedProxies: config.trustedProxies,
    allowReferer: config.allowReferer,
    requireSecure: config.requireSecure,
    singleConnection: config.singleConnection,
    revocations: log,
    limits: { ...(hooks === undefined ? {} : { ruleTimeoutMs: hooks.timeoutMs + BEYOND_HOOKS_MS }), ...limits },
    lease: config.lease ?? {},
    cluster: {
      ...(maxStalenessMs === undefined ? {} : { maxStalenessMs }),
      ...(suspendedForMs === undefined ? {} : { suspendedForMs }),
    },
    explain: config.decisions,
    audit(event) {
      audit(event)
      // What the backend said of somebody before is not to be believed after.
      if (event.stage === 'revoke' && event.identity !== null) backend?.hooks.forget(event.identity)
    },
    onError,
  }) as Auth
}
