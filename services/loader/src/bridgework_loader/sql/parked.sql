-- name: park
-- Keeps writes whole until their parent is in Zoho.
insert into {schema}.parked as p
  (tenant_id, message_id, run_id, object, key, missing_object, missing_key, log_key, write)
select $1, u.message_id, u.run_id, u.object, u.key, u.missing_object, u.missing_key,
       u.log_key, u.write
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[],
            $9::bytea[])
  as u (message_id, run_id, object, key, missing_object, missing_key, log_key, write)
on conflict (tenant_id, message_id) do update
  set missing_object = excluded.missing_object,
      missing_key = excluded.missing_key,
      claimed_until = '-infinity';

-- name: leave
-- Removes parked writes that have been written.
delete from {schema}.parked where tenant_id = $1 and message_id = any($2::text[]);

-- name: claim_ready
-- Claims parked writes whose missing record is in Zoho now and whose run may write.
update {schema}.parked p
set claimed_until = clock_timestamp() + make_interval(secs => $3)
where p.tenant_id = $1
  and p.message_id in (
    select w.message_id
    from {schema}.parked w
    join {schema}.crosswalk c
      on c.tenant_id = w.tenant_id and c.object = w.missing_object and c.key = w.missing_key
    join {schema}.gates g on g.run_id = w.run_id and g.state = 'running'
    where w.tenant_id = $1 and w.claimed_until < clock_timestamp()
    order by w.parked_at
    limit $2
    for update of w skip locked)
returning p.message_id, p.log_key, p.write;

-- name: unclaim
-- Gives claimed writes back.
update {schema}.parked set claimed_until = '-infinity'
where tenant_id = $1 and message_id = any($2::text[]);

-- name: supersede
-- Drops parked writes of records that a newer write is about, unless a release is under way.
delete from {schema}.parked p
using unnest($2::text[], $3::text[], $4::text[]) as u (object, key, message_id)
where p.tenant_id = $1 and p.object = u.object and p.key = u.key
  and p.message_id <> u.message_id and p.claimed_until < clock_timestamp();

-- name: claimed
-- Finds records whose parked write is being released at this moment.
select p.object, p.key
from unnest($2::text[], $3::text[], $4::text[]) as u (object, key, message_id)
join {schema}.parked p
  on p.tenant_id = $1 and p.object = u.object and p.key = u.key
  and p.message_id <> u.message_id and p.claimed_until >= clock_timestamp();

-- name: forget_run
-- Drops the parked writes of a run that is cancelled or taken back.
delete from {schema}.parked where run_id = $1;

-- name: waiting
-- Counts parked writes.
select count(*) from {schema}.parked where tenant_id = $1;
