table clock
  latest timestamp with time zone not null
  index CREATE UNIQUE INDEX clock_is_one_row ON taskfold.clock USING btree ((true))

table effects
  task_id uuid not null
  claim uuid not null
  started_at timestamp with time zone not null default date_trunc('milliseconds'::text, clock_timestamp())
  completed_at timestamp with time zone
  settled_at timestamp with time zone
  run integer not null
  attempt integer not null
  taken_over boolean not null default false
  name text not null
  mode text not null
  state text not null default 'claimed'::text
  settled_by text
  settle_reason text
  input_sha256 bytea
  result json
  constraint effects_completed CHECK ((((state = 'completed'::text) = (completed_at IS NOT NULL)) AND ((state = 'completed'::text) = (result IS NOT NULL))))
  constraint effects_mode CHECK ((mode = ANY (ARRAY['tx'::text, 'idempotent'::text, 'once'::text, 'verify'::text])))
  constraint effects_pkey PRIMARY KEY (task_id, name)
  constraint effects_settled CHECK (((settled_at IS NOT NULL) OR ((settled_by IS NULL) AND (settle_reason IS NULL))))
  constraint effects_state CHECK ((state = ANY (ARRAY['claimed'::text, 'not-done'::text, 'in-doubt'::text, 'completed'::text])))
  index CREATE INDEX effects_unfinished ON taskfold.effects USING btree (task_id) WHERE ((state = ANY (ARRAY['claimed'::text, 'in-doubt'::text])) AND (mode = ANY (ARRAY['once'::text, 'verify'::text])))

table events
  task_id uuid not null
  append_id uuid not null
  recorded_at timestamp with time zone not null
  xid xid8 not null
  version integer not null
  attempt integer
  time_limit_ms integer
  incarnation uuid
  type text not null
  data json
  body json
  meta json
  partition by RANGE (task_id)
  constraint events_pkey PRIMARY KEY (task_id, version)
  index CREATE INDEX events_feed ON ONLY taskfold.events USING btree (xid)
  trigger CREATE TRIGGER events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON taskfold.events FOR EACH STATEMENT EXECUTE FUNCTION taskfold.refuse_change()

table events_20260105
  task_id uuid not null
  append_id uuid not null
  recorded_at timestamp with time zone not null
  xid xid8 not null
  version integer not null
  attempt integer
  time_limit_ms integer
  incarnation uuid
  type text not null
  data json
  body json
  meta json
  partition of taskfold.events FOR VALUES FROM ('019b8b74-1800-0000-0000-000000000000') TO ('019baf80-9c00-0000-0000-000000000000')
  constraint events_20260105_pkey PRIMARY KEY (task_id, version)
  index CREATE INDEX events_20260105_xid_idx ON taskfold.events_20260105 USING btree (xid)
  trigger CREATE TRIGGER events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON taskfold.events_20260105 FOR EACH STATEMENT EXECUTE FUNCTION taskfold.refuse_change()

table exclusive_work
  name text not null
  holder uuid not null
  beat bigint not null
  state text not null
  begun_at timestamp with time zone not null
  constraint exclusive_work_pkey PRIMARY KEY (name)
  constraint exclusive_work_state CHECK ((state = ANY (ARRAY['under way'::text, 'done'::text, 'failed'::text])))

table functions
  name text not null
  checksum text not null
  release text not null
  applied_at timestamp with time zone not null default clock_timestamp()
  constraint functions_pkey PRIMARY KEY (name)

table installation
  id uuid not null default gen_random_uuid()
  effect_secret bytea not null default sha256(convert_to(((gen_random_uuid())::text || (gen_random_uuid())::text), 'UTF8'::name))
  home text not null
  generation integer not null default 0
  constraint installation_pkey PRIMARY KEY (id)
  index CREATE UNIQUE INDEX installation_is_one_row ON taskfold.installation USING btree ((true))

table migrations
  name text not null
  applied_at timestamp with time zone not null default clock_timestamp()
  constraint migrations_pkey PRIMARY KEY (name)

table names
  kind text not null
  name text not null
  constraint names_kind CHECK ((kind = ANY (ARRAY['queue'::text, 'type'::text])))
  constraint names_pkey PRIMARY KEY (kind, name)

