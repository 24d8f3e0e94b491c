/** The whole policy of a file: every namespace compiled, or the first mistake with its line. */

import type { Identity, Reconciler } from 'portcullis'
import { pusherRule, pusherSigner } from 'portcullis/channels/pusher'
import { postgresMemberships } from 'portcullis/memberships/postgres'
import { blame } from '../config/blame.ts'
import type { Loaded } from '../config/load.ts'
import type { DatabasePool } from '../means/postgres.ts'
import type { AnyRule, Place } from './any-rule.ts'
import { ConditionMistake } from './condition-rule.ts'
import { type NamespacePolicy, namespacePolicy, type Permission } from './namespace-policy.ts'

/** What rules ask beyond the file. */
export interface CompileMeans {
  /** Null when the file has no `postgres`; one that was not reached yet will do. */
  readonly pool: DatabasePool | null
  readonly hooks: {
    rule(place: Place): AnyRule
    memberships(identity: Identity, namespace: string): Promise<readonly string[]>
  } | null
  readonly onError: (error: unknown, where: string) => void
}

/** The policy of a file. */
export interface CompiledPolicies {
  readonly namespaces: ReadonlyMap<string, NamespacePolicy>
  /** Who may do what, in the order of the file. */
  readonly permissions: readonly Permission[]
  /** Follows the changes of memberships that come from the database. Resolves, once it hears them, with what ends it. */
  listen(auth: Reconciler): Promise<() => Promise<void>>
}

/** @throws ConfigError with file, line and option */
export function compilePolicies({ config, mistake }: Loaded, means: CompileMeans): CompiledPolicies {
  const sources = new Map<string, ReturnType<typeof postgresMemberships>>()
  const signed = blame({ mistake }, ['signing'], () => signedRule(config.signing?.pusher), {
    keys: ['signing', 'pusher'],
  })
  const namespaces = new Map<string, NamespacePolicy>()
  for (const [name, namespace] of Object.entries(config.namespaces)) {
    try {
      const { memberships } = namespace
      if (memberships !== undefined && 'sql' in memberships && means.pool !== null) {
        const { pool } = means
        const at = ['namespaces', name, 'memberships'] as const
        const make = () =>
          postgresMemberships({
            pool: pool as never,
            issuer: memberships.issuer ?? config.issuer ?? '',
            query: memberships.sql,
            channel: memberships.channel,
            onError: (error) => means.onError(error, `memberships of ${name}`),
          })
        const source = blame({ mistake }, at, make, { query: [...at, 'sql'] })
        sources.set(name, source)
      }
      const compiled = namespacePolicy(name, namespace, {
        pool: means.pool,
        signed,
        hook: means.hooks === null ? null : means.hooks.rule,
        hookMemberships: means.hooks === null ? null : means.hooks.memberships,
        sqlMemberships: (of) => sources.get(of)?.memberships ?? null,
      })
      namespaces.set(name, compiled)
    } catch (error) {
      if (error instanceof ConditionMistake) throw mistake(['namespaces', name, ...error.path], error.message)
      if (error instanceof TypeError) throw mistake(['namespaces', name], error.message)
      throw error
    }
  }
  return {
    namespaces,
    permissions: [...namespaces.values()].flatMap(({ permissions }) => permissions),
    async listen(auth) {
      const stops: (() => Promise<void>)[] = []
      const stop = async () => {
        await Promise.allSettled(stops.splice(0).map((each) => each()))
      }
      try {
        for (const source of sources.values()) stops.push(await source.listen(auth))
      } catch (error) {
        await stop()
        throw error
      }
      return stop
    },
  }
}

function signedRule(keys: readonly { readonly key: string; readonly secret: string }[] | undefined): AnyRule | null {
  if (keys === undefined) return null
  return pusherRule(pusherSigner({ keys: [...keys] })) as unknown as AnyRule
}
