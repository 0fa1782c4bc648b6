-- Up Migration

-- When a periodic pass last began anywhere in the fleet, so that more processes do not mean more passes, and who is at it
-- until when. A lease by this server's clock and not a lock: a lock would keep a transaction open for the whole pass, and a
-- process that hangs, or a host that vanishes, would hold it for as long as the server believes in the connection.

create table taskfold.exclusive_work (
  name text not null,
  begun_at timestamptz not null,
  holder uuid,                           -- null: nobody is at it
  held_until timestamptz,
  constraint exclusive_work_pkey primary key (name)
);
