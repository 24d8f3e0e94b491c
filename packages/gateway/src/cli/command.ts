/** What a command of the CLI is given, and how it ends. */

import type { Environment } from '../config/leaves.ts'

/** Where a command reads and writes. */
export interface Terminal {
  readonly env: Environment
  /** Standard output. */
  print(text: string): void
  /** Standard error. */
  complain(text: string): void
  /** All of standard input, which is at most 64 KiB. */
  read(): Promise<string>
}

/** A command that was given something wrong. Its message is printed, and the process exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Resolves with the exit code: 0, 1 for a refusal or mistake that was found. @throws UsageError, StartError, ConfigError */
export type Command = (args: readonly string[], terminal: Terminal) => Promise<number>

/** One option of the command line that has to be there. @throws UsageError */
export function requiredOption(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new UsageError(`--${name} is required`)
  return value
}

/** JSON from the command line. @throws UsageError */
export function jsonOption(text: string | undefined, name: string): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`--${name} must be JSON`)
  }
}
