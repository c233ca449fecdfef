-- Why: programs hear of what happened without asking. What is told is written in the transaction that is its cause, so
-- that nothing is told that did not happen and nothing that happened is left out; workers send it afterwards.
create table webhook_endpoints (
  id uuid constraint webhook_endpoints_pk primary key,
  person_id uuid not null constraint webhook_endpoints_person_fk references people on delete cascade,
  url text not null,
  description text not null,
  -- None: all of them.
  event_types text[] not null,
  status text not null,
  -- by_person, gone (410) or failing
  disabled_reason text,
  -- Of the first failure since anything arrived.
  failing_since timestamptz,
  -- Whoever answers slowly waits behind whoever does not.
  is_slow boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint webhook_endpoints_status_known check (status in ('enabled', 'disabled')),
  constraint webhook_endpoints_disabled_says_why check ((status = 'disabled') = (disabled_reason is not null))
);
create index webhook_endpoints_by_person on webhook_endpoints (person_id, created_at desc, id desc);

-- Beside the endpoint: a signed-in request may put one here and end it, and can never read one.
create table webhook_secrets (
  id uuid constraint webhook_secrets_pk primary key,
  endpoint_id uuid not null constraint webhook_secrets_endpoint_fk references webhook_endpoints on delete cascade,
  person_id uuid not null,
  -- By MASTER_KEY, readable only together with the endpoint's id.
  sealed bytea not null,
  created_at timestamptz not null,
  -- Replaced: it signs until then.
  expires_at timestamptz
);
create unique index webhook_secrets_current on webhook_secrets (endpoint_id) where expires_at is null;
create index webhook_secrets_by_endpoint on webhook_secrets (endpoint_id);

create table webhook_deliveries (
  -- Also the webhook-id that the receiver sees.
  id uuid constraint webhook_deliveries_pk primary key,
  endpoint_id uuid not null constraint webhook_deliveries_endpoint_fk references webhook_endpoints on delete cascade,
  person_id uuid not null,
  event_type text not null,
  subject uuid not null,
  -- Several of one type about one subject: refunds of one purchase.
  part integer not null,
  -- As it was when it happened: every attempt sends the same.
  data jsonb not null,
  status text not null,
  -- Fences off an older sending.
  attempt integer not null default 0,
  -- Attempts since it was made or asked for again.
  tries integer not null default 0,
  next_attempt_at timestamptz not null,
  -- While it is being sent.
  lease_until timestamptz,
  -- The latest attempts, [{"at", "response_status", "took_ms", "error"}], oldest first.
  attempts jsonb not null default '[]',
  created_at timestamptz not null,
  finished_at timestamptz,
  constraint webhook_deliveries_once unique (endpoint_id, event_type, subject, part),
  constraint webhook_deliveries_status_known check (status in ('pending', 'delivered', 'failed')),
  constraint webhook_deliveries_ended_is_finished check ((status = 'pending') = (finished_at is null)),
  constraint webhook_deliveries_lease_while_pending check (lease_until is null or status = 'pending')
);
create index webhook_deliveries_by_endpoint on webhook_deliveries (endpoint_id, created_at desc, id desc);
create index webhook_deliveries_waiting on webhook_deliveries (endpoint_id, next_attempt_at) where status = 'pending';
create index webhook_deliveries_running on webhook_deliveries (endpoint_id) where lease_until is not null;
create index webhook_deliveries_running_by_person on webhook_deliveries (person_id) where lease_until is not null;
create index webhook_deliveries_by_time on webhook_deliveries (created_at);

alter table webhook_endpoints enable row level security;
alter table webhook_secrets enable row level security;
alter table webhook_deliveries enable row level security;
create policy webhook_endpoints_own on webhook_endpoints to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
create policy webhook_secrets_own on webhook_secrets to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
create policy webhook_deliveries_own on webhook_deliveries to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
grant
  select, insert, delete,
  update (url, description, event_types, status, disabled_reason, failing_since, is_slow, updated_at)
  on webhook_endpoints to lapidary_person;
grant select (id, endpoint_id, person_id, created_at, expires_at), insert, delete, update (expires_at)
  on webhook_secrets to lapidary_person;
grant select, insert, update (status, tries, next_attempt_at, lease_until, finished_at)
  on webhook_deliveries to lapidary_person;

