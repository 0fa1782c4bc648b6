-- Up Migration

-- `taskfold.append` with two ways of locking. It locked the heads of existing streams before it set them, so as never to wait for one
-- that somebody else holds: two looks at each head and a record in the log, 4 µs of Postgres for each task that runs, for a
-- case that is rare.
--
-- 'optimistic' sets them at once. It waits for a head that another transaction holds, at most 20 ms, and then fails as a whole
-- (55P03); the caller sends the batch again, 'skip-locked', and all its batches for a second, so that held heads cost a process
-- 20 ms a second at most. Heads are set in order of id, by every call, so that calls wait for each other in one direction
-- only, and keys and new heads are taken before. It takes new heads to be new: one that is there, because its append was
-- stored before, fails the call too (23505). To allow for that, a row at a time, costs twice what storing the row does.
--
-- 'skip-locked' never waits for the head of an existing stream: one that somebody else holds gives 'busy', and the caller tries
-- that append again. For a batch that met such a head, and for those that a 'busy' append comes back in.
--
-- What else it does is told where the first of it was made (0004). That one stays for processes of the release before, which
-- run beside this one during a rolling deploy.

create function taskfold.append(
  p_firsts int,                          -- how many of the appends begin a stream
  a_event int[],
  a_version int[],                       -- the head's version afterwards
  a_status text[],
  a_attempt int[],
  a_run int[],
  a_incarnation uuid[],
  a_delay_ms bigint[],                   -- pending: ready this long after the recording …
  a_run_at_ms bigint[],                  -- … or at this instant; neither: not runnable
  a_route int[],                         -- of first appends
  a_priority int[],                      -- of first appends
  e_task uuid[],
  e_version int[],
  e_append uuid[],
  e_type text[],
  e_data json[],
  e_body json[],
  e_meta json[],
  e_incarnation uuid[],
  e_attempt int[],
  e_time_limit_ms int[],
  p_atomic boolean,
  locking text,                          -- 'optimistic' | 'skip-locked'
  k_scope text[] default null,           -- of first appends; null when none of them has a key
  k_key text[] default null,
  k_fingerprint bytea[] default null,
  out recorded_ms bigint,
  out others jsonb
)
language plpgsql volatile
set search_path = taskfold, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
#variable_conflict use_column
declare
  v_appends int := cardinality(a_event);
  v_events int := cardinality(e_task);
  v_xid xid8 := feed_position(pg_current_xact_id());
  v_me xid := pg_current_xact_id()::xid;
  v_now timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_count int;
  v_all boolean := true;                 -- everybody won so far
  v_duplicates uuid[] := '{}';           -- tasks whose key belongs to another
  v_refused boolean;
  v_lock_timeout text := current_setting('lock_timeout');
