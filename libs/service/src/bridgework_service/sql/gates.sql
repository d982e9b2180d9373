-- name: start
-- Notes that a run exists; a replayed command changes nothing.
insert into {schema}.gates (run_id, tenant_id) values ($1, $2) on conflict (run_id) do nothing;

-- name: open_wave
-- Opens one wave of a run.
update {schema}.gates
set open_waves = (select array_agg(distinct wave order by wave) from unnest(open_waves || $2::int) wave),
    changed_at = clock_timestamp()
where run_id = $1;

-- name: set_state
-- Pauses, resumes or cancels a run; nothing leads out of cancelled.
update {schema}.gates
set state = $2, reason = $3, changed_at = clock_timestamp()
where run_id = $1 and state <> 'cancelled' and state <> $2
returning run_id;

-- name: read
-- Reads the gates of the runs a batch is about.
select run_id, state, open_waves from {schema}.gates where run_id = any($1::text[]);
