-- Up Migration

-- The global feed: all events in order of (transaction, task, version).
--
-- Transactions get their numbers when they begin to write and commit in another order, so the feed ends below the oldest
-- one still running: from there on something may yet appear in between. Two appends to one task never overlap, because the
-- second is made only when the first is known to have been committed, so versions follow their transactions.

-- A copy that was restored elsewhere goes on with the numbers of another cluster, which may be lower than those in its
-- events. So a position is a number within a generation of the installation, and what is written after the restore comes
-- after everything before it. 44 bits last for fifty years of ten thousand transactions a second, and 512 generations fit
-- into 53 bits, which is what a number holds exactly in most languages.
--
-- In the first generation a position is the number itself. Later ones replace this function, so that no append pays for
-- looking up what hardly ever changes.
create function taskfold.feed_position(number xid8) returns xid8
language sql immutable
as $$ select number $$;

-- Begins another generation when this is a copy that was restored elsewhere, and says so. Every process asks before it
-- writes; the first one to come does it. With the rights of the owner, because an ordinary role may replace no function.
create function taskfold.adopt_installation() returns boolean
language plpgsql volatile security definer
set search_path = taskfold, pg_temp
as $$
declare
  v_generation int;
begin
  update installation
  set generation = generation + 1, home = present_home()
  where home <> present_home()
  returning generation into v_generation;
  if not found then
    return false;
  end if;
  execute format(
    'create or replace function taskfold.feed_position(number xid8) returns xid8 language sql immutable as %L',
    format('select (number::text::bigint + %s)::text::xid8', v_generation::bigint << 44));
  return true;
end $$;

-- Names the line of positions that are to be trusted: those that followers of the original were given are not among them,
-- because it may have gone on after the backup. A copy that is set back in place, in the same database of the same cluster,
-- shows itself only by positions that it has not reached; who does that sets `home` to another word, and starts a process.
create function taskfold.feed_epoch() returns text
language sql stable
as $$
  select substr(md5(concat_ws(' ', i.id, i.home, i.generation)), 1, 16)
  from taskfold.installation i
$$;

-- Up to `p_limit` events after a position, and fewer when they weigh more than `p_bytes_max` together, but never none
-- for that. Stable: all of it sees what its caller's snapshot sees, the end of the feed included.
--
-- The plan must walk the index on xid of each partition, merge them and sort within one transaction only, wherever in the
-- table it begins; left to its estimates it sorts all that is left. Taking the rows one by one lets it stop early.

create function taskfold.read_feed(
  p_xid xid8,
  p_task uuid,
  p_version int,
  p_limit int,
  p_bytes_max int
) returns setof taskfold.events
language plpgsql stable
set search_path = taskfold, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
as $$
declare
  v_end xid8 := feed_position(pg_snapshot_xmin(pg_current_snapshot()));
  v_bytes bigint := 0;
  v_weight bigint;
  v_event events;
begin
  for v_event in
    select e.*
    from events e
    where e.xid >= p_xid and e.xid < v_end
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
