-- name: park
-- Keeps a message whole until its parent is in Zoho.
insert into {schema}.parked as p
  (tenant_id, message_id, run_id, missing_object, missing_key, log_key, message)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (tenant_id, message_id) do update set claimed_until = '-infinity';

-- name: leave
-- Removes a parked message that has been decided.
delete from {schema}.parked where tenant_id = $1 and message_id = $2;

-- name: claim_ready
-- Claims parked messages whose missing record is in Zoho now and whose run may move files.
update {schema}.parked p
set claimed_until = clock_timestamp() + make_interval(secs => $3)
where p.tenant_id = $1
  and p.message_id in (
    select w.message_id
    from {schema}.parked w
    join {schema}.parents c
      on c.tenant_id = w.tenant_id and c.object = w.missing_object and c.key = w.missing_key
    join {schema}.gates g on g.run_id = w.run_id and g.state = 'running'
    where w.tenant_id = $1 and w.claimed_until < clock_timestamp()
    order by w.parked_at
    limit $2
    for update of w skip locked)
returning p.message_id, p.log_key, p.message;

-- name: unclaim
-- Gives claimed messages back.
update {schema}.parked set claimed_until = '-infinity'
where tenant_id = $1 and message_id = any($2::text[]);

-- name: forget_run
-- Drops the parked messages of a run that is cancelled or taken back.
delete from {schema}.parked where run_id = $1;
