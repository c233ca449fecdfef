-- Why: a person is who an identity (issuer, subject) says; e-mail is only how we reach them, so it is not unique.
create table people (
  id uuid constraint people_pk primary key,
  email text not null,
  -- Lower case, trimmed: to notice the same address at a second provider, never to merge by it.
  email_normalised text not null,
  name text,
  picture_key text,
  is_operator boolean not null default false,
  age_confirmed_at timestamptz,
  suspended_at timestamptz,
  -- Made although another account has the same e-mail: welcome gems never come with it.
  is_separate boolean not null default false,
  created_at timestamptz not null
);
create index people_by_email on people (email_normalised);

create table identities (
  id uuid constraint identities_pk primary key,
  person_id uuid not null constraint identities_person_fk references people on delete cascade,
  provider text not null,
  issuer text not null,
  subject text not null,
  email text not null,
  created_at timestamptz not null,
  constraint identities_issuer_subject_unique unique (issuer, subject)
);
create index identities_by_person on identities (person_id);

-- Keyed hashes of (issuer, subject) and of the folded e-mail: welcome gems are granted once, even after erasure.
create table welcome_marks (
  hash bytea constraint welcome_marks_pk primary key,
  created_at timestamptz not null
);

-- One attempt to sign in, bound to one browser, used once.
create table sign_in_attempts (
  state_hash bytea constraint sign_in_attempts_pk primary key,
  browser_hash bytea not null,
  provider text not null,
  nonce text not null,
  pkce_verifier text not null,
  return_to text not null,
  -- An identity that waits to be linked after a sign-in the first way.
  pending_identity jsonb,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index sign_in_attempts_by_expiry on sign_in_attempts (expires_at);

-- A proven identity whose e-mail another account uses: the person chooses within ten minutes.
create table pending_identities (
  browser_hash bytea constraint pending_identities_pk primary key,
  identity jsonb not null,
  expires_at timestamptz not null
);

create table sessions (
  id uuid constraint sessions_pk primary key,
  person_id uuid not null constraint sessions_person_fk references people on delete cascade,
  provider text not null,
  user_agent text not null,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  -- 30 days after sign-in, whatever is refreshed.
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index sessions_by_person on sessions (person_id, created_at desc);

-- One family per session; only hashes are kept.
create table refresh_tokens (
  hash bytea constraint refresh_tokens_pk primary key,
  session_id uuid not null constraint refresh_tokens_session_fk references sessions on delete cascade,
  created_at timestamptz not null,
  -- The token it was given for. A token whose answer got lost can have several successors; the first one used counts.
  predecessor bytea,
  -- When it was exchanged for a successor.
  spent_at timestamptz,
  -- When a successor was first used: from then on it is good for ten seconds more.
  successor_used_at timestamptz
);
create index refresh_tokens_by_session on refresh_tokens (session_id);
create index refresh_tokens_by_predecessor on refresh_tokens (predecessor);

-- Sealed by MASTER_KEY; the retired one stays in JWKS for 20 minutes.
create table signing_keys (
  id text constraint signing_keys_pk primary key,
  sealed bytea not null,
  public_key bytea not null,
  created_at timestamptz not null,
  retired_at timestamptz
);

-- What every process must hear within a second: sessions whose access tokens end before their time. No foreign key: the
-- session may be erased. The database's clock says when, so that processes need not agree on the time.
create table revocations (
  id bigint generated always as identity constraint revocations_pk primary key,
  session_id uuid not null,
  created_at timestamptz not null default now()
);
create index revocations_by_time on revocations (created_at);

alter table people enable row level security;
alter table identities enable row level security;
alter table sessions enable row level security;
alter table welcome_marks enable row level security;
alter table sign_in_attempts enable row level security;
alter table pending_identities enable row level security;
alter table refresh_tokens enable row level security;
alter table signing_keys enable row level security;
alter table revocations enable row level security;

create policy people_own on people to lapidary_person
  using (id = (select current_person())) with check (id = (select current_person()));
create policy identities_own on identities to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
create policy sessions_own on sessions to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
create policy revocations_own on revocations for insert to lapidary_person
  with check (exists (select from sessions s where s.id = session_id and s.person_id = (select current_person())));

grant select, update (name, age_confirmed_at) on people to lapidary_person;
grant select on identities to lapidary_person;
grant select, update (revoked_at) on sessions to lapidary_person;
grant insert (session_id) on revocations to lapidary_person;
