-- name: put_expected
-- Keeps the newest canonical record of each key.
insert into {schema}.expected (job_id, object, key, run_id, deleted, record_sealed)
select $1, e.object, e.key, $2, e.deleted, e.record_sealed
from unnest($3::text[], $4::text[], $5::bool[], $6::bytea[]) as e (object, key, deleted, record_sealed)
on conflict on constraint expected_pk do update set
  run_id = excluded.run_id, deleted = excluded.deleted, record_sealed = excluded.record_sealed;

-- name: expected
-- The canonical records of some keys of one object.
select k.key, e.deleted, e.record_sealed
from unnest($3::text[]) as k (key)
cross join lateral (
  select deleted, record_sealed from {schema}.expected
  where job_id = $1 and object = $2 and key = k.key limit 1
) e;

-- name: link
-- Notes where records live in Zoho.
insert into {schema}.links (job_id, object, key, zoho_id, run_id)
select $1, l.object, l.key, l.zoho_id, $2
from unnest($3::text[], $4::text[], $5::text[]) as l (object, key, zoho_id)
on conflict on constraint links_pk do update
  set zoho_id = excluded.zoho_id, run_id = excluded.run_id, seen_by = null;

-- name: unlink
-- Forgets where records were that are no longer in Zoho; a record made since stays linked.
delete from {schema}.links l
using unnest($2::text[], $3::text[], $4::text[]) as k (object, key, zoho_id)
where l.job_id = $1 and l.object = k.object and l.key = k.key and l.zoho_id = k.zoho_id;

-- name: forget_expected
-- Forgets the source's word of records that an undo took out; a newer run's word stays.
delete from {schema}.expected e
using unnest($2::text[], $3::text[], $4::text[]) as k (object, key, zoho_id)
join {schema}.links l on l.job_id = $1 and l.object = k.object and l.key = k.key
  and l.zoho_id = k.zoho_id
where e.job_id = $1 and e.object = k.object and e.key = k.key and e.run_id = l.run_id;

-- name: zoho_ids
-- Where some records live.
select k.object, k.key, l.zoho_id
from unnest($2::text[], $3::text[]) as k (object, key)
cross join lateral (
  select zoho_id from {schema}.links
  where job_id = $1 and object = k.object and key = k.key limit 1
) l;

-- name: mark_seen
-- Marks records that the read-back found where they should be.
update {schema}.links set seen_by = $4
where job_id = $1 and object = $2 and key = any($3::text[]);

-- name: unseen
-- Records that should be in Zoho and were not found.
select key, zoho_id from {schema}.links
where job_id = $1 and object = $2 and seen_by is distinct from $3 and key > $5
order by key limit $4;

-- name: put_diff
-- Keeps the result of a comparison.
insert into {schema}.diffs (run_id, compared_records, compared_fields, mismatches, accepted_conflicts, seconds)
values ($1, $2, $3, $4, $5, $6)
on conflict on constraint diffs_pk do update set compared_records = excluded.compared_records,
  compared_fields = excluded.compared_fields, mismatches = excluded.mismatches,
  accepted_conflicts = excluded.accepted_conflicts, seconds = excluded.seconds,
  finished_at = clock_timestamp();

-- name: diff
-- The result of a run's comparison.
select compared_records, compared_fields, mismatches, accepted_conflicts, seconds
from {schema}.diffs where run_id = $1;

-- name: clear_mismatches
-- Forgets the mismatches of an earlier comparison of the same run.
delete from {schema}.mismatches where run_id = $1;

-- name: put_mismatches
-- Keeps what was not equal.
insert into {schema}.mismatches (run_id, object, key, field, kind, zoho_id, values_sealed)
select $1, m.* from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[]) as m
on conflict do nothing;

-- name: mismatches
-- What was not equal, for reading.
select object, key, field, kind, zoho_id from {schema}.mismatches
where run_id = $1 order by object, key, field limit $2;

-- name: put_fingerprint
-- Keeps a fingerprint; the first one under a label stands.
insert into {schema}.fingerprints (run_id, label, modules) values ($1, $2, $3)
on conflict do nothing;

-- name: fingerprints
-- Fingerprints of a run.
select label, modules from {schema}.fingerprints where run_id = $1;

-- name: ask
-- Queues a long piece of work, once.
insert into {schema}.work (tenant_id, run_id, kind, label, attempt) values ($1, $2, $3, $4, $5)
on conflict do nothing;

-- name: next_work
-- The oldest piece of work of a tenant that is not done.
select work_id, run_id, kind, label, attempt from {schema}.work
where tenant_id = $1 and done_at is null order by work_id limit 1;

-- name: work_done
-- Notes that a piece of work is done.
update {schema}.work set done_at = clock_timestamp() where work_id = $1;

-- name: links
-- Where all records of one object live.
select key, zoho_id from {schema}.links where job_id = $1 and object = $2 order by key;
