-- Answers 16 hexadecimal digits that name the line of feed positions that can be trusted. A copy that was restored elsewhere
-- has another epoch: the original may have gone on after the backup, so the positions that its followers were given mean
-- nothing here. Locks nothing.

create or replace function taskfold.feed_epoch() returns text
language sql
stable
as $$
  select substr(md5(concat_ws(' ', i.id, i.home, i.generation)), 1, 16)
  from taskfold.installation i
$$;
