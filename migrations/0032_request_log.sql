-- Why: a caller who was charged, or refused, must be able to look it up by the request's id, and an operator too. What was
-- asked is never kept: no body, prompt, token, address or query. The days are partitions, so that what is older than 30 days
-- goes as a whole, without a row being deleted; the program makes them ahead. No foreign keys: the writer takes thousands of
-- rows at once, and whoever is erased takes their rows along by person_id.
create table request_log (
  -- The X-Request-Id of the answer.
  id uuid not null,
  created_at timestamptz not null,
  -- Null: nobody was signed in.
  person_id uuid,
  -- Null: it came from a session.
  api_key_id uuid,
  method text not null,
  -- The pattern of the path, never the path itself: ids in it may be others'.
  route text not null,
  status smallint not null,
  latency_micros bigint not null,
  -- Held or taken, as the answer said.
  gems bigint,
  -- What went wrong: the last part of the problem's type.
  problem text,
  generation_id uuid,
  constraint request_log_pk primary key (id, created_at)
) partition by range (created_at);
create index request_log_by_person on request_log (person_id, created_at desc, id desc);

alter table request_log enable row level security;
create policy request_log_own on request_log for select to lapidary_person
  using (person_id = (select current_person()));
grant select on request_log to lapidary_person;

-- What a request was charged outlives its row: it is read from the work itself.
create index generations_by_request on generations (request_id);
create index refinements_by_request on refinements (request_id);
