-- The pairs of queue and task type that exist. A pair is added when it is first met and never removed; heads and hints hold
-- its number, because two names in every row would cost more than everything else in it.

create table taskfold.routes (
  id int generated always as identity,
  queue text not null,
  type text not null,
  constraint routes_pkey primary key (id),
  constraint routes_names unique (queue, type)
);
