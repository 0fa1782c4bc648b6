-- Up Migration

-- `taskfold.pull_hints` beginning where the caller has read up to. Pulls leave their dead rows in front of the hints that are
-- there, and each pull walked over all of them, since the last vacuum, before it met the first: an eighth of what Postgres
-- did while it drained.
--
-- `p_from`: the rank below which the caller has taken everything, as far as it knows; null to look at all. The news of a push
-- say how low it went, so that a caller begins lower next time. `highest`: the highest rank taken, null when nothing was.
--
-- What is left need not be counted when there was less than was asked for: that was all, and a count would walk over the
-- dead rows as well.
--
-- What else it does is told where the first of it was made (0005). That one stays for processes of the release before. The
-- ids come as one text, which costs both sides less than an array of texts.

create function taskfold.pull_hints(
  p_routes int[],
  p_max int,
  p_count_max int,                       -- 0: do not count
  p_from bigint,
  out task_ids text,
  out highest bigint,
  out took_ms float8,
  out left_over int
)
language plpgsql volatile
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
      where q.route = p_routes[1] and q.rank >= v_from
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
        where q.route = r.route and q.rank >= v_from
        order by q.rank, q.task_id
        limit p_max
        for update skip locked) front
      order by front.rank, front.task_id
      limit p_max) lowest;
  end if;
  if v_places is not null then
    delete from queue_hints where ctid = any (v_places);
  end if;
  task_ids := coalesce(task_ids, '');
  took_ms := extract(epoch from clock_timestamp() - statement_timestamp()) * 1000;

  if p_count_max > 0 and coalesce(cardinality(v_places), 0) < p_max then
    left_over := 0;
  elsif p_count_max > 0 then
    select count(*) into left_over
    from (
      select
      from unnest(p_routes) r (route)
      cross join lateral (
        select from queue_hints q where q.route = r.route and q.rank >= v_from limit p_count_max) few
      limit p_count_max) counted;
  end if;
end $$;
