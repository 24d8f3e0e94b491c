/** `trigger`: the SQL that makes a table of members say what has changed in it. */

import { parseArgs } from 'node:util'
import { membershipTrigger } from 'portcullis/memberships/postgres'
import { type Command, requiredOption, UsageError } from './command.ts'

export const TRIGGER_HELP = `portcullis-gateway trigger --table [SCHEMA.]TABLE --subject COLUMN --channel CHANNEL
  Prints SQL for psql. With it, rooms from memberships.sql follow the table within moments: CHANNEL is that of
  memberships.channel, COLUMN holds the subject.`

export const trigger: Command = async (args, terminal) => {
  const { values } = parseArgs({
    args: [...args],
    options: { table: { type: 'string' }, subject: { type: 'string' }, channel: { type: 'string' } },
  })
  const parts = requiredOption(values.table, 'table').split('.')
  const [first = '', second] = parts
  if (parts.length > 2) throw new UsageError('--table is TABLE, or SCHEMA.TABLE')
  try {
    terminal.print(
      membershipTrigger({
        table: second === undefined ? first : [first, second],
        subject: requiredOption(values.subject, 'subject'),
        channel: requiredOption(values.channel, 'channel'),
      }),
    )
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error
  }
  return 0
}
