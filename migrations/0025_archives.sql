-- Why: many images leave as one zip, which a job makes in storage: no tab has to stay open, and no process holds it whole.
create table image_archives (
  id uuid constraint image_archives_pk primary key,
  person_id uuid not null constraint image_archives_person_fk references people on delete cascade,
  idempotency_key text,
  fingerprint bytea not null,
  request_id text not null,
  status text not null,
  -- As they were when it was asked for, newest first; one that is erased before it is written is left out.
  image_ids uuid[] not null,
  done_count integer not null default 0,
  -- Fences off an older run.
  attempt integer not null default 0,
  lease_until timestamptz,
  -- users/{person}/archives/{archive}/{attempt}.zip
  object_key text,
  -- Of the attempt that has come to no end yet, so that whoever comes next can end it.
  upload_id text,
  bytes bigint,
  failure text,
  created_at timestamptz not null,
  finished_at timestamptz,
  expires_at timestamptz,
  constraint image_archives_idempotency_unique unique (person_id, idempotency_key),
  constraint image_archives_status_known check (status in ('queued', 'running', 'ready', 'failed', 'expired')),
  constraint image_archives_lease_while_running check ((status = 'running') = (lease_until is not null)),
  constraint image_archives_ready_has_bytes check (status <> 'ready' or (object_key is not null and bytes is not null)),
  constraint image_archives_key_is_its_own check (
    object_key is null or starts_with(object_key, 'users/' || person_id::text || '/archives/' || id::text || '/')
  )
);
create index image_archives_by_person on image_archives (person_id, created_at desc, id desc);
create index image_archives_waiting on image_archives (created_at) where status in ('queued', 'running');
create index image_archives_expiring on image_archives (expires_at) where status = 'ready';
create index image_archives_remains on image_archives (id)
  where status in ('expired', 'failed') and (object_key is not null or upload_id is not null);
create index image_archives_by_object_key on image_archives (object_key);

alter table image_archives enable row level security;
create policy image_archives_own on image_archives to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
grant select, insert, update (status, expires_at, finished_at, lease_until) on image_archives to lapidary_person;
