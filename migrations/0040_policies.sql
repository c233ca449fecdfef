-- Why: whoever uses the service hears of a new privacy policy or new terms and says once that they have read them; and when a
-- promise was last seen kept is known after a restart, and by every process.
create table policy_versions (
  -- Made from kind and version: the same in every installation. The text is the program's.
  id uuid constraint policy_versions_pk primary key,
  kind text not null,
  version text not null,
  -- SHA-256 of the text that people were shown.
  text_hash bytea not null,
  effective_at timestamptz not null,
  created_at timestamptz not null,
  -- Everybody up to this id has been told; a piece at a time.
  told_to uuid,
  -- Everybody has been told.
  told_at timestamptz,
  constraint policy_versions_once unique (kind, version),
  constraint policy_versions_kind_known check (kind in ('privacy', 'terms'))
);

create table policy_acknowledgements (
  person_id uuid not null constraint policy_acknowledgements_person_fk references people on delete cascade,
  -- No foreign key: what somebody has read does not depend on which process has written the list of versions by then.
  policy_id uuid not null,
  -- 'joining': with the age question; 'reading': a later version.
  way text not null,
  created_at timestamptz not null,
  constraint policy_acknowledgements_pk primary key (person_id, policy_id),
  constraint policy_acknowledgements_way_known check (way in ('joining', 'reading'))
);

-- One row for each promise, about no person.
create table promise_looks (
  id text constraint promise_looks_pk primary key,
  state text not null,
  -- What was wrong, in words; null where nothing is.
  trouble text,
  looked_at timestamptz not null,
  -- When it was last seen kept; null: never.
  kept_at timestamptz,
  constraint promise_looks_state_known check (state in ('kept', 'declared', 'stale', 'broken'))
);

-- House only: policies for nobody.
alter table policy_versions enable row level security;
alter table promise_looks enable row level security;

alter table policy_acknowledgements enable row level security;
create policy policy_acknowledgements_own on policy_acknowledgements to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
grant select, insert on policy_acknowledgements to lapidary_person;
