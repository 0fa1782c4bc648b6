-- Makes the weekly partitions of `taskfold.events` that are missing: `weeks` of them from the Monday at or before
-- `from_instant`. Weeks begin on Mondays in UTC, so that every caller means the same ones. Answers how many it made.
--
-- A partition is made apart and then attached, which, unlike `create table … partition of`, does not stop the appends of
-- others. Each gets a trigger of its own: that of the parent does not guard a partition that is named directly.
--
-- Locks: one advisory lock for the transaction, so that callers make partitions one after another; then `share update
-- exclusive` on the parent, which keeps out vacuum and other changes of the table, and neither reads nor writes. With the
-- rights of the owner, because the role that runs need not own the table: otherwise no task could be submitted once the
-- partitions that the owner made are used up.
--
-- Errors: 55P03 when a lock is not to be had within two seconds; the caller asks again later.

create or replace function taskfold.make_event_partitions(from_instant timestamptz, weeks int) returns int
language plpgsql
volatile
security definer
set search_path = taskfold, pg_temp
set lock_timeout = '2s'
as $$
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
end $$;
