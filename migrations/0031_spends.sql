-- Why: how often a person asks for what costs is limited exactly, whichever process hears it. One time says all of it: until
-- then the allowance is used up as far as it is. It moves in the statement that holds the gems, so that what is refused or
-- rolled back uses nothing.
alter table gem_accounts add column spends_until timestamptz;
grant update (spends_until) on gem_accounts to lapidary_person;
