-- Takes the lowest hints of several routes, by (rank, task id), and removes them.
--
-- Arguments
--   p_routes: the routes to take from. p_max: how many hints to take at most.
--   p_count_max: up to which number to count what is left; 0 does not count.
--   p_from: the rank below which the caller has taken everything, as far as it knows; null reads from the start. Pulls leave
--     dead rows in front of the hints that are there until the next vacuum; reading past them was an eighth of what Postgres
--     did while it drained. A push says how low it went, so that the caller begins lower next time.
--
-- Answer
--   task_ids: comma-separated, in no order, '' when there are none: one text costs both sides less than an array.
--   highest: the highest rank taken; null when none was.
--   took_ms: milliseconds from the start of the statement until the hints were taken.
--   left_over: how many hints are left from `p_from` on, up to `p_count_max`; null when not counted. When fewer were taken
--     than asked for it is 0 without a count, which would read past the dead rows as well.
--
-- Locks: it never waits; a hint that another call is taking is passed over. Of each route the first `p_max` are locked, since
-- any of them may be among the lowest of all. Those that are not stay, though a pull at the same moment does not see them.
--
-- One route is read without the sort that several need. The plan must not depend on what the table held when it was made: it
-- is empty one moment and full the next.

create or replace function taskfold.pull_hints(
  p_routes int[],
  p_max int,
  p_count_max int,
  p_from bigint,
  out task_ids text,
  out highest bigint,
  out took_ms float8,
  out left_over int
)
language plpgsql
volatile
set search_path = taskfold, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  v_places tid[];
  v_from bigint := coalesce(p_from, -9223372036854775808);
begin
  if cardinality(p_routes) = 1 then
    select array_agg(front.place), string_agg(front.task_id::text, ','), max(front.rank)
    into v_places, task_ids, highest
    from (
      select q.ctid as place, q.rank, q.task_id
      from queue_hints q
      where q.route = p_routes[1]
      and q.rank >= v_from
      order by q.rank, q.task_id
      limit p_max
      for update skip locked) front;
  else
    select array_agg(lowest.place), string_agg(lowest.task_id::text, ','), max(lowest.rank)
    into v_places, task_ids, highest
    from (
      select front.place, front.rank, front.task_id
      from unnest(p_routes) r (route)
      cross join lateral (
        select q.ctid as place, q.rank, q.task_id
        from queue_hints q
        where q.route = r.route
        and q.rank >= v_from
        order by q.rank, q.task_id
        limit p_max
        for update skip locked) front
      order by front.rank, front.task_id
      limit p_max) lowest;
  end if;
  if v_places is not null then
    delete from queue_hints
    where ctid = any (v_places);
  end if;
  task_ids := coalesce(task_ids, '');
  took_ms := extract(epoch from clock_timestamp() - statement_timestamp()) * 1000;

  if p_count_max > 0 and coalesce(cardinality(v_places), 0) < p_max then
    left_over := 0;
  elsif p_count_max > 0 then
    select count(*)
    into left_over
    from (
      select
      from unnest(p_routes) r (route)
      cross join lateral (
        select
        from queue_hints q
        where q.route = r.route
        and q.rank >= v_from
        limit p_count_max) few
      limit p_count_max) counted;
  end if;
end $$;
