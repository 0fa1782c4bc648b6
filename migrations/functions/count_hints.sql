-- Answers how many hints a route has, counted up to `p_count_max`. Locks nothing.
--
-- A function for the sake of its settings: the planner goes by statistics of a table that is empty one moment and full the
-- next, and mostly chooses a scan of the whole table, over all rows that pulls have left dead, four times a second while a
-- long queue drains.

create or replace function taskfold.count_hints(
  p_route int,
  p_count_max int
) returns int
language plpgsql
volatile
set search_path = taskfold, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
begin
  return (
    select count(*)
    from (
      select
      from queue_hints q
      where q.route = p_route
      limit p_count_max) counted);
end $$;