unlogged table progress
  task_id uuid not null
  run integer not null
  value json not null
  with autovacuum_vacuum_scale_factor=0.05, fillfactor=50
  constraint progress_pkey PRIMARY KEY (task_id)

unlogged table queue_hints
  route integer not null
  rank bigint not null
  task_id uuid not null
  with autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.01
  constraint queue_hints_pkey PRIMARY KEY (route, rank, task_id)

table routes
  id integer not null generated always as identity
  queue text not null
  type text not null
  used_at timestamp with time zone not null default clock_timestamp()
  constraint routes_names UNIQUE (queue, type)
  constraint routes_pkey PRIMARY KEY (id)
  index CREATE INDEX routes_used ON taskfold.routes USING btree (used_at)

table submit_keys
  task_id uuid not null
  created_at timestamp with time zone not null
  scope text not null
  key text not null
  fingerprint bytea not null
  constraint submit_keys_pkey PRIMARY KEY (scope, key)
  index CREATE INDEX submit_keys_age ON taskfold.submit_keys USING btree (created_at)

table tasks
  task_id uuid not null
  ready_at timestamp with time zone
  last_at timestamp with time zone not null
  incarnation uuid
  claim uuid
  version integer not null
  run integer
  route integer not null
  attempt integer not null
  priority smallint not null
  status text not null
  with autovacuum_vacuum_insert_scale_factor=0.1, autovacuum_vacuum_scale_factor=0.02
  constraint tasks_pkey PRIMARY KEY (task_id)
  constraint tasks_status CHECK ((status = ANY (ARRAY['PENDING'::text, 'PROCESSING'::text, 'SUCCESS'::text, 'FAILED'::text, 'CANCELLED'::text])))
  index CREATE INDEX tasks_cancelled ON taskfold.tasks USING btree (task_id) WHERE (status = 'CANCELLED'::text)
  index CREATE INDEX tasks_failed ON taskfold.tasks USING btree (task_id, route) WHERE (status = 'FAILED'::text)
  index CREATE INDEX tasks_runnable ON taskfold.tasks USING btree (route, priority, ready_at, task_id) WHERE (ready_at IS NOT NULL)
  index CREATE INDEX tasks_running ON taskfold.tasks USING btree (incarnation, task_id) WHERE (incarnation IS NOT NULL)

table workers
  incarnation uuid not null
  host text not null
  pid integer not null
  queues text[]
  types text[] not null
  concurrency integer not null
  lease_ms integer not null
  beat bigint not null default 1
  running integer not null default 0
  state text not null default 'live'::text
  fenced boolean not null default false
  started_at timestamp with time zone not null default clock_timestamp()
  last_beat_at timestamp with time zone not null default clock_timestamp()
  clock_ahead_ms double precision
  constraint workers_pkey PRIMARY KEY (incarnation)
  constraint workers_state CHECK ((state = ANY (ARRAY['live'::text, 'draining'::text, 'ended'::text])))

function adopt_installation
  OUT adopted boolean
  OUT epoch text
  returns record language plpgsql volatile security definer
  set search_path=taskfold, pg_temp

declare
  v_home text := present_home();
  v_generation int := 0;
begin
  if exists (select from installation where home <> v_home) then
    -- An installation that was just made has no home yet.
    update installation
    set
      generation = generation + (home <> '')::int,
      home = v_home
    where home <> v_home
    returning generation
    into v_generation;
  end if;
  adopted := coalesce(v_generation, 0) > 0;
  if adopted then
    perform durably();
    execute format(
      'create or replace function taskfold.feed_position(number xid8) returns xid8 language sql immutable as %L',
      format('select (number::text::bigint + %s)::text::xid8', v_generation::bigint << 44));
    update workers
    set state = 'ended'
    where state <> 'ended';
  end if;
  epoch := feed_epoch();
end

