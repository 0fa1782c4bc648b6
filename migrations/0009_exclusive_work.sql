-- When each kind of periodic work last began anywhere in the fleet, so that more processes do not mean more of it, and which
-- process does it until when. A lease by this server's clock and not a lock: a lock would keep a transaction open for as long
-- as the work takes, and a process that hangs, or a host that vanishes, would hold it for as long as the server believes in
-- the connection.

create table taskfold.exclusive_work (
  name text not null,
  begun_at timestamptz not null,
  holder uuid,                           -- null: no process does it now
  held_until timestamptz,
  constraint exclusive_work_pkey primary key (name)
);
