-- Why: pictures are made from pictures: uploads that were cleaned of what their owner did not mean to give, and a
-- generation that knows what it is made from.
create table reference_images (
  id uuid constraint reference_images_pk primary key,
  person_id uuid not null constraint reference_images_person_fk references people on delete cascade,
  -- users/{person}/references/{upload}: what comes back after it was deleted has other objects than before.
  object_prefix text not null,
  extension text not null,
  content_type text not null,
  bytes bigint not null,
  width integer not null,
  height integer not null,
  thumbhash text not null,
  -- A mask says which part may change, and stands in no list.
  is_mask boolean not null,
  -- SHA-256 of what was uploaded: the same file again is the same reference.
  fingerprint bytea not null,
  created_at timestamptz not null,
  deleted_at timestamptz,
  constraint reference_images_once unique (person_id, fingerprint, is_mask),
  constraint reference_images_prefix_is_its_own
    check (starts_with(object_prefix, 'users/' || person_id::text || '/references/'))
);
create index reference_images_by_person on reference_images (person_id, created_at desc, id desc)
  where deleted_at is null and not is_mask;
create index reference_images_by_prefix on reference_images (object_prefix collate "C");

alter table generations
  add column background text,
  add column output_format text,
  -- What it is made from, in order, a mask last: [{"reference_id" or "image_id", "key", "content_type", "is_mask"}].
  add column made_from jsonb not null default '[]',
  add column mask_id uuid;

alter table reference_images enable row level security;
create policy reference_images_own on reference_images to lapidary_person
  using (person_id = (select current_person())) with check (person_id = (select current_person()));
grant
  select, insert,
  update (object_prefix, extension, content_type, bytes, width, height, thumbhash, created_at, deleted_at)
  on reference_images to lapidary_person;
