-- Why: an old picture is found in seconds. What a search, a facet and a tile need stands beside the image, so that a page of
-- the gallery reads one table; collections group images, and share links show one of them to whoever has the link.
alter table images
  add column prompt text,
  add column attributes jsonb,
  add column model text,
  add column quality text,
  -- Words, attributes, model and month as `domain::search` cuts them; null until a job has cut them.
  add column search tsvector;

update images i
set prompt = g.prompt, attributes = g.attributes, model = g.model, quality = g.quality
from generations g where g.id = i.generation_id;

alter table images
  alter column prompt set not null,
  alter column attributes set not null,
  alter column model set not null,
  alter column quality set not null;

create table collections (
  id uuid constraint collections_pk primary key,
  person_id uuid not null constraint collections_person_fk references people on delete cascade,
  name text not null,
  created_at timestamptz not null
);
create unique index collections_name_unique on collections (person_id, lower(name));

create table collection_images (
  collection_id uuid not null constraint collection_images_collection_fk references collections on delete cascade,
  image_id uuid not null constraint collection_images_image_fk references images on delete cascade,
  person_id uuid not null constraint collection_images_person_fk references people on delete cascade,
  added_at timestamptz not null,
  constraint collection_images_pk primary key (collection_id, image_id)
);
create index collection_images_by_image on collection_images (image_id);

create table share_links (
  id uuid constraint share_links_pk primary key,
  person_id uuid not null constraint share_links_person_fk references people on delete cascade,
  image_id uuid not null constraint share_links_image_fk references images on delete cascade,
  -- SHA-256 of the token: what a visitor's link is found by.
  token_hash bytea not null constraint share_links_token_unique unique,
  -- The token under the master key, so that its person can copy the link again.
  token_sealed bytea not null,
  shows_prompt boolean not null,
  view_count bigint not null default 0,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_viewed_at timestamptz
);
create index share_links_by_person on share_links (person_id, created_at desc, id desc);
create index share_links_by_image on share_links (image_id);

alter table collections enable row level security;
alter table collection_images enable row level security;
alter table share_links enable row level security;

create policy collections_own on collections to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
create policy collection_images_own on collection_images to lapidary_person
  using (person_id = (select current_person()))
  with check (
    person_id = (select current_person())
    and exists (select from collections c where c.id = collection_id)
    and exists (select from images i where i.id = image_id)
  );
create policy share_links_own on share_links to lapidary_person
  using (person_id = (select current_person()))
  with check (person_id = (select current_person()) and exists (select from images i where i.id = image_id));

grant select, insert, update (name), delete on collections to lapidary_person;
grant select, insert, delete on collection_images to lapidary_person;
grant select, insert, update (revoked_at, token_sealed) on share_links to lapidary_person;

-- One person's words stand beside one another in this index: every token begins with the end of its person's id. Without a
-- list of pending entries, which each search would have to read and some unlucky picture to sort in.
create index images_search on images using gin (search) with (fastupdate = off);
create index images_uncut on images (id) where search is null;

-- What is searched is found here. Full-text operators are not leakproof, so under a policy they never use their index; this
-- function is above the policies and takes the person from the setting alone. Its dynamic text is made of its own literals;
-- every value is a parameter.
--   words, beginnings: tokens without their person, as `domain::search` cuts them; an image has all of them
--   beside_at, beside_id: only what stands behind it in the list, or before it where is_backwards (nearest first)
--   most: null is all
create function found_images(
  words text[], beginnings text[], is_favoured boolean, is_in_trash boolean, in_collection uuid,
  made_from timestamptz, made_before timestamptz,
  beside_at timestamptz, beside_id uuid, is_backwards boolean, most bigint
) returns table (
  id uuid, at timestamptz, created_at timestamptz, is_favourite boolean, model text, attributes jsonb
)
language plpgsql stable security definer rows 50
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
  person constant uuid := public.current_person();
  -- What matches so many of the nearest images fills its page from them, without a look at the rest.
  stretch constant text := '1000';
  moment constant text := case when is_in_trash then 'i.deleted_at' else 'i.created_at' end;
  ordered constant text := case when is_backwards then ' order by at asc, id asc' else ' order by at desc, id desc' end;
  head constant text :=
    'select i.id, ' || moment || ' as at, i.created_at, i.is_favourite, i.model, i.attributes from public.images i where ';
  which constant text :=
    'i.person_id = $1'
    || case when is_in_trash then ' and i.deleted_at is not null' else ' and i.deleted_at is null' end
    || case when is_favoured then ' and i.is_favourite' else '' end
    || case when made_from is null then '' else ' and i.created_at >= $4' end
    || case when made_before is null then '' else ' and i.created_at < $5' end
    || case when beside_at is null then ''
         else ' and (' || moment || ', i.id) ' || case when is_backwards then '>' else '<' end || ' ($6, $7)' end;
  asked tsquery;
  chosen text;
  near uuid[];
