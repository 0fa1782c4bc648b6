-- What has been applied to this database, so that a start sees in one read whether there is anything to do.
--
-- `migrations` holds each file of this folder: each is applied once and never changed afterwards. `functions` holds the text
-- in force of each file in functions/, which is applied anew whenever it differs. A migration never calls a function of that
-- folder, because all migrations are applied before the first function is made.

create table taskfold.migrations (
  name text not null,
  applied_at timestamptz not null default clock_timestamp(),
  constraint migrations_pkey primary key (name)
);

create table taskfold.functions (
  name text not null,
  checksum text not null,                -- SHA-256 of the file, in hexadecimal digits
  release text not null,                 -- that applied it: an earlier release must not put its own text back
  applied_at timestamptz not null default clock_timestamp(),
  constraint functions_pkey primary key (name)
);
