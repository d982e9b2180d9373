-- name: find
-- Finds the attachment we made of one file.
select module, zoho_parent_id, zoho_id, sha256, size_bytes from {schema}.files
where tenant_id = $1 and object = $2 and key = $3;

-- name: ours_at
-- Names the attachments of one record that other files of ours are.
select zoho_id from {schema}.files
where tenant_id = $1 and zoho_parent_id = $2 and not (object = $3 and key = $4);

-- name: put
-- Notes an attachment that is in Zoho now.
insert into {schema}.files
  (tenant_id, object, key, module, zoho_parent_id, zoho_id, sha256, size_bytes, run_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (tenant_id, object, key) do update
  set module = excluded.module, zoho_parent_id = excluded.zoho_parent_id,
      zoho_id = excluded.zoho_id, sha256 = excluded.sha256, size_bytes = excluded.size_bytes,
      run_id = excluded.run_id;

-- name: drop
-- Forgets an attachment that is gone, unless the file was uploaded again since.
delete from {schema}.files
where tenant_id = $1 and object = $2 and key = $3 and zoho_id = $4;

-- name: intent
-- Reads when an upload or deletion was begun whose end is not known; nothing where there is none.
select opened_at, tried_at from {schema}.intents where tenant_id = $1 and message_id = $2;

-- name: open
-- Notes, before it is sent, that an upload or deletion may reach Zoho.
insert into {schema}.intents as i (tenant_id, message_id) values ($1, $2)
on conflict (tenant_id, message_id) do update set tried_at = clock_timestamp();

-- name: close
-- Forgets an intent whose end is known.
delete from {schema}.intents where tenant_id = $1 and message_id = $2;

-- name: decide
-- Keeps what was decided about a message.
insert into {schema}.decisions (tenant_id, message_id, outcome, refused) values ($1, $2, $3, $4)
on conflict (tenant_id, message_id) do update
  set outcome = excluded.outcome, refused = excluded.refused;

-- name: decided
-- Reads what was decided about messages for good; held so that no newer decision overtakes it.
select message_id, outcome from {schema}.decisions
where tenant_id = $1 and message_id = any($2::text[]) and not refused
for share;