begin
  if person is null then
    raise exception 'nobody is signed in' using errcode = 'insufficient_privilege';
  end if;
  select string_agg(
    '''' || replace(replace(right(person::text, 8) || t.token, '\', '\\'), '''', '''''') || '''' || t.ending, ' & '
  )::tsquery into asked
  from (
    select w, '' from unnest(words) w union all select b, ':*' from unnest(beginnings) b
  ) t (token, ending);
  chosen := case when asked is null then '' else ' and i.search @@ $2' end
    || case when in_collection is null then ''
         else ' and exists (select from public.collection_images c
           where c.collection_id = $3 and c.image_id = i.id and c.person_id = $1)' end;
  if chosen = '' then
    return query execute head || which || ordered || ' limit $8'
      using person, asked, in_collection, made_from, made_before, beside_at, beside_id, most;
    return;
  end if;
  if most is not null then
    execute 'select array_agg(s.id) from (select i.id from (select i.*, ' || moment || ' as at from public.images i where '
      || which || ordered || ' limit ' || stretch || ') i where true' || chosen || ordered || ' limit $8) s'
      into near
      using person, asked, in_collection, made_from, made_before, beside_at, beside_id, most;
    if cardinality(near) >= most then
      return query execute head || 'i.id = any($1) and i.person_id = $2' || ordered using near, person;
      return;
    end if;
  end if;
  return query execute 'with chosen as materialized (' || head || which || chosen || ') select * from chosen' || ordered
    || ' limit $8'
    using person, asked, in_collection, made_from, made_before, beside_at, beside_id, most;
end
$$;
revoke execute on function found_images from public;
grant execute on function found_images to lapidary_person;

-- What an image counts as among a person's.
create function facets_of(created_at timestamptz, is_favourite boolean, model text, attributes jsonb)
returns table (kind text, section text, value text)
language sql stable parallel safe
begin atomic
  select 'total', '', ''
  union all select 'favourite', '', '' where is_favourite
  union all select 'model', '', model
  union all select 'month', '', to_char(created_at at time zone 'UTC', 'YYYY-MM')
  union all select 'attribute', coalesce(a ->> 'section', ''), coalesce(a ->> 'value', '')
    from jsonb_array_elements(attributes) a;
end;

-- How many images a person has of each, without those in the trash: read at once however many there are.
create table image_counts (
  person_id uuid not null constraint image_counts_person_fk references people on delete cascade,
  kind text not null,
  -- Of an attribute.
  section text not null,
  value text not null,
  images bigint not null,
  constraint image_counts_pk primary key (person_id, kind, section, value)
);
alter table image_counts enable row level security;
create policy image_counts_own on image_counts to lapidary_person using (person_id = (select current_person())) with check (false);
grant select on image_counts to lapidary_person;

insert into image_counts (person_id, kind, section, value, images)
select i.person_id, f.kind, f.section, f.value, count(*)
from images i cross join lateral facets_of(i.created_at, i.is_favourite, i.model, i.attributes) f
where i.deleted_at is null
group by i.person_id, f.kind, f.section, f.value;

-- Above the policies, since nobody counts by hand. The lock comes first, whatever the order of a statement's rows: two
-- settlements of one person would wait for each other's counts. Counts of a person who is gone are not made again.
create function count_images() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
begin
  if tg_op = 'INSERT' then
    perform pg_advisory_xact_lock(hashtextextended(p.person_id::text, 8))
    from (select distinct person_id from added order by person_id) p;
    insert into public.image_counts as c (person_id, kind, section, value, images)
    select i.person_id, f.kind, f.section, f.value, count(*)
    from added i cross join lateral public.facets_of(i.created_at, i.is_favourite, i.model, i.attributes) f
    where i.deleted_at is null
    group by i.person_id, f.kind, f.section, f.value
    on conflict (person_id, kind, section, value) do update set images = c.images + excluded.images;
  elsif tg_op = 'DELETE' then
    perform pg_advisory_xact_lock(hashtextextended(p.person_id::text, 8))
    from (select distinct person_id from removed where deleted_at is null order by person_id) p;
    update public.image_counts c set images = c.images - gone.images
    from (
      select i.person_id, f.kind, f.section, f.value, count(*) as images
      from removed i cross join lateral public.facets_of(i.created_at, i.is_favourite, i.model, i.attributes) f
      where i.deleted_at is null
      group by i.person_id, f.kind, f.section, f.value
    ) gone
    where (c.person_id, c.kind, c.section, c.value) = (gone.person_id, gone.kind, gone.section, gone.value);
  else
    perform pg_advisory_xact_lock(hashtextextended(p.person_id::text, 8))
    from (
      select distinct r.person_id from removed r join added a on a.id = r.id
      where (a.deleted_at is null, a.is_favourite) is distinct from (r.deleted_at is null, r.is_favourite)
      order by r.person_id
    ) p;
    insert into public.image_counts as c (person_id, kind, section, value, images)
    select i.person_id, f.kind, f.section, f.value, sum(i.sign)
    from (
      select a.person_id, a.created_at, a.is_favourite, a.model, a.attributes, 1 as sign
      from added a join removed r on r.id = a.id
      where a.deleted_at is null and (r.deleted_at is not null or a.is_favourite <> r.is_favourite)
      union all
      select r.person_id, r.created_at, r.is_favourite, r.model, r.attributes, -1
      from added a join removed r on r.id = a.id
      where r.deleted_at is null and (a.deleted_at is not null or a.is_favourite <> r.is_favourite)
    ) i cross join lateral public.facets_of(i.created_at, i.is_favourite, i.model, i.attributes) f
    group by i.person_id, f.kind, f.section, f.value
    having sum(i.sign) <> 0
    on conflict (person_id, kind, section, value) do update set images = c.images + excluded.images;
  end if;
  return null;
end
$$;
revoke execute on function count_images from public;
create trigger images_counted_in after insert on images
  referencing new table as added for each statement execute function count_images();
create trigger images_counted_out after delete on images
  referencing old table as removed for each statement execute function count_images();
create trigger images_counted_again after update on images
  referencing old table as removed new table as added for each statement execute function count_images();
