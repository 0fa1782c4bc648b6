-- One row an incarnation: one start of one worker process. A beat raises the counter; only its change is a sign of life, and
-- each reader judges it by its own monotonic clock, so the instants here are for people. Logged, unlike the hints: rows lost
-- in a crash of the server would make every living worker look dead.

create table taskfold.workers (
  incarnation uuid not null,
  host text not null,
  pid int not null,
  queues text[],                         -- null: every queue
  types text[] not null,
  concurrency int not null,
  lease_ms int not null,
  beat bigint not null default 1,
  running int not null default 0,
  state text not null default 'live',
  fenced boolean not null default false, -- it ended because its worker fenced itself, which lives on under another name
  started_at timestamptz not null default clock_timestamp(),
  last_beat_at timestamptz not null default clock_timestamp(),
  -- How far the clock of the worker's host is ahead of this server's, as its beats tell: for people who compare logs, and
  -- for `taskfold doctor`. It decides nothing. Too large by the time that a beat is on its way. Null before the first beat.
  clock_ahead_ms float8,
  constraint workers_pkey primary key (incarnation),
  constraint workers_state check (state in ('live', 'draining', 'ended'))
);
