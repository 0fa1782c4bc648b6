-- Stores appends: the only way in which events and heads are written. One call is one flush of the group commit: one
-- transaction, one round trip, many appends to different streams. Every append is decided by comparing and setting its head;
-- only the events of the appends that won are inserted. (A plain multi-row insert of events with `on conflict do nothing`
-- would store half an append.)
--
-- Arguments
--   a_*  an element for each append: first the `p_firsts` that begin a stream, then those to existing streams, each of the
--        two sorted by task id. `a_event` is the index of the append's first event in e_*, counted from 1. The others are
--        the head as it is afterwards; `a_route` and `a_priority` count for first appends only. A task that is PENDING is
--        ready `a_delay_ms` after the recording or at the instant `a_run_at_ms`; without either it is not runnable. The
--        claim of a head is not told: it is the append that gave the head its `a_run`. When `a_claimed` is given, the head
--        must have it as its claim, and a start needs a head that is PENDING and has had one attempt less: a failover that
--        lost commits may have given the expected version to something else.
--   e_*  an element for each event, append by append, in order of version. The version of an append's first event less one
--        is the version that its head must have.
--   k_*  an element for each first append, null where it brings no key; all null when none does.
--   An array may be null when all its elements are. Instants and durations are in milliseconds. One append a stream.
--   p_atomic: stores all appends or none.
--   p_told_ms: an instant that the row of the clock has been raised to, as far as the caller knows; 0 when it knows of none.
--   locking: how heads are taken.
--     'optimistic' takes new heads to be new and sets existing ones at once. It waits for a head that another transaction
--       holds, at most 20 ms, and then fails as a whole (55P03); a new head that is there, because its append was stored
--       before, fails it as well (23505). The caller sends the batch again with 'skip-locked', and all its batches for a
--       second, so that held heads cost a process 20 ms a second at most.
--     'skip-locked' never waits for the head of an existing stream: one that is held gives 'busy', and the caller tries that
--       append again. For a batch that met such a head, and for those that a 'busy' append comes back in. It costs twice
--       what storing a new head does, and 4 µs for each existing one, to allow for what is rare.
--
-- Answer
--   recorded_ms: the instant of recording.
--   others: null when every append was stored at that instant, else an array with an entry for each append that was not,
--     named by the index of its first event. Members that are unknown are left out:
--       {"event", "verdict": "appended" | "already" | "duplicate" | "busy" | "conflict", "version": of the head now,
--        "recordedAt": of its first event, "taskId" and "fingerprint": of the task that holds the key, with "duplicate"}
--     'appended' is there for a stream whose last instant was ahead of the clock: time never steps back within a stream.
--
-- Locks, in this order: keys, by scope and key; new heads, by task id; existing heads, by task id; the row of the clock. Every
-- call keeps to it, so calls wait for each other in one direction only. A key that another call holds is waited for, since
-- whether it is free shows when that call ends. Of equal keys in one call the first append stands.
--
-- Errors: TF001 when two appends of one call are to one stream and not all could be stored. TF002 when, with p_atomic, an
-- append is 'busy' or in 'conflict', or is a 'duplicate' of another fingerprint; its detail is `others`. 23514 when an event
-- has no partition. 55P03 and 23505 with 'optimistic', as above.
--
-- Several statements in one volatile function, for READ COMMITTED: the loser of `on conflict do nothing` needs a new
-- snapshot to see who won. The plan must not depend on what the tables held when it was made: a generic plan with a hash
-- join costs 3 ms a call, and grows. The settings cost about 15 µs a call, not a row.

create or replace function taskfold.append(
  p_firsts int,
  a_event int[],
  a_version int[],
  a_status text[],
  a_attempt int[],
  a_run int[],
  a_incarnation uuid[],
  a_claimed uuid[],
  a_delay_ms bigint[],
  a_run_at_ms bigint[],
  a_route int[],
  a_priority int[],
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
  locking text,
  p_told_ms bigint,
  k_scope text[] default null,
  k_key text[] default null,
  k_fingerprint bytea[] default null,
  out recorded_ms bigint,
  out others jsonb
)
language plpgsql
volatile
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
  v_all boolean := true;                 -- all appends so far were stored, at v_now
  v_duplicates uuid[] := '{}';           -- tasks whose key another task holds
  v_locked boolean[];                    -- of each existing head; null with 'optimistic'
  v_ahead boolean;                       -- sets heads whose last instant is ahead of v_now as well
  v_refused boolean;
  v_lock_timeout text := current_setting('lock_timeout');
