-- What portcullis.yaml asks for: who is in which organization, and a trigger that says whose rows have changed.
create table if not exists members (
  user_id bigint not null,
  organization_id text not null,
  primary key (user_id, organization_id)
);
create or replace function "portcullis_notify_members"() returns trigger language plpgsql set search_path = pg_catalog as $portcullis$
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
drop trigger if exists portcullis_members_row on "members";
create trigger portcullis_members_row after insert or update or delete on "members"
  for each row execute function "portcullis_notify_members"('members', 'user_id');
drop trigger if exists portcullis_members_truncate on "members";
create trigger portcullis_members_truncate after truncate on "members"
  for each statement execute function "portcullis_notify_members"('members', 'user_id');

