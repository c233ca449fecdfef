-- Why: programs sign in with keys of their own, which do less than a person may and can be taken back one by one. What a
-- key asked for names it, so that a cap of the key is a sum over rows and never a counter.
create table api_keys (
  id uuid constraint api_keys_pk primary key,
  person_id uuid not null constraint api_keys_person_fk references people on delete cascade,
  name text not null,
  -- The first characters: whoever reads the table recognises a key and cannot use it.
  start text not null,
  -- SHA-256 of the whole key.
  key_hash bytea not null constraint api_keys_hash_unique unique,
  scopes text[] not null,
  -- Gems from one of the person's midnights to the next.
  daily_gems bigint,
  free_gems_only boolean not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  -- To the minute: written in passing, never by the request that used it.
  last_used_at timestamptz,
  revoked_at timestamptz,
  constraint api_keys_daily_gems_positive check (daily_gems > 0),
  constraint api_keys_has_scopes check (cardinality(scopes) > 0)
);
create index api_keys_by_person on api_keys (person_id, created_at desc, id desc);

-- No foreign key: a key may be forgotten, and what it asked for stays.
alter table generations add column api_key_id uuid;
alter table refinements add column api_key_id uuid;
create index generations_by_api_key on generations (api_key_id, created_at) where api_key_id is not null;
create index refinements_by_api_key on refinements (api_key_id, created_at) where api_key_id is not null;

alter table api_keys enable row level security;
create policy api_keys_own on api_keys to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
-- Keys end through the same feed as sessions.
create policy revocations_own_keys on revocations for insert to lapidary_person
  with check (exists (select from api_keys k where k.id = session_id and k.person_id = (select current_person())));

-- Nobody reads a hash but the look-up, which runs as the house.
grant
  select (id, person_id, name, start, scopes, daily_gems, free_gems_only, created_at, expires_at, last_used_at, revoked_at),
  insert, update (revoked_at)
  on api_keys to lapidary_person;
