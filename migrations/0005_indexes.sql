-- Why: erasing a person follows foreign keys from the other side; without these each erasure reads whole tables.
create index generations_by_account on generations (account_id);
create index images_of_person on images (person_id);
-- Jobs look across everyone: what is due in the trash, who has not confirmed their age.
create index images_due on images (deleted_at) where deleted_at is not null;
create index people_unconfirmed on people (created_at) where age_confirmed_at is null;
