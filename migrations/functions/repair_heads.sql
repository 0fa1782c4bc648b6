-- Writes heads anew from their streams, as the caller has folded them: for a head that went wrong and for `taskfold rebuild`.
--
-- Arguments: h_*, an element for each head, as it should be. Instants are in milliseconds. Each task once.
--
-- Answers the ids of the heads that were unlike what they should be, or missing; the others are not written.
--
-- Locks the heads, in order of task id, and waits for those that are held. An append that meets such a lock is 'busy', or
-- fails after 20 ms, and is tried again. A head is set only while its stream ends at the version given: otherwise an append
-- came after the fold and has written the head itself. The streams are read by a statement after the one that locks, because
-- only its snapshot is sure to see what the lock waited for.
--
-- The plan must not depend on what the tables held when it was made.

create or replace function taskfold.repair_heads(
  h_task uuid[],
  h_version int[],
  h_status text[],
  h_attempt int[],
  h_run int[],
  h_incarnation uuid[],
  h_claim uuid[],
  h_ready_at_ms bigint[],
  h_last_at_ms bigint[],
  h_route int[],
  h_priority int[]
) returns setof uuid
language plpgsql
volatile
set search_path = taskfold, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
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
end $$;
