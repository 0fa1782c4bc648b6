-- Claims an effect for a run: see RunLedger.claim in src/application/ports/ledger/idempotency-ledger.ts.
--
-- Arguments
--   p_run, p_claim: the run, and the append that began it; refused unless the head names both as in force.
--   p_input_sha256: null when the handler named no input.
--   p_unfinished: `take-over` or `doubt`, what becomes of an effect that an earlier run claimed and did not complete.
--
-- Answers a verdict, `claimed`, `completed`, `changed`, `in-doubt` or `fenced`; of a claimed effect whether an earlier run may
-- have performed it; of a completed one the result.
--
-- The head is read without a lock: a run that is replaced just now may still claim, and the next run finds its claim. Locks the
-- row of the effect, and waits for a transaction that is writing it.

create or replace function taskfold.claim_effect(
  p_task_id uuid,
  p_name text,
  p_mode text,
  p_run int,
  p_claim uuid,
  p_attempt int,
  p_input_sha256 bytea,
  p_unfinished text,
  out o_verdict text,
  out o_taken_over boolean,
  out o_result json
)
language plpgsql
volatile
set search_path = taskfold, pg_temp
as $$
declare
  v_found effects;
  v_is_own boolean;
begin
  perform durably();
  o_verdict := 'fenced';
  perform
  from tasks
  where task_id = p_task_id
  and run = p_run
  and claim = p_claim;
  if not found then
    return;
  end if;

  insert into effects (task_id, name, mode, run, claim, attempt, input_sha256)
  values (p_task_id, p_name, p_mode, p_run, p_claim, p_attempt, p_input_sha256)
  on conflict (task_id, name) do nothing;
  if found then
    o_verdict := 'claimed';
    o_taken_over := false;
    return;
  end if;

  -- A statement of its own: its snapshot sees the row that stood in the way.
  select *
  into v_found
  from effects
  where task_id = p_task_id
  and name = p_name
  for update;
  if not found or v_found.run > p_run then
    return;
  end if;
  if v_found.mode <> p_mode or v_found.input_sha256 is distinct from p_input_sha256 then
    o_verdict := 'changed';
    return;
  end if;
  if v_found.state = 'completed' then
    o_verdict := 'completed';
    o_result := v_found.result;
    return;
  end if;

  v_is_own := v_found.state = 'claimed' and v_found.run = p_run and v_found.claim = p_claim;
  if p_unfinished = 'doubt' and v_found.state <> 'not-done' and not v_is_own then
    update effects
    set state = 'in-doubt'
    where task_id = p_task_id
    and name = p_name;
    o_verdict := 'in-doubt';
    return;
  end if;

  o_verdict := 'claimed';
  o_taken_over := case
    when v_is_own then v_found.taken_over
    else v_found.state <> 'not-done'
  end;
  if not v_is_own then
    update effects
    set state = 'claimed', run = p_run, claim = p_claim, attempt = p_attempt, taken_over = o_taken_over
    where task_id = p_task_id
    and name = p_name;
  end if;
end $$;
