-- The pairs of queue and task type that tasks have. Heads and hints hold the number of a pair, because two names in every row
-- would cost more than everything else in it. A pair is added when it is first met, and forgotten when it has had no task for
-- a day. The queue `*` is none: its pairs stand for all queues, and number lanes of hints.

create table taskfold.routes (
  id int generated always as identity,
  queue text collate "C" not null,
  type text collate "C" not null,
  -- When a process last asked for its number. Each asks again within the hour for those that it uses.
  used_at timestamptz not null default clock_timestamp(),
  constraint routes_pkey primary key (id),
  constraint routes_names unique (queue, type)
);

-- For what is forgotten: the pairs that nobody has used for long, found without reading the others.
create index routes_used on taskfold.routes (used_at);

-- The names of queues and types, each once: there is a bound to how many of them an installation holds, and pairs are no
-- measure of it. In the order of "C", as lists of them are.
create table taskfold.names (
  kind text not null,
  name text collate "C" not null,
  constraint names_pkey primary key (kind, name),
  constraint names_kind check (kind in ('queue', 'type'))
);
