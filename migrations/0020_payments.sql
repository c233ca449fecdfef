-- Why: gems are bought. A purchase is written before the vendor hears of it, names the account and never the person, and
-- says how far the ledger has followed its money: whatever reading comes next posts the difference only.
create table purchases (
  id uuid constraint purchases_pk primary key,
  account_id uuid not null constraint purchases_account_fk references gem_accounts,
  idempotency_key text not null,
  fingerprint bytea not null,
  request_id text not null,
  pack text not null,
  gems bigint not null,
  -- In the currency's smallest unit.
  amount bigint not null,
  currency text not null,
  catalogue_version text not null,
  status text not null default 'open',
  -- The vendor's ids, as far as they are known.
  checkout_session text,
  payment_intent text,
  -- What the ledger has posted for it.
  credited_gems bigint not null default 0,
  clawed_back_gems bigint not null default 0,
  -- Postings so far: each is a part of its own in the ledger.
  parts integer not null default 0,
  -- The money as it was last read, in the smallest unit of what was charged.
  charged_amount bigint not null default 0,
  refunded_amount bigint not null default 0,
  disputed_amount bigint not null default 0,
  lost_disputes integer not null default 0,
  billing_email text,
  -- Why a person has to look at it: it is not credited, or not clawed back, until then.
  trouble text,
  -- Readings of the vendor begun and posted: an older one never undoes a newer.
  reading integer not null default 0,
  posted_reading integer not null default 0,
  created_at timestamptz not null,
  paid_at timestamptz,
  read_at timestamptz,
  constraint purchases_idempotency_unique unique (account_id, idempotency_key),
  constraint purchases_checkout_session_unique unique (checkout_session),
  constraint purchases_payment_intent_unique unique (payment_intent),
  constraint purchases_status_known check (status in ('open', 'pending', 'paid', 'failed', 'expired')),
  constraint purchases_gems_positive check (gems > 0 and amount > 0),
  constraint purchases_credited_all_or_nothing check (credited_gems in (0, gems)),
  constraint purchases_clawed_back_within_credited check (clawed_back_gems between 0 and credited_gems),
  constraint purchases_paid_is_credited_or_in_trouble
    check (status <> 'paid' or credited_gems = gems or trouble is not null)
);
create index purchases_by_account on purchases (account_id, created_at desc, id desc);
create index purchases_unfinished on purchases (created_at) where status in ('open', 'pending');
create index purchases_by_reading on purchases (read_at) where status = 'paid';

-- The vendor's customer of an account: made once, found again at the next purchase.
create table payment_customers (
  account_id uuid constraint payment_customers_pk primary key
    constraint payment_customers_account_fk references gem_accounts,
  customer text not null constraint payment_customers_customer_unique unique,
  created_at timestamptz not null
);

-- What the vendor told us, once each, written in the transaction that posts it.
create table payment_events (
  id text constraint payment_events_pk primary key,
  kind text not null,
  purchase_id uuid constraint payment_events_purchase_fk references purchases,
  -- webhook, or reconcile when it had not come by itself
  heard_by text not null,
  created_at timestamptz not null,
  received_at timestamptz not null
);
create index payment_events_by_purchase on payment_events (purchase_id);
create index payment_events_by_time on payment_events (received_at);

-- One row a run of the reconcile job: what it read and what it mended.
create table reconcile_runs (
  id uuid constraint reconcile_runs_pk primary key,
  started_at timestamptz not null,
  finished_at timestamptz,
  -- Events up to here have been read.
  events_until timestamptz,
  events_read integer not null default 0,
  purchases_read integer not null default 0,
  mended integer not null default 0,
  failures integer not null default 0
);
create index reconcile_runs_by_time on reconcile_runs (started_at desc);

-- One purchase is posted in parts: 30 %, another 30 %, the rest.
alter table gem_transfers
  add column part integer not null default 0,
  drop constraint gem_transfers_once,
  add constraint gem_transfers_once unique (kind, reference, debit, credit, part);

-- Debt is bought gems that are gone and were spent: beside it there are none left.
alter table gem_accounts
  add constraint gem_accounts_debt_only_without_bought check (debt = 0 or bought = 0),
  -- What a person lets themselves spend; read where gems are held, under the same lock.
  add column daily_cap bigint,
  add column monthly_cap bigint,
  add column time_zone text,
  add constraint gem_accounts_caps_positive check (daily_cap > 0 and monthly_cap > 0),
  add constraint gem_accounts_caps_have_a_zone check (time_zone is not null or num_nonnulls(daily_cap, monthly_cap) = 0);

-- When a date begins where its clock shows `midnight` twice (the first of the two) or not at all (when the clock is put on).
create function first_moment(midnight timestamp, zone text) returns timestamptz
  language sql stable parallel safe
  return case
    when (((midnight at time zone zone) - interval '1 hour') at time zone zone)::date = midnight::date
      then (midnight at time zone zone) - interval '1 hour'
    else midnight at time zone zone
  end;

-- A release of bought gems settles debt too.
grant update (debt, daily_cap, monthly_cap, time_zone) on gem_accounts to lapidary_person;

alter table purchases enable row level security;
alter table payment_customers enable row level security;
alter table payment_events enable row level security;
alter table reconcile_runs enable row level security;

create policy purchases_own on purchases to lapidary_person
  using (account_id = (select current_account())) with check (account_id = (select current_account()));
create policy payment_customers_own on payment_customers to lapidary_person
  using (account_id = (select current_account())) with check (account_id = (select current_account()));

-- Gems are credited by the house alone: a person may begin a purchase and name its payment page.
grant select, insert (id, account_id, idempotency_key, fingerprint, request_id, pack, gems, amount, currency,
  catalogue_version, created_at), update (checkout_session) on purchases to lapidary_person;
grant select, insert, update (customer) on payment_customers to lapidary_person;
