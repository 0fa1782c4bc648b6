-- Answers the lowest version 7 UUID that could be minted at an instant, to the millisecond: ids of tasks submitted from then
-- on are not below it. Locks nothing.

create or replace function taskfold.lowest_task_id(instant timestamptz) returns uuid
language sql
immutable
as $$
  select (lpad(to_hex((extract(epoch from instant) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
