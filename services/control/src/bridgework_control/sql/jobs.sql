-- name: insert_job
-- Creates a job.
insert into {schema}.jobs (job_id, tenant_id, name, state, source, mapping, mapping_hash, fallback_user_id)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: job
-- One job.
select * from {schema}.jobs where job_id = $1;

-- name: lock_job
-- One job, locked until the transaction ends.
select * from {schema}.jobs where job_id = $1 for update;

-- name: jobs_page
-- Jobs of some tenants (null: of all), newest first.
select * from {schema}.jobs
where ($1::text[] is null or tenant_id = any($1)) and ($2::timestamptz is null or (created_at, job_id) < ($2, $3))
order by created_at desc, job_id desc limit $4;

-- name: set_state
-- Moves a job to a state, and clears or sets its error.
update {schema}.jobs set state = $2, error = $3, waiting = null, updated_at = clock_timestamp() where job_id = $1;

-- name: set_audit
-- Keeps an audit's result.
update {schema}.jobs set audit = $2, state = $3, error = $4, waiting = null, updated_at = clock_timestamp()
where job_id = $1;

-- name: set_waiting
-- Says what a job's audit waits for, as long as it is under way.
update {schema}.jobs set waiting = $2, updated_at = clock_timestamp() where job_id = $1 and state = 'auditing';

-- name: set_source
-- Keeps what is confirmed about the source (merges, referral values, a newer export).
update {schema}.jobs set source = $2, updated_at = clock_timestamp() where job_id = $1;

-- name: set_schema
-- Keeps the applied schema plan, the live names and the owners.
update {schema}.jobs set schema_plan = $2, live_names = $3, owners = $4, fallback_user_id = $5,
  migration_user_id = $6, state = $7, error = null, updated_at = clock_timestamp() where job_id = $1;

-- name: set_owners
-- Keeps owner decisions.
update {schema}.jobs set owners = $2, updated_at = clock_timestamp() where job_id = $1;

-- name: put_findings
-- Keeps findings that carry names, sealed.
insert into {schema}.job_findings (job_id, kind, findings_sealed) values ($1, $2, $3)
on conflict on constraint job_findings_pk do update set findings_sealed = excluded.findings_sealed;

-- name: findings
-- Findings of one kind.
select findings_sealed from {schema}.job_findings where job_id = $1 and kind = $2;

-- name: gates
-- Approved gates of a job.
select gate, evidence, evidence_hash, approved_by, comment, approved_at
from {schema}.gates where job_id = $1 order by gate;

-- name: approve_gate
-- Approves a gate; approving again replaces the earlier approval.
insert into {schema}.gates (job_id, gate, evidence, evidence_hash, approved_by, comment)
values ($1, $2, $3, $4, $5, $6)
on conflict on constraint gates_pk do update set evidence = excluded.evidence,
  evidence_hash = excluded.evidence_hash, approved_by = excluded.approved_by,
  comment = excluded.comment, approved_at = clock_timestamp();

-- name: ask_step
-- Queues a long step.
insert into {schema}.steps (tenant_id, job_id, step) values ($1, $2, $3);

-- name: next_step
-- The oldest step of a tenant that is not done.
select step_id, job_id, step from {schema}.steps
where tenant_id = $1 and done_at is null order by step_id limit 1;

-- name: step_done
-- Notes that a step is done.
update {schema}.steps set done_at = clock_timestamp() where step_id = $1;
