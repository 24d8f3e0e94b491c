/** What Postgres does for the log: each method of it is one statement, and so one transaction. */

import type { Names } from './postgres-tables.ts'

export interface Statements {
  /** $1 id, $2 sealed text, $3 expiresAt, $4 mark, $5 channel, $6 what to notify there. */
  readonly append: string
  /**
   * $1 node, $2 maxStalenessMs, $3 and $4 the reader's place, null to read from the start, $5 ids applied, $6 how many sockets each
   * closed, $7 ids awaited, $8 channel, $9 what to notify there. One text, JSON: `SyncAnswer`.
   */
  readonly sync: string
  /** $1 node. */
  readonly leave: string
  /** $1 channel, $2 texts. */
  readonly notify: string
}

/** `sync` did not see its own heartbeat, so `nodes` are the others; the one
 * without a name is no node, but says since when there are any. Entries: place, id, sealed text. Applied: id, node, closed. */
export interface SyncAnswer {
  readonly known: boolean
  readonly more: boolean
  readonly entries: readonly (readonly [string, string, string])[]
  readonly nodes: readonly (readonly [node: string, ageMs: number, maxStalenessMs: number])[]
  readonly age: number
  readonly applied: readonly (readonly [string, string, number])[]
}

const KEPT = `interval '10 minutes'`

/** Of a database that acknowledges what it may lose, only these transactions are waited for until they are on disk. */
const DURABLE = `case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', true) end`

/**
 * An entry's place is `seq-mark`: `seq` counts, and `mark` is random. After a loss of data a number is given again, and a place
 * never; so a reader whose place is missing, or is taken by another, has read what the log has lost.
 */
export function statementsOf({ entries, counter, nodes, applied }: Names): Statements {
  return {
    // The row of the counter is locked until others see the entry, and read only then: nobody sees 5 before 4. A sequence would not do:
    // it does not wait, and a copy of the tables may lack it. The newest is never forgotten: it is given its time just now.
    append: `
with counted as (
  insert into ${counter} as counter (last) values (1)
  on conflict (single) do update set last = counter.last + 1
  returning last, ${DURABLE}
),
inserted as (
  insert into ${entries} (seq, mark, id, text, kept_until)
  select last, $4::bigint, $1::text, $2::text, greatest(to_timestamp($3::double precision), now()) + ${KEPT} from counted
  on conflict (id) do nothing
  returning seq
),
ended as (
  delete from ${entries} where exists (select from inserted) and seq in (
    select seq from ${entries} where kept_until <= now() order by kept_until limit 100 for update skip locked
  )
)
select pg_notify($5::text, $6::text) from inserted`,

    // A place that is missing was forgotten, and not lost, when it is the one that this reader was last given, others come after it,
    // and none has its number: a loss of data takes the note of what was given too, and an entry stays long enough for
    // every reader that is still known.
    sync: `
with durable as materialized (select ${DURABLE}),
next as (select seq, mark from ${entries} where seq >= $3::bigint order by seq limit 1),
place as materialized (
  select $3::bigint is null or exists (
    select from next where (seq = $3::bigint and mark = $4::bigint) or (
      seq > $3::bigint and exists (
        select from ${nodes}
        where node = $1::text and given = $3::bigint || '-' || $4::bigint and seen_at > now() - ${KEPT}
      )
    )
  ) as known
),
found as materialized (
  select seq, mark, id, text from ${entries}
  where seq > (select case when known then coalesce($3::bigint, 0) else 0 end from place)
  order by seq limit 1001
),
page as materialized (select * from found order by seq limit 1000),
given as materialized (
  select coalesce(
    (select seq || '-' || mark from page order by seq desc limit 1),
    (select $3::bigint || '-' || $4::bigint from place where known),
    ''
  ) as place
),
beat as (
  insert into ${nodes} as known_nodes (node, seen_at, max_staleness_ms, given)
  select $1::text, now(), $2::double precision, place from given, durable
  on conflict (node) do update
  set seen_at = excluded.seen_at, max_staleness_ms = excluded.max_staleness_ms, given = excluded.given
),
born as (
  insert into ${nodes} (node, seen_at, max_staleness_ms, given)
  select '', now(), 0, '' where not exists (select from ${nodes} where node = '')
  on conflict (node) do nothing
),
silent as (
  delete from ${nodes} where node in (
    select node from ${nodes} where seen_at <= now() - ${KEPT} and node not in ($1::text, '') for update skip locked
  )
),
done as materialized (select distinct on (id) id, closed from unnest($5::text[], $6::integer[]) as each (id, closed)),
acknowledged as (
  insert into ${applied} (id, node, closed, applied_at) select id, $1::text, closed, now() from done
  on conflict (id, node) do update set closed = excluded.closed, applied_at = excluded.applied_at
),
forgotten as (
  delete from ${applied} where (id, node) in (
    select id, node from ${applied} where applied_at <= now() - ${KEPT} and node <> $1::text
    order by applied_at limit 1000 for update skip locked
  )
),
notified as materialized (select pg_notify($8::text, each) from unnest($9::text[]) as each)
select json_build_object(
  'known', (select known from place),
  'more', (select count(*) > 1000 from found),
  'entries', (select coalesce(json_agg(json_build_array(seq || '-' || mark, id, text) order by seq), '[]') from page),
  'nodes', (
    select coalesce(json_agg(json_build_array(
      node, greatest(0, extract(epoch from now() - seen_at) * 1000)::double precision, max_staleness_ms
    )), '[]')
    from ${nodes} where node not in ($1::text, '') and seen_at > now() - ${KEPT}
  ),
  'age', (
    select coalesce(greatest(0, extract(epoch from now() - min(seen_at)) * 1000)::double precision, 0)
    from ${nodes} where node = ''
  ),
  'applied', (
    select coalesce(json_agg(json_build_array(id, node, closed)), '[]') from (
      select id, node, closed from ${applied}
      where id = any($7::text[]) and not (node = $1::text and id = any($5::text[]))
      union all
      select id, $1::text, closed from done where id = any($7::text[])
    ) as counts
  ),
  'notified', (select count(*) from notified)
)::text as answer`,
    leave: `delete from ${nodes} where node = $1::text`,
    notify: `select pg_notify($1::text, each) from unnest($2::text[]) as each`,
  }
}
