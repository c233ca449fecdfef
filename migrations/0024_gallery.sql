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
