-- Begins another generation of the event feed when this database is a copy that was restored elsewhere, and answers whether
-- it did. Every process calls it before it writes; the first to come does the work.
--
-- The feed is in order of (transaction, task, version). A copy goes on with the transaction numbers of another cluster, which
-- may be lower than those in its events. So a position is a number within a generation of the installation, and what is
-- written after the restore comes after everything before it. 44 bits last for fifty years of ten thousand transactions a
-- second, and 512 generations fit into 53 bits, the whole numbers that most languages hold exactly. In the first generation a
-- position is the number itself; for later ones this function replaces `feed_position`.
--
-- A copy that is set back in place, in the same database of the same cluster, shows itself only by positions that it has not
-- reached: whoever restores so sets `home` to another text, and starts a process.
--
-- Locks the row of the installation, which callers wait for one after another, when the home has changed. With the rights of
-- the owner, because an ordinary role may replace no function.

create or replace function taskfold.adopt_installation() returns boolean
language plpgsql
volatile
security definer
set search_path = taskfold, pg_temp
as $$
declare
  v_generation int;
begin
  update installation
  set
    generation = generation + 1,
    home = present_home()
  where home <> present_home()
  returning generation
  into v_generation;
  if not found then
    return false;
  end if;
  execute format(
    'create or replace function taskfold.feed_position(number xid8) returns xid8 language sql immutable as %L',
    format('select (number::text::bigint + %s)::text::xid8', v_generation::bigint << 44));
  return true;
end $$;
