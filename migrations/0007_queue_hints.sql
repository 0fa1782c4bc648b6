-- The queue of an installation without Redis: which tasks may be ready, in order. A hint has no authority, so the table is
-- unlogged: a crash of the server empties it, and the reconciler fills it again from the heads.
--
-- The key is the order in which hints are taken, and the only index. The same task pushed again at the same rank is the
-- same row; at another rank it is another row, and a task that is pulled twice does no harm.

create unlogged table taskfold.queue_hints (
  route int not null,
  rank bigint not null,
  task_id uuid not null,
  constraint queue_hints_pkey primary key (route, rank, task_id)
)
with (
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_cost_delay = 0
);
