-- Up Migration

-- The last word of each task on how far it has come. For people to look at: unlogged, because what a crash of the server
-- loses is said again within a moment by whoever still runs. Rows are overwritten in place as long as their page has room.

create unlogged table taskfold.progress (
  task_id uuid not null,
  run int not null,
  value json not null,
  constraint progress_pkey primary key (task_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
