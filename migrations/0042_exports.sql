-- Why: people take along everything that is known of them, not pictures alone. The job, lease, link and end of a zip are those
-- that archives of images have; what goes into it is another list.
alter table image_archives
  add column kind text not null default 'images',
  -- Of everything: the images there were when it was asked for. They are read a page at a time and named by no list.
  add column image_count integer,
  add constraint image_archives_kind_known check (kind in ('images', 'everything')),
  add constraint image_archives_everything_is_counted
    check ((kind = 'everything') = (image_count is not null) and (kind = 'images' or image_ids = '{}')),
  -- A key is one of its route.
  drop constraint image_archives_idempotency_unique,
  add constraint image_archives_idempotency_unique unique (person_id, kind, idempotency_key),
  -- users/{person}/exports/{archive}/{attempt}.zip
  drop constraint image_archives_key_is_its_own,
  add constraint image_archives_key_is_its_own check (
    object_key is null
    or starts_with(
      object_key,
      'users/' || person_id::text || case kind when 'images' then '/archives/' else '/exports/' end || id::text || '/')
  );

-- A person's images by time, those in the trash among them: an export reads them a page at a time. The same index still serves
-- whoever follows the foreign key.
drop index images_of_person;
create index images_of_person on images (person_id, created_at, id);
