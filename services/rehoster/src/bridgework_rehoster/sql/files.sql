-- name: start
-- Notes that a run exists; a replayed command changes nothing.
insert into {schema}.gates (run_id) values ($1) on conflict do nothing;

-- name: open_wave
-- Opens one wave of a run.
update {schema}.gates
set open_waves = (select array_agg(distinct wave order by wave) from unnest(open_waves || $2::int) wave)
where run_id = $1;

-- name: set_state
-- Pauses, resumes or cancels a run; nothing leads out of cancelled.
update {schema}.gates set state = $2 where run_id = $1 and state <> 'cancelled';

-- name: gates
-- Gates of some runs.
select run_id, state, open_waves from {schema}.gates where run_id = any($1::text[]);

-- name: put_parents
-- Notes where parents are.
insert into {schema}.parents (tenant_id, object, key, module, zoho_id)
select $1, p.* from unnest($2::text[], $3::text[], $4::text[], $5::text[])
  as p (object, key, module, zoho_id)
on conflict on constraint parents_pk do update
  set module = excluded.module, zoho_id = excluded.zoho_id;

-- name: drop_parents
-- Forgets parents that are gone, and the files that went with them.
with gone as (
  delete from {schema}.parents p
  using unnest($2::text[], $3::text[], $4::text[]) as g (object, key, zoho_id)
  where p.tenant_id = $1 and p.object = g.object and p.key = g.key and p.zoho_id = g.zoho_id
  returning p.zoho_id)
delete from {schema}.files f using gone
where f.tenant_id = $1 and f.zoho_parent_id = gone.zoho_id;

-- name: parents
-- Where some parents are.
select p.object, p.key, p.module, p.zoho_id from {schema}.parents p
join unnest($2::text[], $3::text[]) as k (object, key) using (object, key)
where p.tenant_id = $1;

-- name: file
-- One file of ours.
select module, zoho_parent_id, zoho_id, sha256 from {schema}.files
where tenant_id = $1 and object = $2 and key = $3;

-- name: put_file
-- Notes a file that is in Zoho now.
insert into {schema}.files (tenant_id, object, key, module, zoho_parent_id, zoho_id, sha256, run_id)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict on constraint files_pk do update set module = excluded.module,
  zoho_parent_id = excluded.zoho_parent_id, zoho_id = excluded.zoho_id,
  sha256 = excluded.sha256, run_id = excluded.run_id;

-- name: drop_file
-- Forgets a file that is gone.
delete from {schema}.files where tenant_id = $1 and object = $2 and key = $3;

-- name: known_ids
-- Attachments of one parent that we know.
select zoho_id from {schema}.files where tenant_id = $1 and zoho_parent_id = $2;

-- name: open_intent
-- Notes, before it is sent, that an upload may reach Zoho.
insert into {schema}.intents (tenant_id, message_id) values ($1, $2) on conflict do nothing;

-- name: has_intent
-- Whether an upload may have reached Zoho without our learning of it.
select 1 from {schema}.intents where tenant_id = $1 and message_id = $2;

-- name: close_intent
-- Forgets an intent whose end is known.
delete from {schema}.intents where tenant_id = $1 and message_id = $2;

-- name: decide
-- Keeps what was decided about a message.
insert into {schema}.decisions (tenant_id, message_id, outcome_sealed) values ($1, $2, $3)
on conflict on constraint decisions_pk do update set outcome_sealed = excluded.outcome_sealed;

-- name: decided
-- What was decided about a message before.
select outcome_sealed from {schema}.decisions where tenant_id = $1 and message_id = $2;
