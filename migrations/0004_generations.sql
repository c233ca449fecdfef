-- Why: the generation is its own job and its own idempotency record, queued in the transaction that holds its gems.
create table generations (
  id uuid constraint generations_pk primary key,
  person_id uuid not null constraint generations_person_fk references people on delete cascade,
  account_id uuid not null constraint generations_account_fk references gem_accounts,
  idempotency_key text not null,
  -- SHA-256 of the parsed request before defaults.
  fingerprint bytea not null,
  request_id text not null,
  status text not null,
  prompt text not null,
  composed_prompt text not null,
  attributes jsonb not null,
  model text not null,
  width integer not null,
  height integer not null,
  quality text not null,
  count integer not null,
  share_gems bigint not null,
  held_free bigint not null default 0,
  held_bought bigint not null default 0,
  captured_gems bigint not null default 0,
  catalogue_version text not null,
  -- Fences off an older run of the same generation.
  attempt integer not null default 0,
  lease_until timestamptz,
  -- Not before this; moved on by back-off.
  available_at timestamptz not null,
  cancel_requested_at timestamptz,
  failure_code text,
  model_request_id text,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  constraint generations_idempotency_unique unique (person_id, idempotency_key),
  constraint generations_status_known check (
    status in ('queued', 'running', 'succeeded', 'partly_succeeded', 'failed', 'cancelled')
  ),
  constraint generations_lease_while_running check ((status = 'running') = (lease_until is not null)),
  constraint generations_final_is_finished check ((status in ('queued', 'running')) = (finished_at is null)),
  constraint generations_captured_within_hold check (captured_gems between 0 and share_gems * count)
);
create index generations_by_person on generations (person_id, created_at desc, id desc);
create index generations_queued on generations (person_id, created_at) where status = 'queued';
create index generations_running on generations (lease_until) where status = 'running';
create index generations_running_by_person on generations (person_id) where status = 'running';

create table images (
  id uuid constraint images_pk primary key,
  generation_id uuid not null constraint images_generation_fk references generations on delete cascade,
  person_id uuid not null constraint images_person_fk references people on delete cascade,
  position integer not null,
  -- Where its objects are: users/{person}/images/{image}/{attempt}
  object_prefix text not null,
  extension text not null,
  content_type text not null,
  bytes bigint not null,
  width integer not null,
  height integer not null,
  thumbhash text not null,
  revised_prompt text,
  price_gems bigint not null,
  -- What the provider says it used, as it says it.
  usage jsonb,
  is_favourite boolean not null default false,
  created_at timestamptz not null,
  deleted_at timestamptz,
  constraint images_position_unique unique (generation_id, position)
);
create index images_by_person on images (person_id, created_at desc, id desc) where deleted_at is null;
create index images_favourite on images (person_id, created_at desc, id desc) where deleted_at is null and is_favourite;
create index images_trash on images (person_id, deleted_at desc, id desc) where deleted_at is not null;

-- What changed, for live streams: a person's ids are in the order of commit.
create table events (
  id bigint generated always as identity constraint events_pk primary key,
  person_id uuid not null constraint events_person_fk references people on delete cascade,
  kind text not null,
  subject uuid not null,
  created_at timestamptz not null default now()
);
create index events_by_person on events (person_id, id);
create index events_by_time on events (created_at);

-- The lock makes ids of one person grow in the order in which they become visible.
create function record_event(person uuid, event_kind text, event_subject uuid) returns bigint
  language plpgsql as $$
declare
  event_id bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended(person::text, 7));
  insert into events (person_id, kind, subject) values (person, event_kind, event_subject) returning id into event_id;
  return event_id;
end
$$;

alter table generations enable row level security;
alter table images enable row level security;
alter table events enable row level security;

create policy generations_own on generations to lapidary_person
  using (person_id = (select current_person()))
  with check (person_id = (select current_person()) and account_id = (select current_account()));
create policy images_own on images to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
create policy events_own on events to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));

grant select, insert,
  update (status, held_free, held_bought, finished_at, cancel_requested_at, failure_code) on generations to lapidary_person;
grant select, update (is_favourite, deleted_at) on images to lapidary_person;
grant select, insert on events to lapidary_person;
