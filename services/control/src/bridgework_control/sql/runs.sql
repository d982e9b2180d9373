-- name: insert_run
-- Creates a run.
insert into {schema}.job_runs (run_id, job_id, tenant_id, kind, state, spec, last_wave)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: run
-- One run.
select * from {schema}.job_runs where run_id = $1;

-- name: lock_run
-- One run, locked until the transaction ends.
select * from {schema}.job_runs where run_id = $1 for update;

-- name: runs_of_job
-- Runs of a job, oldest first.
select * from {schema}.job_runs where job_id = $1 order by created_at, run_id;

-- name: advance
-- Moves a run on.
update {schema}.job_runs set state = $2, open_wave = $3, waiting = null where run_id = $1;

-- name: note_settled
-- Remembers the last wave said to have settled, also before it is opened.
update {schema}.job_runs set settled_wave = greatest(settled_wave, $2) where run_id = $1;

-- name: finish
-- Ends a run.
update {schema}.job_runs set state = $2, error = $3, waiting = null, finished_at = clock_timestamp() where run_id = $1;

-- name: set_counts
-- Keeps the newest counts.
update {schema}.job_runs set extracted = $2, outcomes = $3, credits = $4 where run_id = $1;

-- name: set_fingerprint
-- Keeps a fingerprint; the first one under a label stands.
update {schema}.job_runs set fingerprints = jsonb_build_object($2::text, $3::jsonb) || fingerprints where run_id = $1;

-- name: set_diff
-- Keeps the comparison's result.
update {schema}.job_runs set diff = $2 where run_id = $1;

-- name: set_report
-- Keeps the run's report.
update {schema}.job_runs set report = $2 where run_id = $1;

-- name: set_findings
-- Keeps what concerns whole files of the run's export; its source has answered.
update {schema}.job_runs
set findings = $2, sealed_at = coalesce(sealed_at, clock_timestamp()),
    waiting = case when waiting ->> 'service' <> 'extractor' then waiting end
where run_id = $1;

-- name: set_waiting
-- Says what a run waits for, as long as it is under way.
update {schema}.job_runs set waiting = $2 where run_id = $1 and finished_at is null;

-- name: stop
-- Pauses or fails a run, and keeps where it was.
update {schema}.job_runs
set state = $2, error = $3, waiting = null,
    stopped_in = case when state in ('paused', 'failed') then stopped_in else state end
where run_id = $1;

-- name: resume
-- Lets a stopped run go on.
update {schema}.job_runs
set state = $2, open_wave = $3, error = null, waiting = null, stopped_in = null, resumes = resumes + 1
where run_id = $1;

-- name: put_dead_letter
-- Keeps a dead letter, once.
insert into {schema}.dead_letters (dead_letter_id, tenant_id, topic, partition, log_offset, service,
  error_class, code, hint, attempts, letter_sealed, dead_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing;

-- name: dead_letters
-- Dead letters of a tenant, newest first.
select dead_letter_id, topic, partition, log_offset, service, error_class, code, hint, attempts, dead_at,
  replayed_at, replayed_by
from {schema}.dead_letters
where tenant_id = $1 and ($2::timestamptz is null or (dead_at, dead_letter_id) < ($2, $3))
order by dead_at desc, dead_letter_id desc limit $4;

-- name: dead_letter
-- One dead letter.
select * from {schema}.dead_letters where tenant_id = $1 and dead_letter_id = $2;

-- name: replayed
-- Notes a replay.
update {schema}.dead_letters set replayed_at = clock_timestamp(), replayed_by = $3
where tenant_id = $1 and dead_letter_id = $2;

-- name: open_dead_letters
-- How many dead letters of a tenant wait for a person.
select count(*) from {schema}.dead_letters where tenant_id = $1 and replayed_at is null;

-- name: claim_key
-- Claims an idempotency key for one request; a claim whose process died may be taken over.
insert into {schema}.idempotency as i (scope, idempotency_key, request_hash, status, body)
values ($1, $2, $3, 0, '{}')
on conflict on constraint idempotency_pk do update
  set created_at = clock_timestamp(), request_hash = excluded.request_hash
  where i.status = 0 and i.created_at < clock_timestamp() - interval '5 minutes'
returning true;

-- name: unclaim_key
-- Gives a claim back: the request was refused and may be sent again.
delete from {schema}.idempotency where scope = $1 and idempotency_key = $2 and status = 0;

-- name: remember_answer
-- Keeps the answer to an idempotency key.
update {schema}.idempotency set status = $3, body = $4, location = $5
where scope = $1 and idempotency_key = $2;

-- name: remembered_answer
-- The answer given to an idempotency key before.
select request_hash, status, body, location from {schema}.idempotency
where scope = $1 and idempotency_key = $2;

-- name: put_api_key
-- Keeps an API key's hash.
insert into {schema}.api_keys (key_hash, name, tenant_id) values ($1, $2, $3)
on conflict on constraint api_keys_pk do update set name = excluded.name, tenant_id = excluded.tenant_id;

-- name: api_key
-- Whose key this is.
select name, tenant_id from {schema}.api_keys where key_hash = $1;
