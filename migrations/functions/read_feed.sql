-- Answers the events after a position of the feed, in order of (xid, task id, version): up to `p_limit`, and fewer when their
-- bodies and data weigh more than `p_bytes_max` bytes together, but at least one if there is one. Locks nothing.
--
-- Arguments: p_xid, p_task and p_version are the position, that of the event read last.
--
-- Transactions get their numbers when they begin to write and commit in another order, so the feed ends below the oldest one
-- of this database that still runs (feed_end.sql): from there on an event may yet appear in between. Two appends to one task never overlap, because the
-- second is made only when the first is known to have been committed, so versions follow their transactions. The function is
-- stable: all of it sees what its caller's snapshot sees, the end of the feed included.
--
-- The plan must walk the index on xid of each partition, merge them and sort within one transaction only, wherever in the
-- table it begins; left to its estimates it sorts all that is left. Taking the rows one by one lets it stop early.

create or replace function taskfold.read_feed(
  p_xid xid8,
  p_task uuid,
  p_version int,
  p_limit int,
  p_bytes_max int
) returns setof taskfold.events
language plpgsql
stable
set search_path = taskfold, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
as $$
declare
  v_end xid8 := feed_position(feed_end());
  v_bytes bigint := 0;
  v_weight bigint;
  v_event events;
begin
  for v_event in
    select e.*
    from events e
    where e.xid >= p_xid
    and e.xid < v_end
    and (e.xid > p_xid or (e.task_id, e.version) > (p_task, p_version))
    order by e.xid, e.task_id, e.version
    limit p_limit
  loop
    v_weight := coalesce(octet_length(v_event.body::text), 0) + coalesce(octet_length(v_event.data::text), 0);
    exit when v_bytes > 0 and v_bytes + v_weight > p_bytes_max;
    v_bytes := v_bytes + v_weight;
    return next v_event;
  end loop;
end $$;
