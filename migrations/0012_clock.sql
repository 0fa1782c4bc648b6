-- The latest instant that the clock of this database was seen at, in one row: when the clock lies behind it, it has stepped
-- back, and heads that were recorded in between stand in the future. Each process knows only what it saw itself; one that
-- begins after the step would know of none. Raised every ten seconds, and by whoever sees a step; taken back to the clock
-- once no such head is left.

create table taskfold.clock (
  latest timestamptz not null
);

create unique index clock_is_one_row on taskfold.clock ((true));

insert into taskfold.clock (latest) values ('-infinity');
