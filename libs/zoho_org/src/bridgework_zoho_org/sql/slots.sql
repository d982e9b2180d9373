-- name: balance
-- Renews a member and deals it its share.
select may, may_heavy, others_lack
from {schema}.slot_balance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: leave
-- Gives everything back.
delete from {schema}.slot_member where org_id = $1 and member_id = $2;

-- name: in_use
-- Sums what living members hold.
select coalesce(sum(granted), 0)::int as granted, coalesce(sum(granted_heavy), 0)::int as heavy,
  count(*)::int as members
from {schema}.slot_member
where org_id = $1 and expires_at > coalesce($2, clock_timestamp());
