-- The history: append-only, one stream a task, versions 1 to n without a hole.
--
-- Partitioned by task id. A version 7 UUID starts with the time it was minted at, so a partition holds whole tasks, those
-- submitted in one week, and they can leave together. There is no default partition: a row that has no partition is a
-- mistake that must be seen. Partitions are made by functions/make_event_partitions.sql.
--
-- `data` and `body` are json, not jsonb: what was recorded comes back to the letter, keys in their order and numbers in
-- their digits. `body` is the payload of Submitted and the result of Succeeded, apart from the rest because it is read as
-- text, unparsed, before an attempt has been spent on it. The members of Started have columns of their own.

create table taskfold.events (
  task_id uuid not null,
  append_id uuid not null,               -- the same for all events that were appended together
  recorded_at timestamptz not null,      -- whole milliseconds
  xid xid8 not null,                     -- position in the event feed, made from the number of the transaction
  version int not null,
  attempt int,                           -- of Started
  time_limit_ms int,                     -- of Started
  incarnation uuid,                      -- of Started
  type text not null,
  data json,
  body json,
  meta json,                             -- the rest of the envelope; null when it is empty
  constraint events_pkey primary key (task_id, version)
)
partition by range (task_id);

create index events_feed on taskfold.events (xid);

-- History is never edited, whatever the role, the owner included. This guards against accidents: a superuser can still drop
-- the trigger. The trigger of the parent does not guard a partition that is named directly, so each partition has its own.
-- The function is part of the trigger, and so made here and not in functions/.
create function taskfold.refuse_change() returns trigger
language plpgsql
as $$
begin
  raise exception 'events are append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
  using errcode = 'TF003';
end $$;

create trigger events_append_only
before update or delete or truncate on taskfold.events
for each statement
execute function taskfold.refuse_change();
