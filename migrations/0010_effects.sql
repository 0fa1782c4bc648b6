-- The ledger: what each task has done outside this database, by name. Written before and after each effect, so that a later
-- attempt knows of it.
--
-- The fence is the run. A claim by a lower run than the one that holds the row is refused, and so is one by a run that the
-- head does not name as in force.

create table taskfold.effects (
  task_id uuid not null,
  started_at timestamptz not null default date_trunc('milliseconds', clock_timestamp()),
  completed_at timestamptz,
  run int not null,
  attempt int not null,
  name text not null,
  mode text not null,
  input_sha256 bytea,                    -- null: the handler named nothing that the effect depends on
  result json,                           -- once it is completed, to the letter
  constraint effects_pkey primary key (task_id, name),
  constraint effects_mode check (mode in ('idempotent')),
  constraint effects_completed check ((completed_at is null) = (result is null))
);
