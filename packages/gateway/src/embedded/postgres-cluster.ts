/** PostgreSQL's data folder: made once, with one role that can log in and one database. */

import { appendFile, chown, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../start-error.ts'
import { run, type User } from './run.ts'

export const ROLE = 'gateway'
export const DATABASE = 'gateway'

export interface ClusterOptions {
  readonly bin: string
  readonly cluster: string
  readonly user: User | null
  readonly exists: boolean
  /** Hexadecimal. */
  readonly password: string
}

/**
 * Makes the cluster unless it exists, and sets the role's password. The superuser cannot log in at all, and the role is
 * none: what the gateway can do ends at its own database.
 *
 * @throws StartError
 */
export async function prepareCluster(options: ClusterOptions): Promise<void> {
  const { bin, cluster, user, password } = options
  if (!/^[0-9a-f]{64}$/.test(password)) throw new TypeError('"password" must be 64 hexadecimal digits')
  if (!options.exists) await createCluster(options)
  await singleUser(bin, cluster, user, `ALTER ROLE ${ROLE} PASSWORD '${password}';\n`)
}

/** Under another name until it is whole, so that a start that was killed half-way leaves nothing that looks like one. */
async function createCluster({ bin, cluster, user }: ClusterOptions): Promise<void> {
  const draft = `${cluster}.draft`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  if (user !== null) await chown(draft, user.uid, user.gid)
  const args = ['-D', draft, '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--auth=reject']
  const { code, output } = await run(join(bin, 'initdb'), args, user)
  if (code !== 0) {
    const why =
      output
        .trim()
        .split('\n')
        .findLast((line) => /error|fatal/i.test(line)) ?? 'no message'
    throw new StartError(
      `the embedded PostgreSQL cannot make its data folder (${why}); see to ${cluster}, or set DATABASE_URL`,
    )
  }
  await writeFile(
    join(draft, 'pg_hba.conf'),
    `local ${DATABASE} ${ROLE} scram-sha-256\nhost ${DATABASE} ${ROLE} 127.0.0.1/32 scram-sha-256\n`,
  )
  await appendFile(join(draft, 'postgresql.conf'), "password_encryption = 'scram-sha-256'\n")
  await singleUser(bin, draft, user, `CREATE ROLE ${ROLE} LOGIN;\nCREATE DATABASE ${DATABASE} OWNER ${ROLE};\n`)
  await rename(draft, cluster)
}

/** PostgreSQL's single-user mode: no password, no socket. Each line is a statement. */
async function singleUser(bin: string, cluster: string, user: User | null, statements: string): Promise<void> {
  const { code, output } = await run(join(bin, 'postgres'), ['--single', '-D', cluster, 'postgres'], user, statements)
  if (code === 0 && !/(ERROR|FATAL|PANIC):/.test(output)) return
  const why = /(?:ERROR|FATAL|PANIC): .*/.exec(output)?.[0] ?? 'no message'
  throw new StartError(
    `the embedded PostgreSQL does not accept its data in ${cluster} (${why}); restore them, or set another DATA_DIR`,
  )
}
