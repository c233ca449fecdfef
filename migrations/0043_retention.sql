-- Why: each job that removes what its time is over for leaves a trace that people can read: one row a kind and day, with the
-- day's counts, so that a job may run every few minutes and the table stays small. And what is kept for years can go after them.
alter table sweep_runs
  -- UTC. Null where each run has a row of its own.
  add column day date,
  -- When a run failed last: it moves no finished_at, so that what goes on failing becomes stale.
  add column failed_at timestamptz,
  -- Of the sweep of objects: previews among what it deleted.
  add column deleted_previews bigint not null default 0;
create unique index sweep_runs_once_a_day on sweep_runs (kind, day) where day is not null;
create index sweep_runs_by_time on sweep_runs (started_at);

-- Seven years of acts are kept, as the books are that some of them change; what is older may go, and nothing else. Each row that
-- is deleted is judged by itself.
create or replace function refuse_audit_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    if tg_level = 'STATEMENT' then
      return null;
    end if;
    if old.created_at < now() - interval '7 years' then
      return old;
    end if;
  end if;
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_log_kept_for_years before delete on audit_log
  for each row execute function refuse_audit_change();

-- What the jobs look for.
create index purchases_by_time on purchases (created_at);
create index share_links_ended on share_links (least(revoked_at, expires_at)) where revoked_at is not null or expires_at is not null;
create index notices_read on notices (read_at) where read_at is not null;
create index reference_images_deleted on reference_images (deleted_at) where deleted_at is not null;
create index reference_images_brought on reference_images (created_at) where deleted_at is null and (is_mask or is_passing);
