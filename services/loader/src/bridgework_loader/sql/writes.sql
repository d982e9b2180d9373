-- name: decided
-- Finds writes that have been decided for good; held so that no newer decision overtakes a repeat.
select d.message_id, d.run_id, d.outcome_id, d.log_key, d.outcome
from unnest($2::text[]) as w (message_id)
cross join lateral (
  select message_id, run_id, outcome_id, log_key, outcome from {schema}.decisions
  where tenant_id = $1 and message_id = w.message_id and not refused
  limit 1 for share
) d;

-- name: open_intents
-- Finds writes that may have reached Zoho without our learning of it.
select i.message_id, i.opened_at, i.tried_at, i.change
from unnest($2::text[]) as w (message_id)
cross join lateral (
  select message_id, opened_at, tried_at, change from {schema}.intents
  where tenant_id = $1 and message_id = w.message_id limit 1
) i;

-- name: count_open
-- Counts the writes of one module that may have reached Zoho without our learning of it.
select count(*) from {schema}.intents where tenant_id = $1 and module = $2;

-- name: open
-- Notes, before they are sent, that writes may reach Zoho.
insert into {schema}.intents as i (tenant_id, message_id, run_id, module, change)
select $1, u.message_id, u.run_id, u.module, u.change
from unnest($2::text[], $3::text[], $4::text[], $5::bytea[])
  as u (message_id, run_id, module, change)
on conflict (tenant_id, message_id) do update
  set change = excluded.change, tried_at = clock_timestamp();

-- name: close
-- Forgets intents whose end is known.
delete from {schema}.intents where tenant_id = $1 and message_id = any($2::text[]);

-- name: decide
-- Keeps what was decided about each write; a parked one may be decided again.
insert into {schema}.decisions as d
  (tenant_id, message_id, run_id, outcome_id, log_key, outcome, refused)
select $1, u.message_id, u.run_id, u.outcome_id, u.log_key, u.outcome, u.refused
from unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::boolean[])
  as u (message_id, run_id, outcome_id, log_key, outcome, refused)
on conflict (tenant_id, message_id) do update
  set outcome_id = excluded.outcome_id,
      outcome = excluded.outcome,
      refused = excluded.refused;
