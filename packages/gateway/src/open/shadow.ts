/** The other policy of a file, which is asked beside the first and never answers. */

import type { Environment } from '../config/leaves.ts'
import { type Loaded, loadConfig } from '../config/load.ts'
import { ConfigError } from '../config/mistakes.ts'
import { type CompiledPolicies, type CompileMeans, compilePolicies } from '../policy/compile.ts'
import { checkParts } from './check-parts.ts'

/**
 * Reads and compiles the file that `shadow` names. It is a whole file of its own: its namespaces are compared, the rest of it is
 * only checked.
 *
 * @throws ConfigError
 */
export async function loadShadow(file: string, env: Environment, means: CompileMeans): Promise<CompiledPolicies> {
  const loaded = await loadAlone(file, env)
  const policies = compilePolicies(loaded, {
    ...means,
    pool: loaded.config.postgres === undefined ? null : means.pool,
    hooks: loaded.config.hooks === undefined ? null : means.hooks,
  })
  checkParts(loaded, policies)
  return policies
}

async function loadAlone(file: string, env: Environment): Promise<Loaded> {
  const loaded = await loadConfig(file, env)
  if (loaded.config.shadow === undefined) return loaded
  throw new ConfigError(loaded.mistake(['shadow'], 'stands in a file that is a shadow itself').mistakes)
}
