-- name: count
-- How often handling a record has failed.
select attempts from {schema}.handling_attempt
where group_id = $1 and topic = $2 and partition = $3 and "offset" = $4;

-- name: add
-- Counts one more failure.
insert into {schema}.handling_attempt (group_id, topic, partition, "offset", attempts, error_class)
values ($1, $2, $3, $4, 1, $5)
on conflict on constraint handling_attempt_pk do update set
  attempts = handling_attempt.attempts + 1, error_class = excluded.error_class,
  last_at = clock_timestamp()
returning attempts;

-- name: forget
-- Forgets a record's failures.
delete from {schema}.handling_attempt
where group_id = $1 and topic = $2 and partition = $3 and "offset" = $4;
