-- Why: a signed-in person joins and parts sign-in methods by themselves, and MASTER_KEY may change without forgetting who
-- had welcome gems: what recognises them is a key of its own, sealed like the signing keys.
alter table identities add column last_used_at timestamptz not null default now();
update identities set last_used_at = created_at;

-- Under the policy identities_own; that the last one stays is the server's rule, kept under a lock on the person.
grant delete on identities to lapidary_person;

-- An attempt to link: the session that asked, and nobody else's, gets the identity.
alter table sign_in_attempts add column session_id uuid;
-- An answer with a wrong state may still say where this browser wanted to go.
create index sign_in_attempts_by_browser on sign_in_attempts (browser_hash);

create table sealed_keys (
  id uuid constraint sealed_keys_pk primary key,
  purpose text not null,
  sealed bytea not null,
  created_at timestamptz not null
);
alter table sealed_keys enable row level security;
