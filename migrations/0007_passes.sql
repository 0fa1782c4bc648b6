-- Up Migration

-- When a periodic pass last began anywhere in the fleet, so that more processes do not mean more passes.

create table taskfold.passes (
  name text not null,
  begun_at timestamptz not null,
  constraint passes_pkey primary key (name)
);
