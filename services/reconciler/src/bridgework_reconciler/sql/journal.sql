-- name: earlier
-- The outcomes already journalled for these records of one run. (One index look-up each: a plain join
-- would read the whole run while the planner knows nothing of a young table.)
select k.object, k.key, j.outcome, j.parts, j.credits
from unnest($2::text[], $3::text[]) as k (object, key)
cross join lateral (
  select outcome, parts, credits from {schema}.journal
  where run_id = $1 and object = k.object and key = k.key limit 1
) j;

-- name: put
-- Journals outcomes; a later outcome of the same record replaces the earlier one.
insert into {schema}.journal (run_id, object, key, is_file, outcome, effect, module, zoho_id,
  zoho_parent_id, parent_object, parent_key, merged_into, reason, content_hash, values_sealed,
  conflict_count, parts, provenance, problems, credits, decided_by)
select $1, r.object, r.key, r.is_file, r.outcome, r.effect, r.module, r.zoho_id,
  r.zoho_parent_id, r.parent_object, r.parent_key, r.merged_into, r.reason::jsonb, r.content_hash,
  r.values_sealed, r.conflict_count, r.parts::jsonb, r.provenance::jsonb, r.problems::jsonb,
  r.credits, r.decided_by
from unnest($2::text[], $3::text[], $4::bool[], $5::text[], $6::text[], $7::text[], $8::text[],
  $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bytea[],
  $16::int[], $17::text[], $18::text[], $19::text[], $20::float8[], $21::text[])
  as r (object, key, is_file, outcome, effect, module, zoho_id, zoho_parent_id, parent_object,
  parent_key, merged_into, reason, content_hash, values_sealed, conflict_count, parts, provenance,
  problems, credits, decided_by)
on conflict on constraint journal_pk do update set
  is_file = excluded.is_file, outcome = excluded.outcome, effect = excluded.effect,
  module = excluded.module, zoho_id = excluded.zoho_id,
  zoho_parent_id = excluded.zoho_parent_id, parent_object = excluded.parent_object,
  parent_key = excluded.parent_key, merged_into = excluded.merged_into,
  reason = excluded.reason, content_hash = excluded.content_hash,
  values_sealed = excluded.values_sealed, conflict_count = excluded.conflict_count,
  parts = excluded.parts, provenance = excluded.provenance, problems = excluded.problems,
  credits = excluded.credits, decided_by = excluded.decided_by, recorded_at = clock_timestamp();

-- name: tally
-- Adds to the counts of one run (numbers may be negative).
insert into {schema}.tallies (run_id, object, outcome, records)
select $1, t.object, t.outcome, t.records
from unnest($2::text[], $3::text[], $4::bigint[]) as t (object, outcome, records)
order by t.object, t.outcome
on conflict on constraint tallies_pk do update set records = tallies.records + excluded.records;

-- name: spend
-- Adds credits to a run, by who spent them.
insert into {schema}.run_credits (run_id, purpose, credits) values ($1, $2, $3)
on conflict on constraint run_credits_pk do update set credits = run_credits.credits + excluded.credits;

-- name: credits
-- Credits of one run in all.
select coalesce(sum(credits), 0)::float8 from {schema}.run_credits where run_id = $1;

-- name: put_extracted
-- Notes how many records of an object a run has; the newest word counts.
insert into {schema}.extracted (run_id, object, records, unchanged)
select $1, e.object, e.records, e.unchanged
from unnest($2::text[], $3::bigint[], $4::bigint[]) as e (object, records, unchanged)
on conflict on constraint extracted_pk do update
  set records = excluded.records, unchanged = excluded.unchanged;

-- name: counts
-- Extracted counts and outcome counts of one run, object by object.
select object, '' as outcome, records, unchanged from {schema}.extracted where run_id = $1
union all
select object, outcome, records, 0 from {schema}.tallies where run_id = $1;

-- name: settle
-- Notes that a wave has settled; returns nothing when it was noted before.
insert into {schema}.waves_settled (run_id, wave) values ($1, $2)
on conflict do nothing returning wave;

-- name: settled
-- Waves of a run that have settled.
select wave from {schema}.waves_settled where run_id = $1;

-- name: undoable
-- What a run did to Zoho, in key order, a page at a time.
select object, key, is_file, effect, module, zoho_id, zoho_parent_id, parent_object, parent_key,
  content_hash, values_sealed
from {schema}.journal
where run_id = $1 and object = $2 and effect in ('created', 'changed') and key > $3
order by key limit $4;

-- name: undoable_counts
-- How many records of each object a run created or changed.
select object, count(*) as records from {schema}.journal
where run_id = $1 and effect in ('created', 'changed') group by object;

-- name: page
-- Outcomes of a run for reading, filtered, in key order.
select object, key, outcome, effect, module, zoho_id, merged_into, reason, provenance, problems,
  conflict_count, credits, decided_by, recorded_at
from {schema}.journal
where run_id = $1 and ($2::text is null or object = $2) and ($3::text is null or outcome = $3)
  and (object, key) > ($4, $5)
order by object, key limit $6;

-- name: with_problems
-- Records of a run whose values or fate a person should know.
select object, key, outcome, reason, provenance, problems from {schema}.journal
where run_id = $1 and (problems is not null or outcome in ('failed', 'parked', 'skipped'))
order by object, key limit $2;

-- name: with_conflicts
-- Records of a run in which a person's edit met a change in the source.
select object, key, zoho_id, values_sealed from {schema}.journal
where run_id = $1 and conflict_count > 0 order by object, key limit $2;

-- name: reasons
-- Outcomes of a run that did not land, counted by reason.
select object, outcome, reason->>'code' as code, reason->>'sentence' as sentence, count(*) as records
from {schema}.journal
where run_id = $1 and outcome in ('failed', 'parked', 'skipped')
group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3 limit 200;

-- name: file_proofs
-- Files of a run by outcome.
select object, outcome, count(*) as files from {schema}.journal
where run_id = $1 and is_file group by 1, 2;

-- name: conflicted_fields
-- Which fields of these records are in an accepted conflict, over every run of the job.
select object, key, values_sealed from {schema}.journal
where run_id = any($1::text[]) and conflict_count > 0;
