/** Puts the demo into an empty database, and tells who can log in. */

import type { Accounts } from './accounts.ts'
import type { Database } from './database.ts'
import { DEMO_NEWS, DEMO_ORGANIZATIONS, DEMO_USERS, type DemoName, type DemoUser } from './demo-data.ts'
import { hashPassword, verifyPassword } from './passwords.ts'

export interface DemoLogin extends DemoUser {
  /** Null when the account is gone or has another password by now. */
  readonly password: string | null
}

/** Does nothing to a database that has users. */
export async function seedDemo(database: Database, passwords: Readonly<Record<DemoName, string>>): Promise<void> {
  if ((await database.query('select 1 from users limit 1')).length > 0) return
  const users = await Promise.all(
    DEMO_USERS.map(async (user) => ({ ...user, hash: await hashPassword(passwords[user.name]) })),
  )
  const members = DEMO_USERS.flatMap(({ name, members }) => members.map((member) => ({ name, ...member })))
  // One statement, so that a start that is killed leaves all of it or nothing.
  await database.query(
    `with
      o as (insert into organizations select * from json_to_recordset($1) as x(id text, name text) on conflict do nothing),
      u as (insert into users (name, password_hash, display, admin)
        select name, hash, display, admin from json_to_recordset($2) as x(name text, hash text, display text, admin boolean)
        on conflict do nothing returning id, name),
      m as (insert into members
        select u.id, x.organization, x.role from json_to_recordset($3) as x(name text, organization text, role text) join u using (name))
    insert into news (organization_id, title, body)
      select organization, title, body from json_to_recordset($4) as x(organization text, title text, body text)`,
    [DEMO_ORGANIZATIONS, users, members, DEMO_NEWS].map((rows) => JSON.stringify(rows)),
  )
}

/** Each password is tried first: what is printed at start works. */
export async function demoLogins(
  accounts: Accounts,
  passwords: Readonly<Record<DemoName, string>>,
): Promise<readonly DemoLogin[]> {
  return Promise.all(
    DEMO_USERS.map(async (user) => {
      const account = await accounts.findByName(user.name)
      const fits = account !== null && (await verifyPassword(passwords[user.name], account.passwordHash))
      return { ...user, password: fits ? passwords[user.name] : null }
    }),
  )
}
