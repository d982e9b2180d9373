-- name: add
-- Owes the event log a batch of messages, in the order of the arrays.
insert into {schema}.outbox (topic, key, value, headers)
select m.topic, m.key, m.value, m.headers
from unnest($1::text[], $2::bytea[], $3::bytea[], $4::jsonb[])
  with ordinality as m (topic, key, value, headers, position)
order by m.position;

-- name: oldest
-- Reads the next messages to relay: at most $1 of them, and at most $2 bytes after the first.
select id, topic, key, value, headers
from (
  select id, topic, key, value, headers,
         sum(octet_length(value)) over (order by id) - octet_length(value) as bytes_before
  from (select id, topic, key, value, headers from {schema}.outbox order by id limit $1) as head
) as sized
where bytes_before < $2
order by id;

-- name: forget
-- Deletes messages that the event log now holds.
delete from {schema}.outbox where id = any($1::bigint[]);

-- name: backlog
-- Counts what is still owed and says since when.
select count(*) as messages,
       coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as oldest_s
from {schema}.outbox;
