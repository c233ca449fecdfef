-- Why: whoever may look at others and change what is theirs leaves a trace of every act, in the transaction of the act, and
-- nobody can take it back. Ids only, and the operator's own reason: it outlives the people it names.
create table audit_log (
  id uuid constraint audit_log_pk primary key,
  -- Null: somebody at the command line, who had the database's own password.
  operator_id uuid,
  act text not null,
  -- A person, a flag, a code.
  subject uuid,
  reason text,
  -- With adjust_gems: given above zero, taken below. With create_code: what it gives to each.
  gems bigint,
  -- Null at the command line.
  request_id text,
  created_at timestamptz not null,
  constraint audit_log_act_known check (
    act in ('make_operator', 'suspend', 'restore', 'adjust_gems', 'read_requests', 'close_flag', 'create_code', 'revoke_code')
  ),
  constraint audit_log_screen_has_a_request check ((operator_id is null) = (request_id is null))
);
create index audit_log_by_time on audit_log (created_at desc, id desc);
create index audit_log_by_subject on audit_log (subject, created_at desc, id desc);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_log_append_only before update or delete or truncate on audit_log
  for each statement execute function refuse_audit_change();

-- Gems that an operator gave or took: the row is the idempotency record, and the cause that the ledger refers to. It knows the
-- account and never the person, as the ledger does; the reason stands in the audit log.
create table gem_adjustments (
  id uuid constraint gem_adjustments_pk primary key,
  account_id uuid not null constraint gem_adjustments_account_fk references gem_accounts,
  -- Given above zero, taken below.
  gems bigint not null,
  operator_id uuid not null,
  idempotency_key text not null,
  -- SHA-256 of the parsed request, and of whom it is for.
  fingerprint bytea not null,
  created_at timestamptz not null,
  constraint gem_adjustments_idempotency_unique unique (operator_id, idempotency_key),
  constraint gem_adjustments_moves_something check (gems <> 0)
);
create index gem_adjustments_by_account on gem_adjustments (account_id);

-- House only: policies for nobody.
alter table audit_log enable row level security;
alter table gem_adjustments enable row level security;

-- An operator finds a person by what their provider calls them, or looks through all, newest first.
create index identities_by_subject on identities (subject);
create index people_by_time on people (created_at desc, id desc);
