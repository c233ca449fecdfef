-- Why: a refinement is paid work like a generation: a row with a hold and a lease, so that a lost process gives the gems back.
create table refinements (
  id uuid constraint refinements_pk primary key,
  person_id uuid not null constraint refinements_person_fk references people on delete cascade,
  account_id uuid not null constraint refinements_account_fk references gem_accounts,
  idempotency_key text not null,
  -- SHA-256 of the parsed request before defaults.
  fingerprint bytea not null,
  request_id text not null,
  status text not null,
  prompt text not null,
  attributes jsonb not null,
  -- Names of sections that it was told not to repeat.
  seen_sections jsonb not null,
  price_gems bigint not null,
  held_free bigint not null,
  held_bought bigint not null,
  captured_gems bigint not null default 0,
  -- What was delivered: [{"name", "values"}].
  sections jsonb,
  failure_code text,
  model_request_id text,
  -- What the provider says it used, as it says it.
  usage jsonb,
  lease_until timestamptz,
  created_at timestamptz not null,
  finished_at timestamptz,
  constraint refinements_idempotency_unique unique (person_id, idempotency_key),
  constraint refinements_status_known check (status in ('running', 'succeeded', 'failed')),
  constraint refinements_lease_while_running check ((status = 'running') = (lease_until is not null)),
  constraint refinements_final_is_finished check ((status = 'running') = (finished_at is null)),
  constraint refinements_delivered_is_paid check (
    (status = 'succeeded') = (sections is not null)
    and captured_gems = case status when 'succeeded' then price_gems else 0 end
  )
);
create index refinements_by_person on refinements (person_id, created_at desc, id desc);
create index refinements_running on refinements (lease_until) where status = 'running';

-- Attributes that a person likes together, under a name.
create table presets (
  id uuid constraint presets_pk primary key,
  person_id uuid not null constraint presets_person_fk references people on delete cascade,
  name text not null,
  attributes jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index presets_name_unique on presets (person_id, lower(name));

alter table refinements enable row level security;
alter table presets enable row level security;

create policy refinements_own on refinements to lapidary_person
  using (person_id = (select current_person()))
  with check (person_id = (select current_person()) and account_id = (select current_account()));
create policy presets_own on presets to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));

grant select, insert on refinements to lapidary_person;
grant select, insert, update (name, attributes, updated_at), delete on presets to lapidary_person;
