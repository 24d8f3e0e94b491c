/** `hash-password`: for the inspector's users. */

import { hashPassword } from 'portcullis-inspector'
import { type Command, UsageError } from './command.ts'

export const HASH_PASSWORD_HELP = `portcullis-gateway hash-password < password
  Prints what stands in inspector.users[].passwordHash. Reads standard input.`

const LEAST_LENGTH = 12

export const hashPasswordCommand: Command = async (args, terminal) => {
  if (args.length > 0)
    throw new UsageError('hash-password reads standard input: a password on a command line is seen by everybody')
  const password = (await terminal.read()).replace(/\r?\n$/, '')
  if (password.length < LEAST_LENGTH) throw new UsageError(`a password has at least ${LEAST_LENGTH} characters`)
  terminal.print(await hashPassword(password))
  return 0
}