begin
  -- What is acknowledged is on disk, whatever the session or the database says; stronger settings are left alone.
  if current_setting('synchronous_commit') in ('off', 'local') then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  -- (1) Keys.
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
        select
        from submit_keys s
        where s.scope = k_scope[i]
        and s.key = k_key[i]
        and s.task_id = e_task[a_event[i]]);
    end if;
    v_now := date_trunc('milliseconds', clock_timestamp());
  end if;

  -- (2) New heads. The two statements differ in their last line alone, which cannot be a condition.
  if p_firsts > 0 then
    if locking = 'optimistic' then
      insert into tasks (task_id, version, status, attempt, run, incarnation, route, priority, ready_at, last_at)
      select
        e_task[a_event[i]], a_version[i], a_status[i], a_attempt[i], a_run[i], a_incarnation[i], a_route[i], a_priority[i],
        coalesce(
          'epoch'::timestamptz + a_run_at_ms[i] * interval '1 millisecond',
          v_now + a_delay_ms[i] * interval '1 millisecond'),
        v_now
      from generate_series(1, p_firsts) i
      where e_task[a_event[i]] <> all (v_duplicates)
      order by e_task[a_event[i]];
    else
      insert into tasks (task_id, version, status, attempt, run, incarnation, route, priority, ready_at, last_at)
      select
        e_task[a_event[i]], a_version[i], a_status[i], a_attempt[i], a_run[i], a_incarnation[i], a_route[i], a_priority[i],
        coalesce(
          'epoch'::timestamptz + a_run_at_ms[i] * interval '1 millisecond',
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

  -- (3) Existing heads at the expected version: all of them, waiting a moment for those that are held, or those that could
  -- be locked without waiting. The statement runs again when it met too few: for streams whose last instant is ahead of this
  -- clock, which keep that instant.
  if v_appends > p_firsts then
    if locking = 'optimistic' then
      perform set_config('lock_timeout', '20ms', true);
    else
      v_locked := array(
        select exists (
          select
          from tasks h
          where h.task_id = e_task[a_event[i]]
          and h.version = e_version[a_event[i]] - 1
          for no key update skip locked)
        from generate_series(p_firsts + 1, v_appends) i);
    end if;
    foreach v_ahead in array array[false, true] loop
      update tasks h
      set
        version = a_version[i],
        status = a_status[i],
        attempt = a_attempt[i],
        run = a_run[i],
        incarnation = a_incarnation[i],
        claim = case
          when a_run[i] is null then null
          when a_run[i] = h.run then h.claim
          else e_append[a_event[i]]
        end,
        ready_at = coalesce(
          'epoch'::timestamptz + a_run_at_ms[i] * interval '1 millisecond',
          greatest(h.last_at, v_now) + a_delay_ms[i] * interval '1 millisecond'),
        last_at = greatest(h.last_at, v_now)
      from generate_series(p_firsts + 1, v_appends) i
      where h.task_id = e_task[a_event[i]]
      and h.version = e_version[a_event[i]] - 1
      and case
        when a_claimed[i] is not null then h.claim = a_claimed[i]
        when a_run[i] is not null then h.ready_at is not null and h.attempt = a_attempt[i] - 1
        else true
      end
      and (h.last_at <= v_now or v_ahead)
      and coalesce(v_locked[i - p_firsts], true);
      get diagnostics v_count = row_count;
      exit when v_count = v_appends - p_firsts;
      v_all := false;
    end loop;
    perform set_config('lock_timeout', v_lock_timeout, true);
  end if;
  recorded_ms := (extract(epoch from v_now) * 1000)::bigint;

  -- What is recorded while the clock is ahead for a moment stands in the future when it has stepped back, maybe before any
  -- process has told that it was ahead: so the events themselves tell it. So does what is recorded later in a stream that
  -- stands in the future. Not in calm: a caller has it told once in fifteen seconds, for the statement costs 40 µs.
  if not v_all or recorded_ms - p_told_ms > 15000 then
    update clock
    set latest = told.at
    from (
      select greatest(v_now, (select max(h.last_at) from tasks h where h.task_id = any (e_task) and h.xmin = v_me)) as at) told
    where latest < told.at - interval '15 seconds';
  end if;

  -- (4) The events, when every append was stored.
  if v_all then
    insert into events (
      task_id, version, append_id, recorded_at, xid, type, data, body, meta, incarnation, attempt, time_limit_ms)
    select
      e_task[j], e_version[j], e_append[j], v_now, v_xid, e_type[j], e_data[j], e_body[j], e_meta[j],
      e_incarnation[j], e_attempt[j], e_time_limit_ms[j]
    from generate_series(1, v_events) j;
    return;
  end if;

  -- (5) The events of the appends that won: their heads were written by this transaction, which tells one append from
  -- another only while there is one append a stream.
  if (select count(distinct e_task[first_event]) from unnest(a_event) first_event) <> v_appends then
    raise exception 'one append a stream a call'
    using errcode = 'TF001';
  end if;
  insert into events (
    task_id, version, append_id, recorded_at, xid, type, data, body, meta, incarnation, attempt, time_limit_ms)
  select
    e_task[j], e_version[j], e_append[j], h.last_at, v_xid, e_type[j], e_data[j], e_body[j], e_meta[j],
    e_incarnation[j], e_attempt[j], e_time_limit_ms[j]
  from generate_series(1, v_events) j
  join tasks h on h.task_id = e_task[j]
  where h.xmin = v_me;

  -- (6) The verdicts of the rest, with a new snapshot. Already before duplicate before busy before conflict. A key that was
  -- held and is gone was purged meanwhile: trying again takes it.
  select
    jsonb_agg(
      jsonb_strip_nulls(
        jsonb_build_object(
          'event', v.event,
          'verdict', v.verdict,
          'version', v.version,
          'recordedAt', (extract(epoch from v.recorded_at) * 1000)::bigint,
          'taskId', v.holder,
          'fingerprint', encode(v.held_with, 'hex')))),
    bool_or(v.verdict in ('busy', 'conflict') or v.held_with <> v.asked_with)
  into others, v_refused
  from (
    select
      a_event[i] as event,
      h.version,
      h.last_at,
      e.recorded_at,
      c.verdict,
      case c.verdict when 'duplicate' then s.task_id end as holder,
      case c.verdict when 'duplicate' then s.fingerprint end as held_with,
      k_fingerprint[i] as asked_with
    from generate_series(1, v_appends) i
    left join tasks h on h.task_id = e_task[a_event[i]]
    left join events e on e.task_id = e_task[a_event[i]] and e.version = e_version[a_event[i]]
    left join submit_keys s on s.scope = k_scope[i] and s.key = k_key[i]
    cross join lateral (
      select
        case
          when h.xmin = v_me then 'appended'
          when e.append_id = e_append[a_event[i]] then 'already'
          when e_task[a_event[i]] = any (v_duplicates) then case when s.task_id is null then 'busy' else 'duplicate' end
          when a_claimed[i] is not null and h.claim is distinct from a_claimed[i] then 'conflict'
          when a_claimed[i] is null and a_run[i] is not null and h.attempt <> a_attempt[i] - 1 then 'conflict'
          when a_claimed[i] is null and a_run[i] is not null and h.ready_at is null then 'conflict'
          when i > p_firsts and h.version = e_version[a_event[i]] - 1 then 'busy'
          else 'conflict'
        end as verdict) c) v
  where v.verdict <> 'appended'
  or v.last_at <> v_now;

  if p_atomic and v_refused then
    raise exception 'not all could be appended'
    using errcode = 'TF002', detail = others::text;
  end if;

  -- (7) A key belongs to the task that was begun under it: a first append that lost its head gives its key back.
  if k_key is not null then
    delete from submit_keys s
    using generate_series(1, p_firsts) i
    where s.scope = k_scope[i]
    and s.key = k_key[i]
    and s.task_id = e_task[a_event[i]]
    and s.xmin = v_me
    and not exists (
      select
      from tasks h
      where h.task_id = s.task_id
      and h.xmin = v_me);
  end if;
end $$;