function append
  p_firsts integer
  a_event integer[]
  a_version integer[]
  a_status text[]
  a_attempt integer[]
  a_run integer[]
  a_incarnation uuid[]
  a_claimed uuid[]
  a_delay_ms bigint[]
  a_run_at_ms bigint[]
  a_route integer[]
  a_priority integer[]
  e_task uuid[]
  e_version integer[]
  e_append uuid[]
  e_type text[]
  e_data json[]
  e_body json[]
  e_meta json[]
  e_incarnation uuid[]
  e_attempt integer[]
  e_time_limit_ms integer[]
  p_atomic boolean
  locking text
  p_told_ms bigint
  k_scope text[] DEFAULT NULL::text[]
  k_key text[] DEFAULT NULL::text[]
  k_fingerprint bytea[] DEFAULT NULL::bytea[]
  OUT recorded_ms bigint
  OUT others jsonb
  returns record language plpgsql volatile
  set search_path=taskfold, pg_temp
  set plan_cache_mode=force_generic_plan
  set enable_seqscan=off
  set enable_hashjoin=off
  set enable_mergejoin=off
  set jit=off

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
end

function claim_effect
  p_task_id uuid
  p_name text
  p_mode text
  p_run integer
  p_claim uuid
  p_attempt integer
  p_input_sha256 bytea
  p_unfinished text
  OUT o_verdict text
  OUT o_taken_over boolean
  OUT o_result json
  returns record language plpgsql volatile
  set search_path=taskfold, pg_temp

declare
  v_found effects;
  v_is_own boolean;
begin
  perform durably();
  o_verdict := 'fenced';
  perform
  from tasks
  where task_id = p_task_id
  and run = p_run
  and claim = p_claim;
  if not found then
    return;
  end if;

  insert into effects (task_id, name, mode, run, claim, attempt, input_sha256)
  values (p_task_id, p_name, p_mode, p_run, p_claim, p_attempt, p_input_sha256)
  on conflict (task_id, name) do nothing;
  if found then
    o_verdict := 'claimed';
    o_taken_over := false;
    return;
  end if;

  -- A statement of its own: its snapshot sees the row that stood in the way.
  select *
  into v_found
  from effects
  where task_id = p_task_id
  and name = p_name
  for update;
  if not found or v_found.run > p_run then
    return;
  end if;
  if v_found.mode <> p_mode or v_found.input_sha256 is distinct from p_input_sha256 then
    o_verdict := 'changed';
    return;
  end if;
  if v_found.state = 'completed' then
    o_verdict := 'completed';
    o_result := v_found.result;
    return;
  end if;

  v_is_own := v_found.state = 'claimed' and v_found.run = p_run and v_found.claim = p_claim;
  if p_unfinished = 'doubt' and v_found.state <> 'not-done' and not v_is_own then
    update effects
    set state = 'in-doubt'
    where task_id = p_task_id
    and name = p_name;
    o_verdict := 'in-doubt';
    return;
  end if;

  o_verdict := 'claimed';
  o_taken_over := case
    when v_is_own then v_found.taken_over
    else v_found.state <> 'not-done'
  end;
  if not v_is_own then
    update effects
    set state = 'claimed', run = p_run, claim = p_claim, attempt = p_attempt, taken_over = o_taken_over
    where task_id = p_task_id
    and name = p_name;
  end if;
end

function count_hints
  p_route integer
  p_count_max integer
  returns integer language plpgsql volatile
  set search_path=taskfold, pg_temp
  set plan_cache_mode=force_generic_plan
  set enable_seqscan=off
  set enable_bitmapscan=off
  set jit=off

begin
  return (
    select count(*)
    from (
      select
      from queue_hints q
      where q.route = p_route
      limit p_count_max) counted);
end

function durably
  returns void language plpgsql volatile
  set search_path=taskfold, pg_temp

begin
  if current_setting('synchronous_commit') in ('off', 'local') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
end

function feed_end
  returns xid8 language sql stable

  select coalesce(min(running.xid), pg_snapshot_xmax(pg_current_snapshot()))
  from pg_snapshot_xip(pg_current_snapshot()) running (xid)
  where not exists (
    select
    from pg_stat_activity a
    where a.backend_xid = running.xid::xid
    and a.datname <> current_database())
  and not exists (
    select
    from pg_prepared_xacts p
    where p.transaction = running.xid::xid
    and p.database <> current_database())


function feed_epoch
  returns text language sql stable

  select substr(md5(concat_ws(' ', i.id, i.home, i.generation)), 1, 16)
  from taskfold.installation i


function feed_position
  number xid8
  returns xid8 language sql immutable
select number

