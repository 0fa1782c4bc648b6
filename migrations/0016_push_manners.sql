-- Up Migration

-- `taskfold.push_hints` with two answers to a hint that is there. 'fail' takes its hints to be new, as most are, and fails as a whole when one is there
-- (23505); the caller sends them again, 'merge', which passes over those. To allow for them, a row at a time, costs twice
-- what adding the row does.
--
-- What else it does is told where the first of it was made (0005). That one stays for processes of the release before.

create function taskfold.push_hints(
  on_conflict text,                      -- 'fail' | 'merge'
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
