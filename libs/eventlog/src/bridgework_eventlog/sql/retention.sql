-- name: try_lock
-- Lets one process at a time clean.
select pg_try_advisory_xact_lock($1);

-- name: all_partitions
-- Lists every partition that holds records.
select topic_id, partition, first_offset, next_offset
from {schema}.topic_partition where next_offset > first_offset;

-- name: delete_old
-- Deletes from a partition what is older than $4 seconds, from $2 to before $3, leaving no hole.
delete from {records}
where partition = $1 and "offset" >= $2 and "offset" < coalesce(
  (select min("offset") from {records}
   where partition = $1 and "offset" >= $2 and "offset" < $3
     and at >= clock_timestamp() - make_interval(secs => $4)),
  $3
);

-- name: move_first_offset
-- Says where a partition now begins.
update {schema}.topic_partition set first_offset = $3 where topic_id = $1 and partition = $2;
