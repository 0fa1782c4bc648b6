-- The identity of this installation, in one row, minted here so that it needs no setting and all processes agree. It is part
-- of a backup: effects of a restored installation keep the keys that their receivers know.

create table taskfold.installation (
  id uuid not null default gen_random_uuid(),
  -- Keys the names of effects as receivers see them; from the strong random source behind version 4 UUIDs.
  effect_secret bytea not null
    default sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
  home text not null,                    -- where its processes last started, as functions/present_home.sql tells it
  generation int not null default 0,     -- how often `home` had changed by then
  constraint installation_pkey primary key (id)
);

create unique index installation_is_one_row on taskfold.installation ((true));

-- Where it is, the first process finds out: a migration calls no function of functions/.
insert into taskfold.installation (home) values ('');

-- The position in the event feed of what the transaction of this number writes. It is the generation above in the form of
-- code, because every append asks for it and the generation hardly ever changes: functions/adopt_installation.sql replaces
-- it. So it is made here, once: applied anew from functions/ it would take the generation back.
create function taskfold.feed_position(number xid8) returns xid8
language sql
immutable
as $$ select number $$;
