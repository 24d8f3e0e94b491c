/** The tables. Every statement may run again at each start. */

export const SCHEMA = `
create table if not exists users (
  id bigint generated always as identity primary key,
  name text not null unique,
  password_hash text not null,
  display text not null,
  admin boolean not null default false,
  -- Sessions and tokens issued before this moment are dead.
  revoked_at timestamptz
);
create table if not exists organizations (
  id text primary key check (id ~ '^[A-Za-z0-9_-]{1,64}$'),
  name text not null
);
create table if not exists members (
  user_id bigint not null references users on delete cascade,
  organization_id text not null references organizations on delete cascade,
  role text not null check (role in ('editor', 'reader')),
  primary key (user_id, organization_id)
);
create table if not exists oauth_access_tokens (
  access_token text primary key,
  user_id bigint not null references users on delete cascade,
  client_id text not null,
  expires timestamptz not null,
  scope text
);
create table if not exists news (
  id bigint generated always as identity primary key,
  organization_id text not null references organizations on delete cascade,
  title text not null,
  body text not null,
  author_id bigint references users on delete set null,
  created_at timestamptz not null default now()
);
create index if not exists news_by_organization on news (organization_id, id desc);
`

/** Fails with SQLSTATE 42703 where a table of that name exists already and is another one. */
export const SCHEMA_CHECK = `
select u.id, u.name, u.password_hash, u.display, u.admin, u.revoked_at, o.id, o.name, m.role,
  t.access_token, t.client_id, t.expires, t.scope, n.id, n.title, n.body, n.author_id, n.created_at
from users u, organizations o, members m, oauth_access_tokens t, news n
where m.user_id = u.id and t.user_id = u.id and m.organization_id = o.id and n.organization_id = o.id
limit 0
`
