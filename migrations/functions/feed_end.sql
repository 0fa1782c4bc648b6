-- Answers the transaction that the event feed ends below, at the snapshot of its caller: the oldest of this database that had
-- begun to write and had not ended, or else the next one to begin. All that this database's transactions below it have written
-- is visible to that snapshot, and nothing will be added. Locks nothing.
--
-- A snapshot has the transactions of all databases of the server. One that the server shows at work in another database is left
-- out, since a transaction stays in its database; one that is shown nowhere, because it has just ended, counts as of this one,
-- and the next call knows better. Any role may see the database and the transaction of a session.

create or replace function taskfold.feed_end() returns xid8
language sql
stable
as $$
  select coalesce(min(running.xid), pg_snapshot_xmax(pg_current_snapshot()))
  from pg_snapshot_xip(pg_current_snapshot()) running (xid)
  where not exists (
    select
    from pg_stat_activity a
    where a.backend_xid = running.xid::xid
    and a.datname <> current_database())
  and not exists (
    select
    from pg_prepared_xacts p
    where p.transaction = running.xid::xid
    and p.database <> current_database())
$$;