begin
  -- What is acknowledged is on disk, whatever the session or the database says; stronger settings are left alone.
  if current_setting('synchronous_commit') in ('off', 'local') then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  -- (1) Keys, in their order. One that another call holds is waited for: whether it is free shows when that call ends.
  if k_key is not null then
    insert into submit_keys (scope, key, task_id, fingerprint, created_at)
    select k_scope[i], k_key[i], e_task[a_event[i]], k_fingerprint[i], v_now
    from generate_series(1, p_firsts) i
    where k_key[i] is not null
    order by k_scope[i], k_key[i], i
    on conflict on constraint submit_keys_pkey do nothing;
    get diagnostics v_count = row_count;
    if v_count <> (select count(k) from unnest(k_key) k) then
      -- A new snapshot sees what the insert waited for. The same append sent again holds its key itself.
      select coalesce(array_agg(e_task[a_event[i]]), '{}')
      into v_duplicates
      from generate_series(1, p_firsts) i
      where k_key[i] is not null
      and not exists (
        select from submit_keys s
        where s.scope = k_scope[i] and s.key = k_key[i] and s.task_id = e_task[a_event[i]]);
    end if;
    v_now := date_trunc('milliseconds', clock_timestamp());
  end if;

  -- (2) New heads, in order of id: optimistically, as if none of them could be there, or not.
  if p_firsts > 0 then
    if locking = 'optimistic' then
      insert into tasks (task_id, version, status, attempt, run, incarnation, route, priority, ready_at, last_at)
      select e_task[a_event[i]], a_version[i], a_status[i], a_attempt[i], a_run[i], a_incarnation[i], a_route[i], a_priority[i],
             coalesce('epoch'::timestamptz + a_run_at_ms[i] * interval '1 millisecond',
                      v_now + a_delay_ms[i] * interval '1 millisecond'),
             v_now
      from generate_series(1, p_firsts) i
      where e_task[a_event[i]] <> all (v_duplicates)
      order by e_task[a_event[i]];
    else
      insert into tasks (task_id, version, status, attempt, run, incarnation, route, priority, ready_at, last_at)
      select e_task[a_event[i]], a_version[i], a_status[i], a_attempt[i], a_run[i], a_incarnation[i], a_route[i], a_priority[i],
             coalesce('epoch'::timestamptz + a_run_at_ms[i] * interval '1 millisecond',
                      v_now + a_delay_ms[i] * interval '1 millisecond'),
             v_now
      from generate_series(1, p_firsts) i
      where e_task[a_event[i]] <> all (v_duplicates)
      order by e_task[a_event[i]]
      on conflict do nothing;
    end if;
    get diagnostics v_count = row_count;
    v_all := v_count = p_firsts;
  end if;

  -- (3) Existing heads at the expected version: optimistically, waiting a moment for those that others hold, …
  if v_appends > p_firsts then
    if locking = 'optimistic' then
      perform set_config('lock_timeout', '20ms', true);
      update tasks h
      set version = a_version[i], status = a_status[i], attempt = a_attempt[i], run = a_run[i], incarnation = a_incarnation[i],
          ready_at = coalesce('epoch'::timestamptz + a_run_at_ms[i] * interval '1 millisecond',
                              v_now + a_delay_ms[i] * interval '1 millisecond'),
          last_at = v_now
      from generate_series(p_firsts + 1, v_appends) i
      where h.task_id = e_task[a_event[i]] and h.version = e_version[a_event[i]] - 1 and h.last_at <= v_now;
      get diagnostics v_count = row_count;
      perform set_config('lock_timeout', v_lock_timeout, true);
    else
      -- … or skip-locked: lock those without ever waiting, and set them, in one statement.
      update tasks h
      set version = a_version[i], status = a_status[i], attempt = a_attempt[i], run = a_run[i], incarnation = a_incarnation[i],
          ready_at = coalesce('epoch'::timestamptz + a_run_at_ms[i] * interval '1 millisecond',
                              v_now + a_delay_ms[i] * interval '1 millisecond'),
          last_at = v_now
      from (
        select t.ctid as place, i
        from generate_series(p_firsts + 1, v_appends) i
        join tasks t on t.task_id = e_task[a_event[i]]
        where t.version = e_version[a_event[i]] - 1 and t.last_at <= v_now
        for no key update of t skip locked) winner
      where h.ctid = winner.place;
      get diagnostics v_count = row_count;
    end if;
    if v_count <> v_appends - p_firsts then
      v_all := false;
      -- The same for streams whose last instant is ahead of this clock: time never steps back within a stream.
      update tasks h
      set version = a_version[i], status = a_status[i], attempt = a_attempt[i], run = a_run[i], incarnation = a_incarnation[i],
          ready_at = coalesce('epoch'::timestamptz + a_run_at_ms[i] * interval '1 millisecond',
                              h.last_at + a_delay_ms[i] * interval '1 millisecond')
      from (
        select t.ctid as place, i
        from generate_series(p_firsts + 1, v_appends) i
        join tasks t on t.task_id = e_task[a_event[i]]
        where t.version = e_version[a_event[i]] - 1 and t.last_at > v_now
        for no key update of t skip locked) winner
      where h.ctid = winner.place;
    end if;
  end if;
  recorded_ms := (extract(epoch from v_now) * 1000)::bigint;

  -- (4) The events. Everybody won: straight in.
  if v_all then
    insert into events (task_id, version, append_id, recorded_at, xid, type, data, body, meta, incarnation, attempt, time_limit_ms)
    select e_task[j], e_version[j], e_append[j], v_now, v_xid, e_type[j], e_data[j], e_body[j], e_meta[j],
           e_incarnation[j], e_attempt[j], e_time_limit_ms[j]
    from generate_series(1, v_events) j;
    return;
  end if;

  -- (5) Somebody did not. A winner is a head that this transaction wrote, which tells one append from another only while
  -- there is one append a stream.
  if (select count(distinct e_task[first_event]) from unnest(a_event) first_event) <> v_appends then
    raise exception 'one append a stream a call' using errcode = 'TF001';
  end if;
  insert into events (task_id, version, append_id, recorded_at, xid, type, data, body, meta, incarnation, attempt, time_limit_ms)
  select e_task[j], e_version[j], e_append[j], h.last_at, v_xid, e_type[j], e_data[j], e_body[j], e_meta[j],
         e_incarnation[j], e_attempt[j], e_time_limit_ms[j]
  from generate_series(1, v_events) j
  join tasks h on h.task_id = e_task[j]
  where h.xmin = v_me;

  -- (6) The verdicts of the rest, with a new snapshot. Already before duplicate before busy before conflict. A key that was
  -- held and is gone was purged meanwhile: trying again takes it.
  select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
           'event', v.event, 'verdict', v.verdict, 'version', v.version,
           'recordedAt', (extract(epoch from v.recorded_at) * 1000)::bigint,
           'taskId', v.holder, 'fingerprint', encode(v.held_with, 'hex')))),
         bool_or(v.verdict in ('busy', 'conflict') or v.held_with <> v.asked_with)
  into others, v_refused
  from (
    select a_event[i] as event, h.version, h.last_at, e.recorded_at, c.verdict,
           case c.verdict when 'duplicate' then s.task_id end as holder,
           case c.verdict when 'duplicate' then s.fingerprint end as held_with,
           k_fingerprint[i] as asked_with
    from generate_series(1, v_appends) i
    left join tasks h on h.task_id = e_task[a_event[i]]
    left join events e on e.task_id = e_task[a_event[i]] and e.version = e_version[a_event[i]]
    left join submit_keys s on s.scope = k_scope[i] and s.key = k_key[i]
    cross join lateral (
      select case when h.xmin = v_me then 'appended'
                  when e.append_id = e_append[a_event[i]] then 'already'
                  when e_task[a_event[i]] = any (v_duplicates) then case when s.task_id is null then 'busy' else 'duplicate' end
                  when i > p_firsts and h.version = e_version[a_event[i]] - 1 then 'busy'
                  else 'conflict' end as verdict) c) v
  where v.verdict <> 'appended' or v.last_at <> v_now;

  if p_atomic and v_refused then
    raise exception 'not all could be appended' using errcode = 'TF002', detail = others::text;
  end if;

  -- A key belongs to the task that was begun under it; who lost the beginning has not taken the key either.
  if k_key is not null then
    delete from submit_keys s
    using generate_series(1, p_firsts) i
    where s.scope = k_scope[i] and s.key = k_key[i] and s.task_id = e_task[a_event[i]] and s.xmin = v_me
    and not exists (select from tasks h where h.task_id = s.task_id and h.xmin = v_me);
  end if;
end $$;
