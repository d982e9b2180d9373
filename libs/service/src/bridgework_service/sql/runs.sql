-- name: put
-- Remembers a run once; a replayed StartRun changes nothing.
insert into {schema}.runs (run_id, tenant_id, spec) values ($1, $2, $3)
on conflict (run_id) do nothing;

-- name: get
-- Reads one run.
select run_id, tenant_id, spec, status, started_at, finished_at from {schema}.runs
where run_id = $1;

-- name: list
-- Reads runs by status and tenant (null: any), oldest first.
select run_id, tenant_id, spec, status, started_at, finished_at from {schema}.runs
where ($1::text is null or status = $1) and ($2::text is null or tenant_id = $2)
order by started_at, run_id;

-- name: set_status
-- Moves a run to another status; a finishing one keeps its first finishing time.
update {schema}.runs set status = $2,
  finished_at = case when $3 then coalesce(finished_at, clock_timestamp()) else finished_at end
where run_id = $1 returning run_id;

-- name: status
-- Reads the status of one run.
select status from {schema}.runs where run_id = $1;
