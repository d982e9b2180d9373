-- name: suspects
-- Lists the records whose handling ended a process of this group.
select topic, partition, "offset", attempts from {schema}.handling_attempt where group_id = $1;

-- name: add
-- Counts one more process end for each record of a batch.
insert into {schema}.handling_attempt (group_id, topic, partition, "offset", attempts, error_class)
select $1, $2, $3, o, 1, $5 from unnest($4::bigint[]) o
on conflict on constraint handling_attempt_pk do update set
  attempts = handling_attempt.attempts + 1, error_class = excluded.error_class,
  last_at = clock_timestamp();

-- name: forget
-- Forgets what lies before a commit.
delete from {schema}.handling_attempt
where group_id = $1 and topic = $2 and partition = $3 and "offset" < $4;
