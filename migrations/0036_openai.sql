-- Why: OpenAI's SDKs send no idempotency key and ask again when they lose patience: such a call finds what the first one began
-- instead of buying it again. And what comes with an edit in that wire is no upload that somebody looks after.
alter table generations
  -- SHA-256 of a call in OpenAI's wire; null for what came with a key of its own.
  add column call_fingerprint bytea,
  -- The session or API key that called.
  add column called_by uuid,
  -- When it was called, or joined last.
  add column called_at timestamptz,
  -- Retries that found it.
  add column joins integer not null default 0,
  add constraint generations_call_is_whole check (
    (call_fingerprint is null) = (called_by is null) and (call_fingerprint is null) = (called_at is null)
  );
create index generations_by_call on generations (person_id, call_fingerprint, called_at)
  where call_fingerprint is not null;
grant update (called_at, joins) on generations to lapidary_person;

-- Stands in no list, counts for no limit, and goes when enough newer ones came.
alter table reference_images add column is_passing boolean not null default false;
grant update (is_passing) on reference_images to lapidary_person;
