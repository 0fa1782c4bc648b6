-- Keys under which tasks were submitted, so that a submission that is repeated finds the task it made. Written by the same
-- transaction as the task: there is never a key without its task, nor a task without its key. Kept for two days.

create table taskfold.submit_keys (
  task_id uuid not null,                 -- whose first append took the key
  created_at timestamptz not null,
  scope text not null,                   -- who submitted: keys of different scopes are different keys
  key text not null,
  fingerprint bytea not null,            -- of the request, to tell a repetition from another request
  constraint submit_keys_pkey primary key (scope, key)
);

-- Old keys are deleted in batches, found without reading those that stay. Keys come in order of time, so this index only
-- ever grows at one end.
create index submit_keys_age on taskfold.submit_keys (created_at);
