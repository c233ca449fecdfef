-- Why: who listens from outside hears each time that gems become low, also where nobody has read the notice of the last time;
-- an endpoint is slow until it has answered quickly, so that new ones cannot take everybody's places; and operators leave a
-- trace of what they do to keys, and of un-making an operator.

-- As emit_webhook, of what has no row of its own to be read from. `happening` is the notice's id, where one was made.
create function emit_gems_low(person uuid, happening uuid, remaining bigint, at timestamptz) returns bigint
  language plpgsql as $$
declare
  told bigint;
begin
  with wanting as materialized (
    select e.id from webhook_endpoints e
    where e.person_id = person and e.status = 'enabled' and (e.event_types = '{}' or 'gems.low' = any(e.event_types))
    order by e.id for key share
  )
  insert into webhook_deliveries
    (id, endpoint_id, person_id, event_type, subject, part, data, status, next_attempt_at, created_at)
  select new_uuid_v7(at), w.id, person, 'gems.low', happening, 0, jsonb_build_object('remaining', remaining), 'pending', at, at
  from wanting w
  on conflict on constraint webhook_deliveries_once do nothing;
  get diagnostics told = row_count;
  return told;
end
$$;

alter table webhook_endpoints alter column is_slow set default true;

alter table audit_log drop constraint audit_log_act_known, add constraint audit_log_act_known check (
  act in ('make_operator', 'remove_operator', 'suspend', 'restore', 'adjust_gems', 'read_requests', 'close_flag', 'create_code',
    'revoke_code', 'erase', 'rotate_keys', 'forget_key')
);
