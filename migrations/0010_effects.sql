-- The ledger: what each task has done outside this database, by name. Written before and after each effect, so that a later
-- attempt knows of it.
--
-- The fence is the run. A claim by a lower run than the one that holds the row is refused, and so is one by a run that the
-- head does not name as in force.
--
-- States: `claimed` by a run that is at it or has left it; `not-done`: nothing has happened, and the next claim begins anew;
-- `in-doubt`: nobody knows; `completed`, for ever. A row of mode `tx` is written and completed in one transaction.

create table taskfold.effects (
  task_id uuid not null,
  claim uuid not null,                   -- the append that began the run: a number can be given twice after a failover
  started_at timestamptz not null default date_trunc('milliseconds', clock_timestamp()),
  completed_at timestamptz,
  settled_at timestamptz,
  run int not null,                      -- that claimed it last
  attempt int not null,
  taken_over boolean not null default false, -- an earlier run claimed it too, and may have performed it
  name text not null,
  mode text not null,
  state text not null default 'claimed',
  settled_by text,
  settle_reason text,
  input_sha256 bytea,                    -- null: the handler named nothing that the effect depends on
  result json,                           -- once it is completed, to the letter
  constraint effects_pkey primary key (task_id, name),
  constraint effects_mode check (mode in ('tx', 'idempotent', 'once', 'verify')),
  constraint effects_state check (state in ('claimed', 'not-done', 'in-doubt', 'completed')),
  constraint effects_completed check (
    (state = 'completed') = (completed_at is not null)
    and (state = 'completed') = (result is not null)),
  constraint effects_settled check (settled_at is not null or (settled_by is null and settle_reason is null))
);

-- For `taskfold doctor`, which counts the tasks with effects in doubt. An effect is in it while it is under way, and for longer
-- only when something went wrong.
create index effects_unfinished on taskfold.effects (task_id)
where state in ('claimed', 'in-doubt') and mode in ('once', 'verify');
