-- Why: a provider that does not deliver is asked by one at a time, and every process knows within a second. One row for
-- each provider that failed lately; none in ordinary times, so a success writes nothing.
create table providers (
  -- Scheme, host and port of the models' base URL.
  origin text constraint providers_pk primary key,
  -- Calls without an answer, one after the other.
  failures integer not null,
  -- Nobody asks before this; null while it still counts.
  paused_until timestamptz,
  since timestamptz,
  -- The failure that people read about.
  code text,
  -- Somebody asks it once, and nobody else before this.
  probing_until timestamptz,
  updated_at timestamptz not null,
  constraint providers_failures_not_negative check (failures >= 0),
  constraint providers_paused_whole check (
    (paused_until is null) = (since is null) and (paused_until is null) = (code is null)
    and (probing_until is null or paused_until is not null)
  )
);
alter table providers enable row level security;

-- Who waits longest, over everyone: what a dead provider holds up is looked for by time.
create index generations_waiting on generations (created_at) where status = 'queued';
-- How long pictures took lately: the estimate reads the newest of them and nothing else of the table.
create index generations_succeeded on generations (finished_at) include (model, quality, started_at)
  where status = 'succeeded';
