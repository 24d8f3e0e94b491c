/** Durations around leases and between nodes: defaults and checks. */

import type { LeaseSettings } from './guard.ts'

/** Between nodes that share a revocation log. Milliseconds. */
export interface ClusterLimits {
  /**
   * How long a node may go without having read the log, by its monotonic clock. Then it suspends: its sockets get and send
   * nothing, and new ones are refused with AUTH_UNAVAILABLE. Also how long a revocation waits for a node that is silent.
   * Default 5,000.
   */
  readonly maxStalenessMs: number
  /** How long sockets of a suspended node stay connected before they are closed with AUTH_UNAVAILABLE. Default 30,000. */
  readonly suspendedForMs: number
}

const LEASE: LeaseSettings = { expiringMs: 30_000, graceMs: 0, revalidateGraceMs: 60_000 }
const CLUSTER: ClusterLimits = { maxStalenessMs: 5_000, suspendedForMs: 30_000 }
/** Below this, ordinary pauses of a process would suspend it. */
const MIN_STALENESS_MS = 250
const MAX_MS = 86_400_000

/** @throws TypeError quoting the option */
export function resolveLease(given: Partial<LeaseSettings> = {}): LeaseSettings {
  return resolve('lease', LEASE, given, {})
}

/** @throws TypeError quoting the option */
export function resolveCluster(given: Partial<ClusterLimits> = {}): ClusterLimits {
  return resolve('cluster', CLUSTER, given, { maxStalenessMs: MIN_STALENESS_MS })
}

function resolve<Settings extends object>(
  option: string,
  defaults: Settings,
  given: Partial<Settings>,
  least: { readonly [Name in keyof Settings]?: number },
): Settings {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`"${option}" must be an object`)
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) throw new TypeError(`"${option}.${name}" is not an option`)
    const min = least[name as keyof Settings] ?? 0
    if (!(typeof value === 'number' && value >= min && value <= MAX_MS)) {
      throw new TypeError(`"${option}.${name}" must be a number of milliseconds from ${min} to ${MAX_MS}`)
    }
  }
  return { ...defaults, ...given }
}
