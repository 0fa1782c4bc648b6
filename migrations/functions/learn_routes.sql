-- Numbers pairs of queue and type, and adds those that are not there, as far as the bound of names allows.
--
-- Arguments
--   p_queue, p_type: an element for each pair, sorted, each pair once.
--   p_names_max: how many names of queues and of types there may be together; null: without bound, for a pair that a task
--     has already. The queue `*` and the types of its pairs are not counted: they are not named by callers.
--
-- Answer: a row for each pair, in no order.
--   id: null when it was refused.
--   refused: which of its two names is new and beyond the bound; null when it was not refused.
--
-- A pair that is there counts as used from now on, to the hour.
--
-- Locks: those pairs, and it waits for none that is held, since its holder does the same; with a new name one advisory lock,
-- until the transaction ends, so that the bound holds exactly; the new rows, in the order of the arguments.

create or replace function taskfold.learn_routes(
  p_queue text[],
  p_type text[],
  p_names_max int
) returns table (id int, queue text, type text, refused text)
language plpgsql
volatile
set search_path = taskfold, pg_temp
as $$
#variable_conflict use_column
declare
  v_room int;
  v_new_queue boolean;
  v_new_type boolean;
  v_refused text[] := array_fill(null::text, array[cardinality(p_queue)]);
begin
  update routes
  set used_at = clock_timestamp()
  where id = any (array(
    select r.id
    from unnest(p_queue, p_type) g (queue, type)
    join routes r on r.queue = g.queue and r.type = g.type
    where r.used_at < clock_timestamp() - interval '1 hour'
    for no key update of r skip locked));

  if exists (
    select
    from unnest(p_queue, p_type) g (queue, type)
    where g.queue <> '*'
    and not exists (select from routes r where r.queue = g.queue and r.type = g.type)
  ) then
    perform pg_advisory_xact_lock(hashtext('taskfold.learn_routes'));
    v_room := p_names_max - (select count(*) from names);
    for i in 1 .. cardinality(p_queue) loop
      continue when p_queue[i] = '*';
      v_new_queue := not exists (select from names n where n.kind = 'queue' and n.name = p_queue[i]);
      v_new_type := not exists (select from names n where n.kind = 'type' and n.name = p_type[i]);
      if v_new_queue::int + v_new_type::int > v_room then
        v_refused[i] := case when v_new_queue and v_room < 1 then 'queue' when v_new_type then 'type' else 'queue' end;
        continue;
      end if;
      v_room := v_room - v_new_queue::int - v_new_type::int;
      insert into names (kind, name)
      select n.kind, n.name
      from (values ('queue', p_queue[i], v_new_queue), ('type', p_type[i], v_new_type)) n (kind, name, is_new)
      where n.is_new
      on conflict do nothing;
    end loop;
  end if;

  insert into routes (queue, type)
  select g.queue, g.type
  from unnest(p_queue, p_type, v_refused) g (queue, type, refused)
  where g.refused is null
  and not exists (select from routes r where r.queue = g.queue and r.type = g.type)
  order by g.queue, g.type
  on conflict do nothing;

  return query
  select r.id, g.queue, g.type, case when r.id is null then g.refused end
  from unnest(p_queue, p_type, v_refused) g (queue, type, refused)
  left join routes r on r.queue = g.queue and r.type = g.type;
end $$;
