-- Why: money. Balances cannot go below zero whatever the code does, and every change is a row that stays.
-- The ledger knows accounts, never people: the link between the two is one row, which erasure cuts.
create table gem_accounts (
  id uuid constraint gem_accounts_pk primary key,
  free bigint not null default 0,
  bought bigint not null default 0,
  held_free bigint not null default 0,
  held_bought bigint not null default 0,
  debt bigint not null default 0,
  -- All captures, and credited − clawed back + restored: kept beside the balance so that reading them costs the same for ever.
  used bigint not null default 0,
  purchased bigint not null default 0,
  created_at timestamptz not null,
  constraint gem_accounts_free_not_negative check (free >= 0),
  constraint gem_accounts_bought_not_negative check (bought >= 0),
  constraint gem_accounts_held_free_not_negative check (held_free >= 0),
  constraint gem_accounts_held_bought_not_negative check (held_bought >= 0),
  constraint gem_accounts_debt_not_negative check (debt >= 0),
  constraint gem_accounts_used_not_negative check (used >= 0),
  constraint gem_accounts_purchased_not_negative check (purchased >= 0)
);

create table account_links (
  person_id uuid constraint account_links_pk primary key
    constraint account_links_person_fk references people on delete cascade,
  account_id uuid not null constraint account_links_account_unique unique
    constraint account_links_account_fk references gem_accounts
);

-- Double entry: gems leave `debit` and arrive at `credit`. House sides are sums over rows, never a row to lock.
create table gem_transfers (
  id uuid constraint gem_transfers_pk primary key,
  account_id uuid not null constraint gem_transfers_account_fk references gem_accounts,
  debit text not null,
  credit text not null,
  amount bigint not null,
  kind text not null,
  -- The generation, purchase or grant that caused it.
  reference uuid not null,
  created_at timestamptz not null,
  constraint gem_transfers_amount_positive check (amount > 0),
  constraint gem_transfers_sides check (
    debit <> credit
    and debit in ('free', 'bought', 'held_free', 'held_bought', 'debt', 'sales', 'grants', 'usage', 'forfeited')
    and credit in ('free', 'bought', 'held_free', 'held_bought', 'debt', 'sales', 'grants', 'usage', 'forfeited')
  ),
  constraint gem_transfers_once unique (kind, reference, debit, credit)
);
create index gem_transfers_by_account on gem_transfers (account_id, created_at desc, id desc);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only' using errcode = 'insufficient_privilege';
end
$$;
create trigger gem_transfers_append_only before update or delete or truncate on gem_transfers
  for each statement execute function refuse_change();

alter table gem_accounts enable row level security;
alter table account_links enable row level security;
alter table gem_transfers enable row level security;

create policy gem_accounts_own on gem_accounts to lapidary_person
  using (id = (select current_account())) with check (id = (select current_account()));
create policy account_links_own on account_links to lapidary_person
  using (person_id = (select current_person())) with check (false);
create policy gem_transfers_own on gem_transfers to lapidary_person
  using (account_id = (select current_account())) with check (account_id = (select current_account()));

grant select, update (free, bought, held_free, held_bought, used) on gem_accounts to lapidary_person;
grant select on account_links to lapidary_person;
grant select, insert on gem_transfers to lapidary_person;
