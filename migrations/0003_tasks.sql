-- The heads: one slim row a task, written in the same transaction as the events it reflects. An append compares and sets it,
-- what is runnable is found by it, and lists are read from it. It is derived: `taskfold rebuild` writes it anew from events.
--
-- Wide columns come first, so that no row is padded. There is no jsonb here, and every index is counted: each costs about
-- 2 µs of each append, the partial ones only while a row is in them.

create table taskfold.tasks (
  task_id uuid not null,
  ready_at timestamptz,                  -- set while PENDING, and only then
  last_at timestamptz not null,          -- when its last event was recorded
  incarnation uuid,                      -- set while PROCESSING, and only then
  claim uuid,                            -- set while PROCESSING: the append that recorded the Started in force
  version int not null,
  run int,                               -- set while PROCESSING: the version of the Started in force
  route int not null,
  attempt int not null,
  priority smallint not null,
  status text not null,
  constraint tasks_pkey primary key (task_id),
  constraint tasks_status check (status in ('PENDING', 'PROCESSING', 'SUCCESS', 'FAILED', 'CANCELLED'))
)
with (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_insert_scale_factor = 0.1
);

-- First by route and priority, then by due instant: the due tasks of each priority are read from the front, and tasks
-- scheduled for later, however many, cost nothing.
create index tasks_runnable on taskfold.tasks (route, priority, ready_at, task_id)
where ready_at is not null;

create index tasks_running on taskfold.tasks (incarnation, task_id)
where incarnation is not null;

-- For lists and counts of tasks that failed or were cancelled: few among millions that succeeded.
create index tasks_failed on taskfold.tasks (task_id, route)
where status = 'FAILED';

create index tasks_cancelled on taskfold.tasks (task_id)
where status = 'CANCELLED';
