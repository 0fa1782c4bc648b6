-- Whose turn each kind of periodic work is, so that more processes do not mean more of it.
--
-- Not a lock: a lock would keep a transaction open for as long as the work takes, and a process that hangs, or a host that
-- vanishes, would hold it for as long as the server believes in the connection. Nor a lease by this server's clock, which may
-- step. The process whose turn it is raises the beat, and whoever reads the same beat for a whole lease, by a monotonic clock
-- of its own, takes the turn over.

create table taskfold.exclusive_work (
  name text not null,
  holder uuid not null,                  -- of the last turn: a number of its own for each
  beat bigint not null,                  -- raised when a turn begins, goes on or ends
  state text not null,
  begun_at timestamptz not null,         -- of the last turn. One in the future, after this clock stepped back, decides nothing
  constraint exclusive_work_pkey primary key (name),
  constraint exclusive_work_state check (state in ('under way', 'done', 'failed'))
);
