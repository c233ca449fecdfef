-- Why: people are told what happened to their gems without having asked, in one place, until they have read it; and gems
-- can be given by codes.
create table notices (
  id uuid constraint notices_pk primary key,
  person_id uuid not null constraint notices_person_fk references people on delete cascade,
  kind text not null,
  -- A purchase, a webhook, an export.
  subject uuid,
  gems bigint,
  -- Several of one kind about one subject: the part of the ledger it tells of.
  part integer not null default 0,
  created_at timestamptz not null,
  read_at timestamptz,
  constraint notices_once unique nulls not distinct (person_id, kind, subject, part)
);
create index notices_by_person on notices (person_id, created_at desc, id desc);
create index notices_unread on notices (person_id) where read_at is null;

create table redeem_codes (
  id uuid constraint redeem_codes_pk primary key,
  -- SHA-256 of the code: whoever reads the table cannot use it.
  code_hash bytea not null constraint redeem_codes_hash_unique unique,
  gems bigint not null,
  uses_max integer not null,
  uses integer not null default 0,
  note text not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  constraint redeem_codes_gems_positive check (gems > 0),
  constraint redeem_codes_uses_within check (uses between 0 and uses_max and uses_max > 0)
);

create table redemptions (
  id uuid constraint redemptions_pk primary key,
  code_id uuid not null constraint redemptions_code_fk references redeem_codes,
  account_id uuid not null constraint redemptions_account_fk references gem_accounts,
  gems bigint not null,
  created_at timestamptz not null,
  constraint redemptions_once unique (code_id, account_id)
);
create index redemptions_by_account on redemptions (account_id);

alter table notices enable row level security;
alter table redeem_codes enable row level security;
alter table redemptions enable row level security;

create policy notices_own on notices to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
create policy redemptions_own on redemptions to lapidary_person
  using (account_id = (select current_account())) with check (false);

grant select, update (read_at) on notices to lapidary_person;
grant select on redemptions to lapidary_person;
