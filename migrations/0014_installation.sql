-- Why: the sweep of objects deletes what no row knows, so it must know that these rows are the ones: the bucket carries the
-- mark of the database it belongs to. A copy of this database on another bucket marks that one.
create table installation (
  only_one boolean constraint installation_pk primary key default true,
  id uuid not null default gen_random_uuid(),
  constraint installation_only_one check (only_one)
);
insert into installation default values;
alter table installation enable row level security;
