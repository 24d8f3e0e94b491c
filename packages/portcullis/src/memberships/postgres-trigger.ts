/** SQL that makes a table tell of its changes. */

import { knownOptions } from '../option-checks.ts'

/** Options of `membershipTrigger`; all are required. */
export interface MembershipTriggerOptions {
  /** The table of memberships, or its schema and the table. */
  readonly table: string | readonly [schema: string, table: string]
  /** The column that says whose membership a row is. */
  readonly subject: string
  /** The channel of NOTIFY, as in `postgresMemberships({ channel })`. At most 63 bytes. */
  readonly channel: string
}

const OPTIONS = new Set(['table', 'subject', 'channel'])
/** NAMEDATALEN of PostgreSQL, less one. Longer identifiers would be cut, and no longer be what was written. */
const MAX_NAME_BYTES = 63

/**
 * The text of a function and two triggers, for a migration: whoever inserts, updates, deletes or truncates rows of the table notifies
 * the channel with the subjects concerned when the transaction commits, each once. A truncated table, and a subject of more than 7,000
 * bytes, notify of everybody. It may be run again.
 *
 * Subjects are notified of as `to_jsonb` writes the column: text and uuid as they are, whole numbers in digits. Anybody who
 * may connect to the database may notify the channel too, and cause no more than a look at the table.
 *
 * @throws TypeError quoting the option that is wrong
 * @example await pool.query(membershipTrigger({ table: 'members', subject: 'user_id', channel: 'members' }))
 * @see https://www.postgresql.org/docs/current/sql-notify.html
 */
export function membershipTrigger(options: MembershipTriggerOptions): string {
  knownOptions(options, OPTIONS, 'membershipTrigger')
  const names = [options.table].flat()
  if (names.length === 0 || names.length > 2) throw new TypeError('"table" must be a table, or a schema and a table')
  const table = names.map((name) => identifier(name, 'table')).join('.')
  const fn = [...names.slice(0, -1), 'portcullis_notify_members'].map((name) => identifier(name, 'table')).join('.')
  const [channel, column] = [literal(options.channel, 'channel'), literal(options.subject, 'subject')]
  return `create or replace function ${fn}() returns trigger language plpgsql set search_path = pg_catalog as $portcullis$
declare
  old_subject text := case when tg_op in ('UPDATE', 'DELETE') then to_jsonb(old) ->> tg_argv[1] end;
  new_subject text := case when tg_op in ('UPDATE', 'INSERT') then to_jsonb(new) ->> tg_argv[1] end;
begin
  if tg_op = 'TRUNCATE' then
    perform pg_notify(tg_argv[0], '');
  end if;
  if old_subject is not null then
    perform pg_notify(tg_argv[0], case when octet_length(old_subject) > 7000 then '' else old_subject end);
  end if;
  if new_subject is not null then
    perform pg_notify(tg_argv[0], case when octet_length(new_subject) > 7000 then '' else new_subject end);
  end if;
  return null;
end
$portcullis$;
drop trigger if exists portcullis_members_row on ${table};
create trigger portcullis_members_row after insert or update or delete on ${table}
  for each row execute function ${fn}(${channel}, ${column});
drop trigger if exists portcullis_members_truncate on ${table};
create trigger portcullis_members_truncate after truncate on ${table}
  for each statement execute function ${fn}(${channel}, ${column});
`
}

/** In double quotes: PostgreSQL documentation, section 4.1.1. @throws TypeError */
export function identifier(value: unknown, option: string): string {
  return `"${checkedName(value, option).replaceAll('"', '""')}"`
}

/** In single quotes, which must not depend on `standard_conforming_strings`. @throws TypeError */
function literal(value: unknown, option: string): string {
  const text = checkedName(value, option)
  if (text.includes('\\')) throw new TypeError(`"${option}" must not contain a backslash`)
  return `'${text.replaceAll("'", "''")}'`
}

function checkedName(value: unknown, option: string): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0') || Buffer.byteLength(value) > MAX_NAME_BYTES) {
    throw new TypeError(`"${option}" must be of 1 to ${MAX_NAME_BYTES} bytes, without a NUL`)
  }
  return value
}