function forget_routes
  p_unused integer[]
  p_used integer[]
  p_used_before timestamp with time zone
  returns integer language plpgsql volatile
  set search_path=taskfold, pg_temp

declare
  v_forgotten int;
begin
  perform pg_advisory_xact_lock(hashtext('taskfold.learn_routes'));
  update routes
  set used_at = clock_timestamp()
  where id = any (p_used);

  delete from routes
  where id = any (p_unused)
  and used_at < p_used_before;
  get diagnostics v_forgotten = row_count;

  if v_forgotten > 0 then
    delete from names n
    where not exists (
      select
      from routes r
      where case n.kind when 'queue' then r.queue else r.type end = n.name
      and r.queue <> '*');
  end if;
  return v_forgotten;
end

function learn_routes
  p_queue text[]
  p_type text[]
  p_names_max integer
  returns TABLE(id integer, queue text, type text, refused text) language plpgsql volatile
  set search_path=taskfold, pg_temp

#variable_conflict use_column
declare
  v_room int;
  v_new_queue boolean;
  v_new_type boolean;
  v_refused text[] := array_fill(null::text, array[cardinality(p_queue)]);
begin
  update routes
  set used_at = clock_timestamp()
  where id = any (array(
    select r.id
    from unnest(p_queue, p_type) g (queue, type)
    join routes r on r.queue = g.queue and r.type = g.type
    where r.used_at < clock_timestamp() - interval '1 hour'
    for no key update of r skip locked));

  if exists (
    select
    from unnest(p_queue, p_type) g (queue, type)
    where g.queue <> '*'
    and not exists (select from routes r where r.queue = g.queue and r.type = g.type)
  ) then
    perform pg_advisory_xact_lock(hashtext('taskfold.learn_routes'));
    v_room := p_names_max - (select count(*) from names);
    for i in 1 .. cardinality(p_queue) loop
      continue when p_queue[i] = '*';
      v_new_queue := not exists (select from names n where n.kind = 'queue' and n.name = p_queue[i]);
      v_new_type := not exists (select from names n where n.kind = 'type' and n.name = p_type[i]);
      if v_new_queue::int + v_new_type::int > v_room then
        v_refused[i] := case when v_new_queue and v_room < 1 then 'queue' when v_new_type then 'type' else 'queue' end;
        continue;
      end if;
      v_room := v_room - v_new_queue::int - v_new_type::int;
      insert into names (kind, name)
      select n.kind, n.name
      from (values ('queue', p_queue[i], v_new_queue), ('type', p_type[i], v_new_type)) n (kind, name, is_new)
      where n.is_new
      on conflict do nothing;
    end loop;
  end if;

  insert into routes (queue, type)
  select g.queue, g.type
  from unnest(p_queue, p_type, v_refused) g (queue, type, refused)
  where g.refused is null
  and not exists (select from routes r where r.queue = g.queue and r.type = g.type)
  order by g.queue, g.type
  on conflict do nothing;

  return query
  select r.id, g.queue, g.type, case when r.id is null then g.refused end
  from unnest(p_queue, p_type, v_refused) g (queue, type, refused)
  left join routes r on r.queue = g.queue and r.type = g.type;
end

