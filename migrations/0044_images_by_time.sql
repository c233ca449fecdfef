-- Why: an index of everybody's images by time tempted the planner to read it for one person's gallery and to leave out what is
-- others'. Whoever counts all images of a time reads the blocks of that time.
drop index images_by_time;
create index images_by_time on images using brin (created_at) with (pages_per_range = 32);
