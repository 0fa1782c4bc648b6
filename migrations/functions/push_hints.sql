-- Adds hints to the queue, tells those who wait, and holds routes to their bound.
--
-- Arguments
--   on_conflict: what to do about a hint that is there already. 'fail' takes all to be new, as most are, and fails as a whole
--     where one is not (23505); the caller sends them again with 'merge', which leaves those as they are and adds the others.
--     To allow for them, a row at a time, costs twice what adding the row does.
--   p_route, p_rank, p_task: an element for each hint, sorted by (route, rank, task id).
--   p_channel, p_news: the one notification of this call. Its text says which routes have hints to pull, and from which rank.
--   p_trim: the routes to hold to `p_ids_max` hints each; those of the highest rank go. A count costs more than the push, so
--     the caller names a route only now and then.
--
-- Locks: the new keys in their order, so that two pushes that meet wait for each other in one direction only. Trimming waits
-- for nothing: a hint that is being taken is passed over.
--
-- Errors: 23505 with 'fail', as above.
--
-- The plan must not depend on what the table held when it was made: it is empty one moment and full the next.

create or replace function taskfold.push_hints(
  on_conflict text,
  p_route int[],
  p_rank bigint[],
  p_task uuid[],
  p_channel text,
  p_news text,
  p_trim int[],
  p_ids_max int
) returns void
language plpgsql
volatile
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
  if on_conflict = 'fail' then
    insert into queue_hints (route, rank, task_id)
    select p_route[i], p_rank[i], p_task[i]
    from generate_series(1, cardinality(p_task)) i;
  else
    insert into queue_hints (route, rank, task_id)
    select p_route[i], p_rank[i], p_task[i]
    from generate_series(1, cardinality(p_task)) i
    on conflict do nothing;
  end if;

  foreach v_route in array p_trim loop
    -- Without a lock: a locking read with an offset would lock every row that it passes.
    select q.rank, q.task_id
    into v_cut
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
        where q.route = v_route
        and (q.rank, q.task_id) >= (v_cut.rank, v_cut.task_id)
        for update skip locked));
    end if;
  end loop;

  perform pg_notify(p_channel, p_news);
end $$;
