/** The policy in force, and replacing it while the gateway runs. */

import type { Auth, Reloaded } from 'portcullis'
import type { Environment } from '../config/leaves.ts'
import { type Loaded, loadConfig } from '../config/load.ts'
import type { Logs } from '../operations/logs.ts'
import { checkLoaded } from './check-loaded.ts'
import type { OpenMeans } from './means.ts'
import { makeRuling, type Ruling, refuseFixed } from './policies.ts'

/** What a reload reads and changes. */
export interface Reloading {
  /** What the gateway was started with. */
  readonly first: Loaded
  readonly ruling: Ruling
  readonly env: Environment
  readonly means: OpenMeans
  readonly auth: Auth
  readonly logs: Logs
  /** Puts another ruling in force for what the gateway itself does with events and rooms. */
  readonly put: (ruling: Ruling) => void
  /** After everybody has been judged. */
  readonly shade: () => void
}

export interface Reloader {
  /** One after another. @throws ConfigError; nothing has changed then */
  reload(): Promise<Reloaded>
  /** Follows memberships no more. */
  close(): Promise<void>
}

/** Follows the changes of memberships from now on. */
export async function createReloader(reloading: Reloading): Promise<Reloader> {
  const { first, env, means, auth, logs, put, shade } = reloading
  let { ruling } = reloading
  let stopListening = await ruling.policies.listen(auth)
  let last: Promise<unknown> = Promise.resolve()

  async function reload(): Promise<Reloaded> {
    const next = await loadConfig(first.file, env, means.sessionStore !== null)
    refuseFixed(first, next)
    checkLoaded(next)
    const made = await makeRuling(next, env, means, logs.error)
    const stopNext = await made.policies.listen(auth)
    const before = ruling
    let outcome: Reloaded
    try {
      const judging = auth.reload({
        strategies: made.strategies,
        origins: next.config.origins,
        policies: [...made.policies.namespaces].map(([name, { policy }]) => [name, policy as never] as const),
        replaceAll: true,
      })
      // From the tick of the swap on, events go where the new file says.
      put(made)
      outcome = await judging
    } catch (error) {
      put(before)
      await stopNext()
      throw error
    }
    // In force from here on: what follows cannot take it back.
    ruling = made
    const stopBefore = stopListening
    stopListening = stopNext
    shade()
    await stopBefore()
    logs.info({ reloaded: outcome }, 'reloaded')
    return outcome
  }

  return {
    reload() {
      const next = last.then(reload, reload)
      last = next.catch(() => undefined)
      return next
    },
    async close() {
      await last
      await stopListening()
    },
  }
}
