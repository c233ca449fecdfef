-- Why: a first look at a picture while it is made, and calls to the model counted apart from claims, so that neither a lost
-- worker nor a busy model uses up the other's patience.
alter table generations
  -- The newest partial picture: users/{person}/previews/{generation}/{attempt}-{index}.webp
  add column preview_key text,
  -- Calls to the model that ended, whatever they brought.
  add column model_calls integer not null default 0,
  -- Those whose connection broke in the middle: each may have been billed for nothing.
  add column model_cuts integer not null default 0,
  -- When the model first gave nothing and was to be asked again.
  add column model_failing_since timestamptz,
  -- One entry a call: {"request_id", "outcome", "usage"} as far as the provider said it.
  add column model_answers jsonb not null default '[]',
  add constraint generations_preview_while_running check (preview_key is null or status = 'running'),
  -- A presigned link is made of it: it must never lead into somebody else's folder.
  add constraint generations_preview_is_its_own check (
    preview_key is null
    or starts_with(preview_key, 'users/' || person_id::text || '/previews/' || id::text || '/')
  );

-- Whoever ends, requeues or claims a generation: its preview goes, without having to think of it.
create function end_preview() returns trigger language plpgsql as $$
begin
  new.preview_key := null;
  return new;
end
$$;
create trigger generations_preview_ends before update on generations for each row
  when (new.preview_key is not null and (new.status <> 'running' or new.attempt <> old.attempt))
  execute function end_preview();