-- Made here, since what is told is written without a round trip of its own: a UUIDv7 of this time.
create function new_uuid_v7(at timestamptz) returns uuid language sql volatile as $$
  select encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
        placing substring(int8send(floor(extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6),
      52, 1), 53, 1),
    'hex')::uuid
$$;

create function wire_time(at timestamptz) returns text language sql stable as $$
  select to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- What a receiver is told: ids and facts, and neither a prompt nor a link. Names are those of the API's resources.
create function webhook_data(event_type text, event_subject uuid) returns jsonb language plpgsql volatile as $$
begin
  case event_type
    when 'generation.succeeded', 'generation.failed' then
      return (
        select jsonb_build_object(
          'id', g.id, 'status', g.status, 'model', g.model, 'quality', g.quality, 'width', g.width, 'height', g.height,
          'count', g.count, 'price_gems', g.share_gems * g.count, 'captured_gems', g.captured_gems,
          'failure_code', g.failure_code, 'request_id', g.request_id, 'created_at', wire_time(g.created_at),
          'finished_at', wire_time(g.finished_at),
          'image_ids', (select coalesce(jsonb_agg(i.id order by i.position), '[]') from images i where i.generation_id = g.id))
        from generations g where g.id = event_subject);
    when 'image.created' then
      return (
        select jsonb_build_object(
          'id', i.id, 'generation_id', i.generation_id, 'model', i.model, 'quality', i.quality, 'width', i.width,
          'height', i.height, 'bytes', i.bytes, 'content_type', i.content_type, 'price_gems', i.price_gems,
          'created_at', wire_time(i.created_at))
        from images i where i.id = event_subject);
    when 'gems.low' then
      return (select jsonb_build_object('remaining', n.gems) from notices n where n.id = event_subject);
    when 'purchase.paid', 'purchase.refunded' then
      return (
        select jsonb_build_object(
          'id', p.id, 'status', p.status, 'pack', p.pack, 'gems', p.gems, 'amount', p.amount, 'currency', p.currency,
          'credited_gems', p.credited_gems, 'clawed_back_gems', p.clawed_back_gems, 'refunded_amount', p.refunded_amount,
          'created_at', wire_time(p.created_at), 'paid_at', wire_time(p.paid_at))
        from purchases p where p.id = event_subject);
    else
      return jsonb_build_object('id', event_subject);
  end case;
end
$$;

-- One row for each endpoint that wants to hear of it, once each, and none where there is no such endpoint. The lock makes
-- whoever deletes the endpoint wait for this transaction, or this one skip the endpoint: its cause never fails for it.
create function emit_webhook(person uuid, event_type text, event_subject uuid, at timestamptz, event_part integer default 0)
  returns bigint language plpgsql as $$
declare
  told bigint;
begin
  with wanting as materialized (
    select e.id from webhook_endpoints e
    where e.person_id = person and e.status = 'enabled' and (e.event_types = '{}' or event_type = any(e.event_types))
    order by e.id for key share
  ),
  -- Looked up once, and not where nobody listens.
  facts as materialized (select webhook_data(event_type, event_subject) as data where exists (select from wanting))
  insert into webhook_deliveries
    (id, endpoint_id, person_id, event_type, subject, part, data, status, next_attempt_at, created_at)
  select new_uuid_v7(at), w.id, person, event_type, event_subject, event_part, f.data, 'pending', at, at
  from wanting w cross join facts f
  on conflict on constraint webhook_deliveries_once do nothing;
  get diagnostics told = row_count;
  return told;
end
$$;

-- A generation has ended, with its images: each is told, and how it went. Succeeded is what delivered anything.
create function emit_generation_ended(person uuid, generation uuid, at timestamptz) returns bigint
  language plpgsql as $$
declare
  made uuid[];
  image uuid;
  told bigint := 0;
begin
  if not exists (select from webhook_endpoints e where e.person_id = person and e.status = 'enabled') then
    return told;
  end if;
  made := array(select i.id from images i where i.generation_id = generation order by i.position);
  foreach image in array made loop
    told := told + emit_webhook(person, 'image.created', image, at);
  end loop;
  return told + emit_webhook(
    person, case when cardinality(made) = 0 then 'generation.failed' else 'generation.succeeded' end, generation, at);
end
$$;
