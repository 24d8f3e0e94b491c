/** The user that PostgreSQL runs as when the gateway runs as root: PostgreSQL refuses to run as root. */

import { readFile } from 'node:fs/promises'
import { run, type User } from './run.ts'

/** Null when this process is not root, so that no other user is needed or possible. */
export async function findUnprivilegedUser(): Promise<User | null> {
  if (process.getuid?.() !== 0) return null
  const known = parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''))
  return known.get('postgres') ?? known.get('nobody') ?? { name: 'nobody', uid: 65_534, gid: 65_534 }
}

/** May the user use this path: `x` to pass through a folder or run a file, `w` to write? */
export async function userMay(user: User | null, path: string, what: 'x' | 'w'): Promise<boolean> {
  if (user === null) return true
  return (await run('/bin/sh', ['-c', `test -${what} "$1"`, 'sh', path], user)).code === 0
}

function parsePasswd(text: string): ReadonlyMap<string, User> {
  const users = new Map<string, User>()
  for (const line of text.split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (name !== undefined && uid !== undefined && gid !== undefined && Number(uid) > 0) {
      users.set(name, { name, uid: Number(uid), gid: Number(gid) })
    }
  }
  return users
}
