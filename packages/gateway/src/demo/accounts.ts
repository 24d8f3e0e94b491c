/** Accounts: who exists, with which password hash, in which organizations. */

import type { Database } from './database.ts'

export type Role = 'editor' | 'reader'

export interface Membership {
  readonly id: string
  readonly role: Role
}

export interface Account {
  /** The subject of the identity. */
  readonly id: string
  readonly name: string
  readonly display: string
  readonly admin: boolean
  readonly organizations: readonly Membership[]
  /** Epoch seconds; sessions and tokens issued before it are dead. Null: none were ended. */
  readonly revokedAt: number | null
}

export interface Accounts {
  /** With the password's hash. */
  findByName(name: string): Promise<(Account & { readonly passwordHash: string }) | null>
  findById(id: string): Promise<Account | null>
  /** Remembers that everything issued before `at` (epoch seconds) is dead. Never moves backwards. */
  markRevoked(id: string, at: number): Promise<void>
  /** Whose sessions and tokens were ended after `since` (epoch seconds). */
  revokedSince(since: number): Promise<readonly { readonly id: string; readonly revokedAt: number }[]>
}

const ACCOUNT = `
select u.id::text, u.name, u.display, u.admin, extract(epoch from u.revoked_at)::float8 as "revokedAt",
  coalesce((select json_agg(json_build_object('id', m.organization_id, 'role', m.role) order by m.organization_id)
    from members m where m.user_id = u.id), '[]') as organizations`

export function createAccounts(database: Database): Accounts {
  return {
    async findByName(name) {
      const sql = `${ACCOUNT}, u.password_hash as "passwordHash" from users u where u.name = $1`
      return (await database.query<Account & { passwordHash: string }>(sql, [name]))[0] ?? null
    },
    async findById(id) {
      if (!/^\d{1,18}$/.test(id)) return null
      return (await database.query<Account>(`${ACCOUNT} from users u where u.id = $1`, [id]))[0] ?? null
    },
    async markRevoked(id, at) {
      const sql = 'update users set revoked_at = greatest(revoked_at, to_timestamp($2)) where id = $1'
      await database.query(sql, [id, at])
    },
    async revokedSince(since) {
      const sql = `select id::text, extract(epoch from revoked_at)::float8 as "revokedAt" from users where revoked_at > to_timestamp($1)`
      return database.query(sql, [since])
    },
  }
}

/** The role in one organization, or null for somebody who is not a member. */
export function roleIn(who: Pick<Account, 'organizations'>, organization: string): Role | null {
  return who.organizations.find(({ id }) => id === organization)?.role ?? null
}
