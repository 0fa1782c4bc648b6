-- Forgets routes that no head names, and the names that no route has any more.
--
-- Arguments
--   p_unused: numbers of routes that the caller found no head for.
--   p_used: numbers of those that it found one for: they count as used from now on.
--   p_used_before: a route that was used since then stays, because a process may be about to write a head with its number.
--
-- Answers how many routes were forgotten. A number is never given twice.
--
-- Locks: the same advisory lock as learn_routes, so that a name is not forgotten while a route with it is made; the rows of
-- the routes.

create or replace function taskfold.forget_routes(
  p_unused int[],
  p_used int[],
  p_used_before timestamptz
) returns int
language plpgsql
volatile
set search_path = taskfold, pg_temp
as $$
declare
  v_forgotten int;
begin
  perform pg_advisory_xact_lock(hashtext('taskfold.learn_routes'));
  update routes
  set used_at = clock_timestamp()
  where id = any (p_used);

  delete from routes
  where id = any (p_unused)
  and used_at < p_used_before;
  get diagnostics v_forgotten = row_count;

  if v_forgotten > 0 then
    delete from names n
    where not exists (
      select
      from routes r
      where case n.kind when 'queue' then r.queue else r.type end = n.name
      and r.queue <> '*');
  end if;
  return v_forgotten;
end $$;
