-- Up Migration

-- What happened: append-only, one stream a task, versions 1..n without a hole.
--
-- Partitioned by task id. A version 7 UUID starts with the time it was minted at, so a partition holds whole tasks, those
-- submitted in one week, and they can leave together. There is no default partition: a row for which there is none is a
-- mistake that must be seen.
--
-- `data` and `body` are json, not jsonb: what was recorded comes back to the letter, keys in their order and numbers in
-- their digits. `body` is the payload of Submitted and the result of Succeeded, apart from the rest because it is read as
-- text, unparsed, before an attempt has been spent on it. Started keeps its members in columns of its own.

create table taskfold.events (
  task_id uuid not null,
  append_id uuid not null,               -- the same for all events that were appended together
  recorded_at timestamptz not null,      -- whole milliseconds
  xid xid8 not null,                     -- the transaction: what a stable global order is built on
  version int not null,
  attempt int,                           -- of Started
  time_limit_ms int,                     -- of Started
  incarnation uuid,                      -- of Started
  type text not null,
  data json,
  body json,
  meta json,                             -- the rest of the envelope; null when it says nothing
  constraint events_pkey primary key (task_id, version)
) partition by range (task_id);

create index events_feed on taskfold.events (xid);

-- History is not edited, by nobody. This guards against accidents of any role, the owner included; a superuser who means
-- it can always take a trigger away.
create function taskfold.refuse_change() returns trigger
language plpgsql as $$
begin
  raise exception 'events are append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = 'TF003';
end $$;

create trigger events_append_only
before update or delete or truncate on taskfold.events
for each statement execute function taskfold.refuse_change();

-- The lowest version 7 UUID of an instant.
create function taskfold.lowest_task_id(instant timestamptz) returns uuid
language sql immutable as $$
  select (lpad(to_hex((extract(epoch from instant) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Makes the partitions of `weeks` weeks from the Monday before `from_instant`, those that are missing. Weeks begin on
-- Mondays in UTC, so every caller means the same ones. A partition is made apart and then attached, which, unlike
-- `create table … partition of`, does not stop the appends of others. A trigger on the parent does not guard a
-- partition that is named directly, so each gets its own.
create function taskfold.make_event_partitions(from_instant timestamptz, weeks int) returns int
language plpgsql
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
      execute format('create table taskfold.%I (like taskfold.events including all)', partition);
      execute format(
        'create trigger events_append_only before update or delete or truncate on taskfold.%I
         for each statement execute function taskfold.refuse_change()', partition);
      execute format(
        'alter table taskfold.events attach partition taskfold.%I for values from (%L) to (%L)', partition,
        taskfold.lowest_task_id(week::timestamp at time zone 'UTC'),
        taskfold.lowest_task_id((week + 7)::timestamp at time zone 'UTC'));
      made := made + 1;
    end if;
    week := week + 7;
  end loop;
  return made;
end $$;