function lowest_task_id
  instant timestamp with time zone
  returns uuid language sql immutable

  select (lpad(to_hex((extract(epoch from instant) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid


function make_event_partitions
  from_instant timestamp with time zone
  weeks integer
  returns integer language plpgsql volatile security definer
  set search_path=taskfold, pg_temp
  set lock_timeout=2s

declare
  week date := date_trunc('week', from_instant at time zone 'UTC')::date;
  partition text;
  made int := 0;
begin
  perform pg_advisory_xact_lock(hashtext('taskfold.make_event_partitions'));
  for i in 1 .. weeks loop
    partition := 'events_' || to_char(week, 'YYYYMMDD');
    if to_regclass('taskfold.' || partition) is null then
      execute format(
        'create table taskfold.%I (like taskfold.events including all)',
        partition);
      execute format(
        'create trigger events_append_only
         before update or delete or truncate on taskfold.%I
         for each statement
         execute function taskfold.refuse_change()',
        partition);
      execute format(
        'alter table taskfold.events
         attach partition taskfold.%I for values from (%L) to (%L)',
        partition,
        lowest_task_id(week::timestamp at time zone 'UTC'),
        lowest_task_id((week + 7)::timestamp at time zone 'UTC'));
      made := made + 1;
    end if;
    week := week + 7;
  end loop;
  return made;
end

function present_home
  returns text language plpgsql stable
  set search_path=taskfold, pg_temp

declare
  v_timeline int;
begin
  begin
    v_timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int;
  exception when others then
    select timeline_id into v_timeline from pg_control_checkpoint();
  end;
  return (
    select concat_ws(' ', s.system_identifier, d.oid, v_timeline)
    from pg_control_system() s
    cross join pg_database d
    where d.datname = current_database());
end

function pull_hints
  p_routes integer[]
  p_max integer
  p_count_max integer
  p_from bigint
  OUT task_ids text
  OUT highest bigint
  OUT took_ms double precision
  OUT left_over integer
  returns record language plpgsql volatile
  set search_path=taskfold, pg_temp
  set plan_cache_mode=force_generic_plan
  set enable_seqscan=off
  set enable_bitmapscan=off
  set jit=off

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
end

function push_hints
  on_conflict text
  p_route integer[]
  p_rank bigint[]
  p_task uuid[]
  p_channel text
  p_news text
  p_trim integer[]
  p_ids_max integer
  returns void language plpgsql volatile
  set search_path=taskfold, pg_temp
  set plan_cache_mode=force_generic_plan
  set enable_seqscan=off
  set enable_bitmapscan=off
  set jit=off

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
end

function read_feed
  p_xid xid8
  p_task uuid
  p_version integer
  p_limit integer
  p_bytes_max integer
  returns SETOF taskfold.events language plpgsql stable
  set search_path=taskfold, pg_temp
  set plan_cache_mode=force_generic_plan
  set enable_seqscan=off
  set enable_bitmapscan=off
  set enable_sort=off
  set jit=off

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
end

function refuse_change
  returns trigger language plpgsql volatile

begin
  raise exception 'events are append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
  using errcode = 'TF003';
end

function repair_heads
  h_task uuid[]
  h_version integer[]
  h_status text[]
  h_attempt integer[]
  h_run integer[]
  h_incarnation uuid[]
  h_claim uuid[]
  h_ready_at_ms bigint[]
  h_last_at_ms bigint[]
  h_route integer[]
  h_priority integer[]
  returns SETOF uuid language plpgsql volatile
  set search_path=taskfold, pg_temp
  set plan_cache_mode=force_generic_plan
  set enable_seqscan=off
  set enable_hashjoin=off
  set enable_mergejoin=off
  set jit=off

begin
  perform
  from tasks
  where task_id = any (h_task)
  order by task_id
  for no key update;

  return query
  insert into tasks as stored (
    task_id, version, status, attempt, run, incarnation, claim, ready_at, last_at, route, priority)
  select
    h_task[i], h_version[i], h_status[i], h_attempt[i], h_run[i], h_incarnation[i], h_claim[i],
    'epoch'::timestamptz + h_ready_at_ms[i] * interval '1 millisecond',
    'epoch'::timestamptz + h_last_at_ms[i] * interval '1 millisecond',
    h_route[i], h_priority[i]
  from generate_series(1, cardinality(h_task)) i
  where h_version[i] = (
    select e.version
    from events e
    where e.task_id = h_task[i]
    order by e.version desc
    limit 1)
  order by h_task[i]
  on conflict (task_id) do update
  set
    version = excluded.version,
    status = excluded.status,
    attempt = excluded.attempt,
    run = excluded.run,
    incarnation = excluded.incarnation,
    claim = excluded.claim,
    ready_at = excluded.ready_at,
    last_at = excluded.last_at,
    route = excluded.route,
    priority = excluded.priority
  where (
    stored.version, stored.status, stored.attempt, stored.run, stored.incarnation, stored.claim, stored.ready_at,
    stored.last_at, stored.route, stored.priority)
  is distinct from (
    excluded.version, excluded.status, excluded.attempt, excluded.run, excluded.incarnation, excluded.claim,
    excluded.ready_at, excluded.last_at, excluded.route, excluded.priority)
  returning stored.task_id;
end
