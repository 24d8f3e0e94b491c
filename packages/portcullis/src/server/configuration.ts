/** What a reload may replace besides policies: the strategies and origins of a guard, and what follows from them. */

import { readsConnect } from '../core/authenticate.ts'
import type { CredentialSource } from '../core/handshake.ts'
import type { Strategy } from '../core/strategy.ts'
import { type CheckOrigin, createCheckOrigin, type Origins } from './origin.ts'
import { createRedaction, type Redaction } from './redact.ts'
import { requireRevalidation } from './revalidation-ask.ts'

/** Never changed: another takes its place as a whole. */
export interface Configuration {
  readonly strategies: readonly Strategy[]
  readonly origins: Origins
  readonly checkOrigin: CheckOrigin
  readonly redaction: Redaction
  /** Every place that a strategy of this process has ever read a credential from. */
  readonly sources: readonly CredentialSource[]
  /** Whether a credential may come in the CONNECT packet, so that the handshake cannot decide alone. */
  readonly readsConnect: boolean
  /** The longest-lived credential of this process so far; decides how long a revocation is remembered. */
  readonly maxLifetimeSeconds: number
}

export interface Configurable {
  readonly strategies: readonly Strategy[]
  readonly origins: Origins
  readonly allowReferer: boolean
}

/**
 * What a client still sends to a strategy that is gone is taken out of logs as before, and a revocation outlives what
 * other nodes, which may not have reloaded yet, still accept: both follow from `former` too.
 *
 * @throws TypeError quoting "strategies", "origins" or "allowReferer"
 */
export function configure(
  { strategies, origins, allowReferer }: Configurable,
  former: Configuration | null,
): Configuration {
  requireStrategies(strategies)
  const hasAmbientCredential = strategies.some(({ from }) => from.some((source) => source.ambient))
  const sources = distinct([...(former?.sources ?? []), ...strategies.flatMap(({ from }) => from)])
  return {
    strategies: [...strategies],
    origins: Array.isArray(origins) ? [...origins] : origins,
    checkOrigin: createCheckOrigin({ origins, allowReferer, hasAmbientCredential }),
    redaction: createRedaction(sources),
    sources,
    readsConnect: readsConnect(strategies),
    maxLifetimeSeconds: Math.max(
      former?.maxLifetimeSeconds ?? 0,
      ...strategies.map((strategy) => strategy.maxLifetimeSeconds),
    ),
  }
}

/** @throws TypeError quoting "strategies" */
export function requireStrategies(strategies: unknown): asserts strategies is readonly Strategy[] {
  if (!Array.isArray(strategies) || strategies.length === 0)
    throw new TypeError('"strategies" must be a non-empty array')
  for (const [i, strategy] of (strategies as readonly Partial<Strategy>[]).entries()) {
    const sound =
      typeof strategy?.authenticate === 'function' &&
      typeof strategy.scheme === 'string' &&
      Array.isArray(strategy.from) &&
      (strategy.issuers === undefined || Array.isArray(strategy.issuers)) &&
      Number.isFinite(strategy.maxLifetimeSeconds)
    if (!sound) throw new TypeError(`"strategies[${i}]" must be a strategy, such as jwt({ … })`)
    requireRevalidation(strategy as Strategy, `strategies[${i}]`)
  }
}

/** Each time they are configured, since whoever reads a log may not have read the configuration. */
export function warnOfQuery(strategies: readonly Strategy[]): void {
  const sources = strategies.flatMap(({ from }) => from.filter((source) => source.in === 'query'))
  if (sources.length === 0) return
  const names = sources.map(({ name }) => JSON.stringify(name)).join(', ')
  process.emitWarning(`credentials are read from the query (${names}): whatever logs URLs logs them`, {
    type: 'SecurityWarning',
    code: 'PORTCULLIS_QUERY_CREDENTIAL',
  })
}

function distinct(sources: readonly CredentialSource[]): readonly CredentialSource[] {
  return [...new Map(sources.map((source) => [`${source.in}:${source.name}`, source])).values()]
}
