-- name: acquire
-- Takes a lease that is free or has expired; returns its new fencing token, or nothing.
insert into {schema}.leases as held (name, holder, token, acquired_at, expires_at)
values ($1, $2, 1, clock_timestamp(), clock_timestamp() + make_interval(secs => $3))
on conflict (name) do update
  set holder = excluded.holder,
      token = held.token + 1,
      acquired_at = excluded.acquired_at,
      expires_at = excluded.expires_at
  where held.expires_at <= clock_timestamp()
returning token;

-- name: renew
-- Extends a lease that nobody took over meanwhile; returns nothing when it is lost.
update {schema}.leases
set expires_at = clock_timestamp() + make_interval(secs => $3)
where name = $1 and token = $2 and expires_at > clock_timestamp()
returning token;

-- name: release
-- Lets the next holder in at once; does nothing when the lease is no longer ours.
update {schema}.leases set expires_at = '-infinity' where name = $1 and token = $2;

-- name: current_token
-- Reads the newest fencing token; locks the row so that a transaction can trust it until its end.
select token from {schema}.leases where name = $1 for share;
