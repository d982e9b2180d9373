-- name: ask
-- Queues a piece of work, once.
insert into {schema}.work (tenant_id, kind, subject_id, command_sealed) values ($1, $2, $3, $4)
on conflict do nothing;

-- name: next_work
-- The oldest piece of work of a tenant that is not done and need not wait.
select work_id, kind, subject_id, command_sealed, tries from {schema}.work
where tenant_id = $1 and done_at is null and next_try_at <= clock_timestamp() order by work_id limit 1;

-- name: work_done
-- Notes that a piece of work is done; gives nothing where it was dropped meanwhile.
update {schema}.work set done_at = clock_timestamp() where work_id = $1 and done_at is null returning work_id;

-- name: postpone
-- Leaves a piece of work for later ($2 seconds); gives nothing where it was dropped meanwhile.
update {schema}.work set tries = tries + 1, next_try_at = clock_timestamp() + make_interval(secs => $2)
where work_id = $1 and done_at is null returning work_id;

-- name: drop_extraction
-- A cancelled run's extraction is not wanted any more.
update {schema}.work set done_at = clock_timestamp() where kind = 'extract' and subject_id = $1 and done_at is null;

-- name: wanted
-- Whether a piece of work is still to be done.
select done_at is null from {schema}.work where work_id = $1;

-- name: put_snapshot
-- Notes where a run's snapshot lies.
insert into {schema}.snapshots (run_id, tenant_id, folder, key_sealed) values ($1, $2, $3, $4)
on conflict on constraint snapshots_pk do update set folder = excluded.folder,
  key_sealed = excluded.key_sealed, sealed_at = clock_timestamp();

-- name: snapshot
-- Where a run's snapshot lies.
select folder, key_sealed from {schema}.snapshots where run_id = $1;

-- name: hash_key
-- A tenant's key of content hashes; the first one stands.
insert into {schema}.hash_keys as h (tenant_id, key_sealed) values ($1, $2)
on conflict on constraint hash_keys_pk do update set key_sealed = h.key_sealed
returning key_sealed;
