-- Answers which database this is, as text: the cluster by its system identifier, and in it the database by its oid. A
-- failover within a cluster changes neither; a copy that was restored elsewhere differs in at least one. Locks nothing.

create or replace function taskfold.present_home() returns text
language sql
stable
as $$
  select concat_ws(' ', s.system_identifier, d.oid)
  from pg_control_system() s
  cross join pg_database d
  where d.datname = current_database()
$$;
