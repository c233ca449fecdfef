-- Why: what a signed-in request may see is decided by the database, not by remembering a predicate.
-- `lapidary_person` owns nothing and obeys every policy; the owner of the tables serves sign-in, jobs and the worker.
do $$
begin
  if not exists (select from pg_roles where rolname = 'lapidary_person') then
    begin
      create role lapidary_person nologin nosuperuser nobypassrls nocreatedb nocreaterole;
    exception
      when duplicate_object or unique_violation then null; -- another process was quicker
    end;
  end if;
  if not pg_has_role(current_user, 'lapidary_person', 'member') then
    execute format('grant lapidary_person to %I', current_user);
  end if;
end
$$;

grant usage on schema public to lapidary_person;

-- After a local set_config the setting is '' and not null: nullif says nobody.
create function current_person() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('lapidary.person', true), '')::uuid;

create function current_account() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('lapidary.account', true), '')::uuid;
