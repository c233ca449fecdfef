-- Why: an address that came with a linked sign-in method belongs to its person too: at another provider it leads to the
-- same choice, and to the same suspension, as the main one. Written by the server like people.email_normalised; empty
-- where a process from before this migration wrote the row, until its next sign-in.
alter table identities add column email_normalised text not null default '';
update identities set email_normalised = lower(btrim(email));
update identities i set email_normalised = p.email_normalised
  from people p where p.id = i.person_id and p.email = i.email;
create index identities_by_email on identities (email_normalised);

-- Who takes a sign-in method away is reached by the oldest one that stays; under the policy people_own.
grant update (email, email_normalised) on people to lapidary_person;
