-- Has the transaction that calls it on disk when its commit is answered, whatever the session, the role or the database says
-- about `synchronous_commit`; stronger settings are left alone. Whatever writes something that we acknowledge calls it, once,
-- anywhere in its transaction. Locks nothing.

create or replace function taskfold.durably() returns void
language plpgsql
volatile
set search_path = taskfold, pg_temp
as $$
begin
  if current_setting('synchronous_commit') in ('off', 'local') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
end $$;
