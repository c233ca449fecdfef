-- Why: the audit proves that what was captured is exactly the shares of stored images; one erased from the trash leaves its
-- share with the generation, so that the proof holds for ever.
alter table generations
  add column erased_gems bigint not null default 0,
  add constraint generations_erased_within_captured check (erased_gems between 0 and captured_gems);

-- Images that were erased before this was written down.
update generations g
set erased_gems = g.captured_gems - coalesce((select sum(i.price_gems) from images i where i.generation_id = g.id), 0)
where g.captured_gems > 0;
