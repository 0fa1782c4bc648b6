-- Answers on which line of commits this database goes on, as text: the cluster by its system identifier, in it the database by
-- its oid, and the timeline. A copy that was restored elsewhere differs in one of the first two, a promoted standby and a
-- cluster that was set back to a point in time in the last: all of them may lack the last commits of the original. A crash
-- and a restart change none. Locks nothing.
--
-- The timeline is that of the log that is being written. Where a server does not tell it (some that only speak the protocol of
-- Postgres), it is that of the last checkpoint, which follows a promotion by up to some minutes.

create or replace function taskfold.present_home() returns text
language plpgsql
stable
set search_path = taskfold, pg_temp
as $$
declare
  v_timeline int;
begin
  begin
    v_timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int;
  exception when others then
    select timeline_id into v_timeline from pg_control_checkpoint();
  end;
  return (
    select concat_ws(' ', s.system_identifier, d.oid, v_timeline)
    from pg_control_system() s
    cross join pg_database d
    where d.datname = current_database());
end $$;
