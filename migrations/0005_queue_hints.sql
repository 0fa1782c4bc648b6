-- Up Migration

-- The queue of an installation without Redis: which tasks may be ready, in order. A hint without authority, so it is
-- unlogged: a crash of the server empties it, and the reconciler fills it again from the heads.
--
-- The key is the order in which hints are taken, and the only index. The same task pushed again at the same rank is the
-- same row; at another rank it is another row, and a pull of it more is harmless.

create unlogged table taskfold.queue_hints (
  route int not null,
  rank bigint not null,
  task_id uuid not null,
  constraint queue_hints_pkey primary key (route, rank, task_id)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

-- Adds hints, which come sorted by the key: two pushes that meet wait for each other in one direction only. Then holds the
-- routes of `p_trim` to their bound. A count costs more than the push, so the caller names a route only now and then.
--
-- One notification a call wakes those who wait; its text says which routes have news.

create function taskfold.push_hints(
  p_route int[],
  p_rank bigint[],
  p_task uuid[],
  p_channel text,
  p_news text,
  p_trim int[],
  p_ids_max int
) returns void
language plpgsql volatile
set search_path = taskfold, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  v_route int;
  v_cut record;
begin
  insert into queue_hints (route, rank, task_id)
  select p_route[i], p_rank[i], p_task[i]
  from generate_series(1, cardinality(p_task)) i
  on conflict do nothing;

  foreach v_route in array p_trim loop
    -- Without a lock: one that reads past an offset would lock all it passes.
    select q.rank, q.task_id into v_cut
    from queue_hints q
    where q.route = v_route
    order by q.rank, q.task_id
    offset p_ids_max
    limit 1;
    if found then
      delete from queue_hints
      where ctid = any (array(
        select q.ctid
        from queue_hints q
        where q.route = v_route and (q.rank, q.task_id) >= (v_cut.rank, v_cut.task_id)
        for update skip locked));
    end if;
  end loop;

  perform pg_notify(p_channel, p_news);
end $$;

-- Takes the lowest of several routes by (rank, id). It never waits: what somebody else is taking is passed over. Of each
-- route the first ones are locked, since any of them may be among the lowest of all; those that are not stay, though a pull
-- at the same moment did not see them.
--
-- Says how long the taking took, and when asked how many are left, counted up to `p_count_max`.
--
-- The plan must not depend on what the table held when it was made: it is empty one moment and full the next.

create function taskfold.pull_hints(
  p_routes int[],
  p_max int,
  p_count_max int,                       -- 0: do not count
  out task_ids text[],
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
begin
  select array_agg(lowest.place), array_agg(lowest.task_id::text order by lowest.rank, lowest.task_id)
  into v_places, task_ids
  from (
    select front.place, front.rank, front.task_id
    from unnest(p_routes) r (route)
    cross join lateral (
      select q.ctid as place, q.rank, q.task_id
      from queue_hints q
      where q.route = r.route
      order by q.rank, q.task_id
      limit p_max
      for update skip locked) front
    order by front.rank, front.task_id
    limit p_max) lowest;
  if v_places is not null then
    delete from queue_hints where ctid = any (v_places);
  end if;
  task_ids := coalesce(task_ids, '{}');
  took_ms := extract(epoch from clock_timestamp() - statement_timestamp()) * 1000;

  if p_count_max > 0 then
    select count(*) into left_over
    from (
      select
      from unnest(p_routes) r (route)
      cross join lateral (select from queue_hints q where q.route = r.route limit p_count_max) few
      limit p_count_max) counted;
  end if;
end $$;
