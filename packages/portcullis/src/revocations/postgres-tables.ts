/** The tables of the log, as SQL. */

/** Names as SQL writes them. */
export interface Names {
  readonly entries: string
  readonly counter: string
  readonly nodes: string
  readonly applied: string
  /** Of NOTIFY and LISTEN; not quoted. */
  readonly channel: string
}

/** With `_`, so that nothing has to be quoted anywhere; short, because Postgres cuts longer names. */
const PREFIX = /^(?:[a-z_][a-z0-9_]{0,30}\.)?[a-z_][a-z0-9_]{0,29}$/

/** @throws TypeError */
export function namesOf(prefix: unknown): Names {
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    throw new TypeError('"prefix" must be of a-z, 0-9 and _, at most 30, after a schema and a dot if need be')
  }
  const quoted = (name: string) =>
    `${prefix}${name}`
      .split('.')
      .map((part) => `"${part}"`)
      .join('.')
  return {
    entries: quoted('revocations'),
    counter: quoted('revocation_counter'),
    nodes: quoted('revocation_nodes'),
    applied: quoted('revocation_applied'),
    channel: `${prefix}revocations`,
  }
}

/**
 * What creates the tables that are not there, for a migration. It may be run again, and by several at once. Who uses the log needs
 * `select`, `insert`, `update` and `delete` on all of them.
 *
 * @param prefix the option of `postgres()`. Default `portcullis_`
 * @throws TypeError when the prefix is none
 */
export function revocationTables(prefix = 'portcullis_'): string {
  const { entries, counter, nodes, applied, channel } = namesOf(prefix)
  const index = (name: string) => `"${prefix.split('.').at(-1)}${name}"`
  return `-- Of two that create a table at once, one would fail, although it asks whether it exists.
select pg_advisory_xact_lock(hashtextextended('${channel} tables', 0));
create table if not exists ${entries} (
  seq bigint primary key,
  mark bigint not null,
  id text not null unique,
  text text not null,
  kept_until timestamptz not null
);
create index if not exists ${index('revocations_kept_until')} on ${entries} (kept_until);
create table if not exists ${counter} (
  single boolean primary key default true check (single),
  last bigint not null
) with (fillfactor = 50);
create table if not exists ${nodes} (
  node text primary key,
  seen_at timestamptz not null,
  max_staleness_ms double precision not null,
  given text not null
) with (fillfactor = 50);
create table if not exists ${applied} (
  id text not null,
  node text not null,
  closed integer not null,
  applied_at timestamptz not null,
  primary key (id, node)
);
create index if not exists ${index('revocation_applied_at')} on ${applied} (applied_at);
`
}
