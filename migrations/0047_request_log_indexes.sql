-- Why: whoever looks for what failed, or for what one key asked, read every row of theirs of 30 days to find it: somebody whose
-- programs ask a thousand times a minute waited until the database gave up. The days that are there and those to come get both.
create index request_log_failed on request_log (person_id, created_at desc, id desc) where status >= 400;
create index request_log_by_key on request_log (api_key_id, created_at desc, id desc) where api_key_id is not null;
