-- Up Migration

-- Counts the hints of a route, up to a number. Asked as a plain query it was planned by what the statistics said of a table
-- that is empty one moment and full the next: mostly a scan of the whole table, over all rows that pulls had left dead, four
-- times a second while a long queue drains.

create function taskfold.count_hints(
  p_route int,
  p_count_max int
) returns int
language plpgsql volatile
set search_path = taskfold, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
begin
  return (
    select count(*)
    from (select from queue_hints q where q.route = p_route limit p_count_max) counted);
end $$;
