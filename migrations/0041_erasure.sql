-- Why: a person can have everything removed and know that it is gone. An erasure is a job that any process goes on with after
-- any death, and in the end a receipt that leads to nobody. What a person has is found from the catalogue, so that a table
-- which is made tomorrow is emptied, too.
create table erasures (
  id uuid constraint erasures_pk primary key,
  kind text not null,
  -- waiting until due_at, when it may be undone; then running, then finished
  status text not null,
  -- SHA-256 of the token that its person was shown once.
  token_hash bytea not null constraint erasures_token_unique unique,
  -- Whose it is, until it is finished; no foreign key, for it outlives them.
  person_id uuid,
  account_id uuid,
  -- The payment vendor's, from the moment nothing else knows it until the vendor has deleted it.
  customer text,
  step text not null,
  -- What went, by table and by kind of object.
  erased_rows jsonb not null default '{}',
  erased_objects jsonb not null default '{}',
  gems_forfeited bigint not null default 0,
  created_at timestamptz not null,
  due_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  -- Fences off an older run.
  attempt integer not null default 0,
  lease_until timestamptz,
  -- Runs that failed, and not before when the next one is.
  tries integer not null default 0,
  next_try_at timestamptz not null,
  constraint erasures_kind_known check (kind in ('account', 'images')),
  constraint erasures_status_known check (status in ('waiting', 'running', 'finished')),
  constraint erasures_finished_has_a_date check ((status = 'finished') = (finished_at is not null)),
  constraint erasures_finished_leads_to_nobody
    check (status <> 'finished' or (person_id is null and account_id is null and customer is null))
);
create unique index erasures_one_open on erasures (person_id, kind) where person_id is not null;
create index erasures_due on erasures (due_at) where finished_at is null;
create index erasures_old on erasures (finished_at) where finished_at is not null;

alter table erasures enable row level security;
create policy erasures_own on erasures for select to lapidary_person
  using (person_id = (select current_person()));
grant select (id, kind, status, person_id, step, gems_forfeited, created_at, due_at, started_at, finished_at)
  on erasures to lapidary_person;

-- When the account goes, unless that is undone: until then nothing works for it but looking, taking along and undoing.
alter table people add column closing_at timestamptz;

-- It belonged to somebody who was erased: it is empty, and what money still does to it is forfeited at once.
alter table gem_accounts add column closed_at timestamptz;

-- The trail of what operators did stays whole and append-only, but for this: of somebody who is erased it keeps neither the id
-- nor what an operator wrote about them. Only in a transaction that names whom it erases, only their rows, and only to nothing.
drop trigger audit_log_append_only on audit_log;
create trigger audit_log_append_only before delete or truncate on audit_log
  for each statement execute function refuse_audit_change();

create function refuse_audit_change_but_erasure() returns trigger language plpgsql as $$
declare
  erased constant uuid := nullif(current_setting('lapidary.erased', true), '')::uuid;
  nobody constant uuid := '00000000-0000-0000-0000-000000000000';
begin
  if erased is null
    or (new.id, new.act, new.gems, new.request_id, new.created_at)
      is distinct from (old.id, old.act, old.gems, old.request_id, old.created_at)
    or not (
      (new.operator_id is not distinct from old.operator_id and new.subject is null and new.reason is null
        and (old.subject = erased or exists (select from flags f where f.id = old.subject and f.person_id = erased)))
      or (old.operator_id = erased and new.operator_id = nobody
        and (new.subject, new.reason) is not distinct from (old.subject, old.reason))
    )
  then
    raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
  end if;
  return new;
end
$$;
create trigger audit_log_changes_only_for_erasure before update on audit_log
  for each row execute function refuse_audit_change_but_erasure();

-- Before their flags go: an act about a flag leads to whose flag it is. An operator who is erased is nobody from then on.
create function forget_in_audit_log(person uuid) returns bigint language plpgsql as $$
declare
  forgotten bigint;
begin
  perform set_config('lapidary.erased', person::text, true);
  update audit_log a set subject = null, reason = null
  where a.subject is not null
    and (a.subject = person or a.subject in (select f.id from flags f where f.person_id = person));
  get diagnostics forgotten = row_count;
  update audit_log set operator_id = '00000000-0000-0000-0000-000000000000' where operator_id = person;
  perform set_config('lapidary.erased', '', true);
  return forgotten;
end
$$;

alter table audit_log drop constraint audit_log_act_known, add constraint audit_log_act_known check (
  act in ('make_operator', 'suspend', 'restore', 'adjust_gems', 'read_requests', 'close_flag', 'create_code', 'revoke_code', 'erase')
);

-- A piece of what a person has: at most `most` rows of each table that names them in a column `person_id`, deepest first, so
-- that a row goes before what it refers to and nothing large goes along unseen. Answers how many went of which table; days of
-- the request log count as one. `kept` are the tables that are not touched yet.
create function erase_rows_of(person uuid, most integer, kept text[]) returns jsonb
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
  place record;
  gone bigint;
  erased jsonb := '{}';
begin
  for place in
    with recursive depths (relation, depth) as (
      select 'public.people'::regclass::oid, 0
      union
      select c.conrelid, d.depth + 1
      from depths d join pg_constraint c on c.confrelid = d.relation and c.contype = 'f' and c.conrelid <> c.confrelid
      where d.depth < 12
    )
    select t.oid::regclass as name, coalesce(parent.relname, t.relname)::text as told, max(d.depth) as depth
    from pg_class t
      join pg_attribute a on a.attrelid = t.oid and a.attname = 'person_id' and a.atttypid = 'uuid'::regtype
        and not a.attisdropped
      left join pg_inherits i on i.inhrelid = t.oid
      left join pg_class parent on parent.oid = i.inhparent
      left join depths d on d.relation = t.oid
    where t.relnamespace = 'public'::regnamespace and t.relkind = 'r' and t.relname <> 'erasures'
      and not coalesce(parent.relname, t.relname)::text = any(kept)
    group by t.oid, told
    order by depth desc nulls last, told, name
  loop
    execute format(
      'delete from %s where ctid = any(array(select ctid from %s where person_id = $1 limit $2 for update))',
      place.name, place.name) using person, most;
    get diagnostics gone = row_count;
    if gone > 0 then
      erased := erased || jsonb_build_object(place.told, coalesce((erased ->> place.told)::bigint, 0) + gone);
    end if;
  end loop;
  return erased;
end
$$;
revoke execute on function erase_rows_of from public;
revoke execute on function forget_in_audit_log from public;

-- {"images": 3} and {"images": 2, "presets": 1} are {"images": 5, "presets": 1}.
create function add_counts(known jsonb, more jsonb) returns jsonb language sql immutable as $$
  select known || coalesce(jsonb_object_agg(m.key, coalesce((known ->> m.key)::bigint, 0) + m.value::bigint), '{}')
  from jsonb_each_text(more) m
$$;

-- For looks at who goes and at what is theirs.
create index people_closing on people (closing_at) where closing_at is not null;
-- Without these each erasure reads whole tables.
create index collection_images_of_person on collection_images (person_id);
create index webhook_deliveries_of_person on webhook_deliveries (person_id);
create index webhook_secrets_of_person on webhook_secrets (person_id);
