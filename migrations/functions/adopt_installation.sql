-- Begins anew when the database goes on without all that it had acknowledged: as a copy that was restored elsewhere, or as a
-- standby that was promoted. Every process calls it on each new connection, before it writes, and every few seconds; the
-- first to come does the work.
--
-- Answers whether it did it, and the epoch of the event feed (feed_epoch.sql), by which every process notices.
--
-- What was given out before may name what is not there, and what comes may be given the same names. So
--   - another generation of the event feed begins, and with it another epoch: cursors of before are refused for ever;
--   - every incarnation of a worker ends: its runs may have been lost with their starts, and it goes on as a new one.
--
-- The feed is in order of (transaction, task, version). A copy goes on with transaction numbers that may be lower than those
-- in its events. So a position is a number within a generation of the installation, and what is written after comes after
-- everything before it. 44 bits last for fifty years of ten thousand transactions a second, and 512 generations fit into 53
-- bits, the whole numbers that most languages hold exactly. In the first generation a position is the number itself; for
-- later ones this function replaces `feed_position`.
--
-- A copy that is set back in place without recovery, such as a snapshot of its disk, shows nothing: whoever restores so sets
-- `home` to another text, and starts a process.
--
-- Locks the row of the installation, which callers wait for one after another, and those of the workers, when the home has
-- changed; writes nothing otherwise. With the rights of the owner, because an ordinary role may replace no function.

create or replace function taskfold.adopt_installation(
  out adopted boolean,
  out epoch text
)
language plpgsql
volatile
security definer
set search_path = taskfold, pg_temp
as $$
declare
  v_home text := present_home();
  v_generation int := 0;
begin
  if exists (select from installation where home <> v_home) then
    -- An installation that was just made has no home yet.
    update installation
    set
      generation = generation + (home <> '')::int,
      home = v_home
    where home <> v_home
    returning generation
    into v_generation;
  end if;
  adopted := coalesce(v_generation, 0) > 0;
  if adopted then
    perform durably();
    execute format(
      'create or replace function taskfold.feed_position(number xid8) returns xid8 language sql immutable as %L',
      format('select (number::text::bigint + %s)::text::xid8', v_generation::bigint << 44));
    update workers
    set state = 'ended'
    where state <> 'ended';
  end if;
  epoch := feed_epoch();
end $$;
