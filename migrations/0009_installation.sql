-- Up Migration

-- What belongs to this one installation, in one row, minted here so that nobody has to configure it and all processes agree.
-- It goes with a backup: effects of a restored installation keep the keys that their receivers know.

create table taskfold.installation (
  id uuid not null default gen_random_uuid(),
  -- Keys the names of effects as receivers see them; from the strong random source behind version 4 UUIDs.
  effect_secret bytea not null default sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
  constraint installation_pkey primary key (id)
);

create unique index installation_is_one_row on taskfold.installation ((true));

insert into taskfold.installation default values;
