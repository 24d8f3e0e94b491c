-- The tables of the site, and the trigger by which the gateway hears that a membership has changed.

create table users (
  id int generated always as identity primary key,
  name text not null unique,
  password_hash text not null,
  admin boolean not null default false
);

create table organizations (
  id int generated always as identity primary key,
  name text not null unique
);

create table members (
  user_id int not null references users on delete cascade,
  organization_id int not null references organizations on delete cascade,
  role text not null check (role in ('editor', 'reader')),
  primary key (user_id, organization_id)
);

create table news (
  id int generated always as identity primary key,
  organization_id int not null references organizations on delete cascade,
  author_id int not null references users,
  title text not null,
  body text not null,
  published_at timestamptz not null default now()
);

create table seen (
  news_id int not null references news on delete cascade,
  user_id int not null references users on delete cascade,
  primary key (news_id, user_id)
);

-- What follows is what `portcullis-gateway trigger --table members --subject user_id --channel members` prints. The channel is
-- the one that portcullis.yaml names.
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
