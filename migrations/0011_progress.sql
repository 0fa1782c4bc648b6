-- The latest progress that each task has reported, for people to look at. Unlogged: what a crash of the server loses is
-- reported again within a moment by every task that still runs. Rows are overwritten in place as long as their page has
-- room, for which half of each page is kept free.

create unlogged table taskfold.progress (
  task_id uuid not null,
  run int not null,
  value json not null,
  constraint progress_pkey primary key (task_id)
)
with (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.05
);
