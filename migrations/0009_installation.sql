-- Up Migration

-- What belongs to this one installation, in one row, minted here so that nobody has to configure it and all processes agree.
-- It goes with a backup: effects of a restored installation keep the keys that their receivers know.

create table taskfold.installation (
  id uuid not null default gen_random_uuid(),
  -- Keys the names of effects as receivers see them; from the strong random source behind version 4 UUIDs.
  effect_secret bytea not null default sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
  -- Where it was when its processes last started, and how often that had changed by then.
  home text not null,
  generation int not null default 0,
  constraint installation_pkey primary key (id)
);

create unique index installation_is_one_row on taskfold.installation ((true));

-- The database that this is: the cluster by its system identifier, and in it the database by its oid. A failover within a
-- cluster changes neither, a restored copy at least one.
create function taskfold.present_home() returns text
language sql stable
as $$
  select concat_ws(' ', s.system_identifier, d.oid)
  from pg_control_system() s, pg_database d
  where d.datname = current_database()
$$;

insert into taskfold.installation (home) values (taskfold.present_home());
