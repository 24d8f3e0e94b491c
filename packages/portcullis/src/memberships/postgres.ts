/** Memberships that stand in a table of Postgres, and change when its rows do. */

import type { Clock } from '../core/clock.ts'
import type { Identity } from '../core/identity.ts'
import { type Reconciler, type ReconcileTarget, readTarget } from '../core/reconciliation.ts'
import { AuthError } from '../errors.ts'
import { createBatch, type Row } from './postgres-batch.ts'
import { createListener } from './postgres-listener.ts'
import { type PostgresMembershipsOptions, settingsOf } from './postgres-options.ts'
import { codeOf, failureOf, withTimeout } from './postgres-timeout.ts'

export type { PostgresClient } from './postgres-listener.ts'
export type {
  MembershipRow,
  MembershipStatement,
  PostgresMembershipsOptions,
  PostgresPool,
} from './postgres-options.ts'
export { type MembershipTriggerOptions, membershipTrigger } from './postgres-trigger.ts'

/** A source of memberships. Both are functions of their own: they may be taken apart. */
export interface PostgresMemberships {
  /**
   * The `memberships` of a policy. Identities that are asked for in one turn of the event loop share a query; nothing is kept, and no
   * answer that is on its way is shared. Those of an issuer that is not among `issuer` hold nothing.
   *
   * Rejects with AuthError AUTH_UNAVAILABLE when the database fails or is slow; with TypeError for rows without `subject` or a room.
   */
  memberships(identity: Identity): Promise<readonly string[]>
  /**
   * Listens to the channel, and reconciles on this node whoever is named there. When it begins to listen, when the connection was
   * lost, and after each vain attempt to have another, everybody is reconciled, at most once a second: while nothing can be
   * heard, rooms are some 5 s old at most, and where nothing can be asked either, sockets are closed at the end of
   * `lease.revalidateGraceMs`.
   *
   * Every node listens for itself. Resolves once it does, with what ends it, which is to be called before the pool ends; rejects
   * when the first attempt fails.
   */
  listen(auth: Reconciler): Promise<() => Promise<void>>
}

/** SQLSTATE class 22, data exception: a key that the column's type cannot hold, say. */
const DATA_EXCEPTION = /^22/
const EVERYONE_EVERY_MS = 1_000

/**
 * Rooms from rows: a query for `memberships`, and a channel that says whose rows have changed. `membershipTrigger()` writes the SQL that
 * makes a table say so.
 *
 * The query must go to the primary: a replica may not yet have the change that it is asked about. A pooler between must keep
 * sessions, for LISTEN.
 *
 * @throws TypeError quoting the option that is wrong
 * @example
 * const members = postgresMemberships({
 *   pool,
 *   issuer: 'https://id.example',
 *   query: `select user_id as subject, 'org:' || org_id as room from members where user_id = any($1)`,
 *   channel: 'members',
 * })
 * auth.protect(io.of('/chat'), { events: {}, memberships: members.memberships })
 * const stop = await members.listen(auth)
 *
 * @see https://www.postgresql.org/docs/current/sql-listen.html; subpath `portcullis/memberships/postgres`
 */
export function postgresMemberships<I extends Identity = Identity>(
  options: PostgresMembershipsOptions<I>,
): PostgresMemberships {
  const { pool, query, issuers, key, room, channel, targetOf, queryTimeoutMs, checkEveryMs, onError, clock } =
    settingsOf(options)

  const lookUp = createBatch({
    async ask(keys) {
      const statement = { text: query, values: [keys] as [readonly string[]], query_timeout: queryTimeoutMs }
      const { rows } = await withTimeout(pool.query(statement), queryTimeoutMs, clock)
      return rows as readonly Row[]
    },
    keyOf,
    blamesKey: (error) => DATA_EXCEPTION.test(codeOf(error)),
  })

  async function rowsOf(subject: string): Promise<readonly Row[]> {
    try {
      return await lookUp(subject)
    } catch (error) {
      if (error instanceof TypeError) throw error
      throw new AuthError('AUTH_UNAVAILABLE', { reason: 'database_failed', cause: failureOf(error) })
    }
  }

  return {
    async memberships(identity) {
      if (!issuers.includes(identity.issuer)) return []
      const subject = key(identity as I)
      if (subject === null) return []
      if (typeof subject !== 'string') throw new TypeError('"key" must give a string, or null for nobody')
      return [...new Set((await rowsOf(subject)).map((row) => checkedRoom(room(row))))]
    },
    async listen(auth) {
      if (typeof auth?.reconcile !== 'function') throw new TypeError('listen: pass what createAuth() gave')
      const reconcile = (target: ReconcileTarget) => {
        auth.reconcile(target, { thisNodeOnly: true }).catch(onError)
      }
      const everyone = atMostEvery(EVERYONE_EVERY_MS, clock, () => reconcile({ everyone: true }))
      const stop = await createListener({
        connect: () => pool.connect(),
        channel,
        timeoutMs: queryTimeoutMs,
        checkEveryMs,
        clock,
        heard(payload) {
          try {
            const targets = [targetOf(payload) ?? []].flat()
            if (targets.some((target) => readTarget(target) === null)) {
              throw new TypeError('"targetOf" must give targets of auth.reconcile, or null')
            }
            for (const target of targets) {
              if ('everyone' in target) everyone.run()
              else reconcile(target)
            }
          } catch (error) {
            // Something has changed, and nobody knows for whom.
            onError(error)
            everyone.run()
          }
        },
        listening: everyone.run,
        deaf(error) {
          onError(failureOf(error))
          everyone.run()
        },
      }).catch((error) => {
        throw failureOf(error)
      })
      return async () => {
        everyone.cancel()
        await stop()
      }
    },
  }
}

function keyOf({ subject }: Row): string {
  const sound = typeof subject === 'string' || typeof subject === 'bigint' || Number.isSafeInteger(subject)
  if (!sound) throw new TypeError('"query" must give a column "subject" of strings or whole numbers')
  return String(subject)
}

function checkedRoom(room: unknown): string {
  if (typeof room === 'string' && room !== '') return room
  throw new TypeError('"query" must give a column "room" of non-empty strings, or "room" make one of each row')
}

/** Runs at once, and for what comes within the interval once more at its end. */
function atMostEvery(intervalMs: number, clock: Clock, run: () => void) {
  let cancel: (() => void) | null = null
  let again = false

  function pass(): void {
    if (cancel !== null) {
      again = true
      return
    }
    cancel = clock.setTimer(() => {
      cancel = null
      if (!again) return
      again = false
      pass()
    }, intervalMs)
    run()
  }

  return {
    run: pass,
    cancel: () => cancel?.(),
  }
}
