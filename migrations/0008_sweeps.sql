-- Why: what is lost by a crash is found again by jobs that look at everything, a piece at a time, and leave a dated trace.
create table sweep_runs (
  id uuid constraint sweep_runs_pk primary key,
  kind text not null,
  is_dry_run boolean not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  -- Only the process that holds it goes on; another takes over when it ended.
  lease_until timestamptz,
  -- Where the next piece begins: the last key seen and, where the bucket keeps versions, its version.
  cursor_key text,
  cursor_version text,
  seen bigint not null default 0,
  deleted bigint not null default 0,
  failed bigint not null default 0,
  -- Objects whose shape no version of the program made.
  unknown bigint not null default 0,
  -- Objects that rows know and storage does not have: reported, and the rows stay.
  missing bigint not null default 0
);
create unique index sweep_runs_one_open on sweep_runs (kind) where finished_at is null;
create index sweep_runs_by_kind on sweep_runs (kind, started_at desc);

-- House only: a policy for nobody.
alter table sweep_runs enable row level security;

-- A page of keys is looked up in both directions: by prefix, in the order in which storage lists.
create index images_by_object_prefix on images (object_prefix collate "C");

-- An object that cannot be deleted must not keep the next ones waiting.
alter table images add column erase_tried_at timestamptz;

-- Attempts that ended because a process stopped: they count for fencing, not for the budget.
alter table generations add column forgiven_attempts integer not null default 0;
