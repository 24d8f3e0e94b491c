/** Runs a command to its end, as a given user, with a clean environment. */

import { spawn } from 'node:child_process'

/** A user of this machine to run a command as. */
export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface Outcome {
  /** Null when it could not be started or a signal ended it. */
  readonly code: number | null
  readonly output: string
  /** Such as `EACCES`, when it could not be started. */
  readonly reason: string | null
}

/** No `PG…` variable of the caller, and nothing that may be a secret. */
export const CLEAN_ENV: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
  ...(process.env.SystemRoot === undefined ? {} : { SystemRoot: process.env.SystemRoot }),
}

/** The user's ids in the form that `spawn` takes; nothing when it is the current user. */
export function asUser(user: User | null): { uid?: number; gid?: number } {
  return user === null ? {} : { uid: user.uid, gid: user.gid }
}

export function run(command: string, args: readonly string[], user: User | null, input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...asUser(user), cwd: '/', env: CLEAN_ENV, windowsHide: true })
    let output = ''
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-8192)
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.stdin.on('error', () => undefined) // it ended before it read everything
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ code: null, output, reason: error.code ?? error.name }),
    )
    child.once('close', (code) => resolve({ code, output, reason: null }))
    child.stdin.end(input)
  })
}
