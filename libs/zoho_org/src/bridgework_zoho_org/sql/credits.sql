-- name: reserve
-- Sets credits aside in one round trip; bucket_at is null where too few are left.
select bucket_at, spent_after from {schema}.credit_reserve($1, $2, $3, $4, $5, $6);

-- name: settle
-- Corrects a reservation and follows Zoho's own count where that is lower.
select {schema}.credit_settle($1, $2, $3, $4, $5, $6, $7, $8);

-- name: spent
-- Sums the credits of the last 24 hours without changing anything.
select coalesce((select spent from {schema}.credit_window where org_id = $1), 0)
  - coalesce((select sum(spent) from {schema}.credit_bucket
      where org_id = $1 and ends_at <= coalesce($2, clock_timestamp()) - interval '24 hours'), 0)
  as spent;

-- name: returns_at
-- Finds when at least $2 credits will have left the window.
select extract(epoch from ends_at + interval '24 hours' - coalesce($3, clock_timestamp()))::float8
from (
  select ends_at, sum(sum(spent)) over (order by ends_at) as freed
  from {schema}.credit_bucket
  where org_id = $1 and ends_at > coalesce($3, clock_timestamp()) - interval '24 hours'
  group by ends_at
) s where freed >= $2 order by ends_at limit 1;

-- name: by_purpose
-- Sums the credits of the last 24 hours by purpose, for reports.
select purpose, sum(spent)::bigint as spent
from {schema}.credit_bucket
where org_id = $1 and ends_at > coalesce($2, clock_timestamp()) - interval '24 hours'
group by purpose having sum(spent) <> 0 order by 2 desc;
