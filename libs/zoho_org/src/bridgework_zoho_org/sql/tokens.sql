-- name: load_grant
-- Reads what all processes know about one grant.
select sealed_token, expires_at, refused_code
from {schema}.grant_token where org_id = $1 and grant_id = $2;

-- name: lease
-- Takes the right to refresh, or says how long to wait.
select granted, wait_s, throttled from {schema}.token_lease($1, $2, $3, $4, $5, $6, $7);

-- name: save
-- Publishes a token and ends the lease; does nothing if the lease was lost.
update {schema}.grant_token
set sealed_token = $4, token_digest = $5, expires_at = $6, refused_code = null,
    lease_id = null, lease_until = null
where org_id = $1 and grant_id = $2 and lease_id = $3;

-- name: release
-- Ends the lease without a token, with the reason of a refusal if there is one.
update {schema}.grant_token
set refused_code = coalesce($4, refused_code), lease_id = null, lease_until = null
where org_id = $1 and grant_id = $2 and lease_id = $3;

-- name: discard
-- Forgets a token that Zoho called invalid, unless a newer one is there already.
update {schema}.grant_token
set sealed_token = null, token_digest = null, expires_at = null
where org_id = $1 and grant_id = $2 and token_digest = $3;
