-- What all processes that talk to one Zoho org share. An org is named by the caller (its zgid).

-- One row per grant (client and refresh token): the newest access token, sealed by the caller.
create table grant_token (
  org_id text not null,
  grant_id text not null,
  sealed_token bytea,
  token_digest bytea,
  expires_at timestamptz,
  refused_code text,
  lease_id uuid,
  lease_until timestamptz,
  minted_at timestamptz[] not null default '{}',
  constraint grant_token_pk primary key (org_id, grant_id)
);

-- Takes the right to refresh, or says how long to wait. A granted lease counts as a minted token.
create function token_lease(
  p_org text, p_grant text, p_lease uuid, p_ttl interval, p_limit int, p_window interval,
  p_now timestamptz
) returns table (granted boolean, wait_s double precision, throttled boolean)
language plpgsql set search_path from current as $$
declare
  known grant_token%rowtype;
  v_now timestamptz;
  recent timestamptz[];
begin
  insert into grant_token (org_id, grant_id) values (p_org, p_grant) on conflict do nothing;
  select * into known from grant_token
    where org_id = p_org and grant_id = p_grant for update;
  v_now := coalesce(p_now, clock_timestamp());
  if known.lease_until > v_now then
    return query select false, extract(epoch from known.lease_until - v_now)::float8, false;
    return;
  end if;
  select coalesce(array_agg(at order by at), '{}') into recent
    from unnest(known.minted_at) at where at > v_now - p_window;
  if cardinality(recent) >= p_limit then
    return query select false, extract(epoch from recent[1] + p_window - v_now)::float8, true;
    return;
  end if;
  update grant_token
    set lease_id = p_lease, lease_until = v_now + p_ttl, minted_at = recent || v_now
    where org_id = p_org and grant_id = p_grant;
  return query select true, 0::float8, false;
end $$;

-- The rolling 24 hours of an org: the sum, and when its oldest part falls out.
create table credit_window (
  org_id text not null,
  spent bigint not null default 0,
  oldest_at timestamptz,
  constraint credit_window_pk primary key (org_id)
) with (fillfactor = 50);

-- Its parts, one per interval and purpose. An interval is named by its end: spends can only be
-- forgotten late, never early.
create table credit_bucket (
  org_id text not null,
  ends_at timestamptz not null,
  purpose text not null,
  spent bigint not null,
  constraint credit_bucket_pk primary key (org_id, ends_at, purpose)
) with (fillfactor = 50);

-- Locks an org's window, forgets what is older than 24 hours, and returns what is left of the sum.
create function credit_expire(p_org text, p_now timestamptz) returns bigint
language plpgsql set search_path from current as $$
declare
  window_row credit_window%rowtype;
  gone bigint;
begin
  select * into window_row from credit_window where org_id = p_org for update;
  if not found then
    insert into credit_window (org_id) values (p_org) on conflict do nothing;
    select * into window_row from credit_window where org_id = p_org for update;
  end if;
  if window_row.oldest_at is null or window_row.oldest_at > p_now - interval '24 hours' then
    return window_row.spent;
  end if;
  with forgotten as (
    delete from credit_bucket
      where org_id = p_org and ends_at <= p_now - interval '24 hours' returning spent
  )
  select coalesce(sum(spent), 0) into gone from forgotten;
  update credit_window
    set spent = spent - gone,
        oldest_at = (select min(ends_at) from credit_bucket where org_id = p_org)
    where org_id = p_org;
  return window_row.spent - gone;
end $$;

create function credit_add(
  p_org text, p_amount bigint, p_purpose text, p_interval_s double precision, p_now timestamptz
) returns timestamptz
language plpgsql set search_path from current as $$
declare
  v_end timestamptz := to_timestamp(
    ceil(extract(epoch from p_now)::float8 / p_interval_s) * p_interval_s);
begin
  update credit_window
    set spent = spent + p_amount, oldest_at = least(oldest_at, v_end) where org_id = p_org;
  insert into credit_bucket as known (org_id, ends_at, purpose, spent)
    values (p_org, v_end, p_purpose, p_amount)
    on conflict (org_id, ends_at, purpose) do update set spent = known.spent + excluded.spent;
  return v_end;
end $$;

-- Sets credits aside. bucket_at is null where fewer than p_cost of p_usable are left.
create function credit_reserve(
  p_org text, p_usable bigint, p_cost int, p_purpose text, p_interval_s double precision,
  p_now timestamptz
) returns table (bucket_at timestamptz, spent_after bigint)
language plpgsql set search_path from current as $$
declare
  v_now timestamptz := coalesce(p_now, clock_timestamp());
  v_spent bigint;
begin
  -- Losing the last half second of the ledger in a crash of PostgreSQL costs less than waiting for
  -- the disk at every call while all others queue behind this row.
  perform set_config('synchronous_commit', 'off', true);
  v_spent := credit_expire(p_org, v_now);
  if v_spent + p_cost > p_usable then
    return query select null::timestamptz, v_spent;
    return;
  end if;
  return query
    select credit_add(p_org, p_cost, p_purpose, p_interval_s, v_now), v_spent + p_cost;
end $$;

-- Corrects a reservation, then follows Zoho's own count where that is lower than ours.
create function credit_settle(
  p_org text, p_bucket timestamptz, p_purpose text, p_difference int, p_allowance bigint,
  p_remaining bigint, p_interval_s double precision, p_now timestamptz
) returns void
language plpgsql set search_path from current as $$
declare
  v_now timestamptz := coalesce(p_now, clock_timestamp());
  v_spent bigint;
begin
  perform set_config('synchronous_commit', 'off', true);
  v_spent := credit_expire(p_org, v_now);
  if p_difference <> 0 then
    update credit_bucket set spent = spent + p_difference
      where org_id = p_org and ends_at = p_bucket and purpose = p_purpose;
    -- A spend that has left the window has nothing to correct any more.
    if found then
      update credit_window set spent = spent + p_difference where org_id = p_org;
      v_spent := v_spent + p_difference;
    end if;
  end if;
  if p_remaining is not null and p_allowance - v_spent > p_remaining then
    perform credit_add(
      p_org, p_allowance - v_spent - p_remaining, 'other apps', p_interval_s, v_now);
  end if;
end $$;

-- One row per org, locked while slots are dealt out.
create table slot_pool (
  org_id text not null,
  constraint slot_pool_pk primary key (org_id)
);

-- The processes that hold or want slots of an org.
create table slot_member (
  org_id text not null,
  member_id uuid not null,
  granted int not null,
  granted_heavy int not null,
  wanted int not null,
  wanted_heavy int not null,
  expires_at timestamptz not null,
  constraint slot_member_pk primary key (org_id, member_id)
) with (fillfactor = 50);

-- What one member may have in flight in one of the two dimensions.
--   p_keep: what the member may be using by the time it hears the answer, so that it cannot be
--   given away now; p_wanted: what it has use for.
-- "may" can be below p_keep: then the member drains down to it and keeps less the next time.
-- "holds" is what is written down and what others cannot have.
create function slot_share(
  p_limit int, p_keep int, p_wanted int, p_others_hold int, p_others_lack int, p_fair int
) returns table (may int, holds int)
language sql immutable as $$
  select least(target, greatest(room, 0)), greatest(least(target, greatest(room, 0)), p_keep)
  from (
    select p_limit - p_others_hold as room,
      least(p_wanted, case when p_others_lack > 0
        then greatest(p_fair, p_limit - p_others_hold - p_others_lack)
        else p_wanted end) as target
  ) s
$$;

-- Renews a member and deals it its share of the org's slots.
create function slot_balance(
  p_org text, p_member uuid, p_keep int, p_keep_heavy int, p_wanted int, p_wanted_heavy int,
  p_limit int, p_limit_heavy int, p_ttl interval, p_now timestamptz
) returns table (may int, may_heavy int, others_lack boolean)
language plpgsql set search_path from current as $$
declare
  v_now timestamptz;
  v_members int;
  v_members_heavy int;
  v_fair int;
  v_fair_heavy int;
  v_rank int;
  v_hold int;
  v_hold_heavy int;
  v_lack int;
  v_lack_heavy int;
  v_share record;
  v_share_heavy record;
begin
  perform set_config('synchronous_commit', 'off', true);
  insert into slot_pool (org_id) values (p_org) on conflict do nothing;
  perform 1 from slot_pool where org_id = p_org for update;
  v_now := coalesce(p_now, clock_timestamp());
  delete from slot_member
    where org_id = p_org and expires_at <= v_now and member_id <> p_member;
  select count(*) filter (where wanted > 0) + (p_wanted > 0)::int,
      count(*) filter (where wanted_heavy > 0) + (p_wanted_heavy > 0)::int,
      coalesce(sum(granted), 0), coalesce(sum(granted_heavy), 0)
    into v_members, v_members_heavy, v_hold, v_hold_heavy
    from slot_member where org_id = p_org and member_id <> p_member;
  v_fair := p_limit / greatest(v_members, 1);
  v_fair_heavy := p_limit_heavy / greatest(v_members_heavy, 1);
  if v_fair = 0 or v_fair_heavy = 0 then
    -- More members than slots: they take turns, two seconds each.
    select count(*) + 1 into v_rank from slot_member
      where org_id = p_org and member_id <> p_member and wanted > 0
        and md5(member_id::text || floor(extract(epoch from v_now) / 2)::text)
          < md5(p_member::text || floor(extract(epoch from v_now) / 2)::text);
    v_fair := greatest(v_fair, (v_rank <= p_limit)::int);
    v_fair_heavy := greatest(v_fair_heavy, (v_rank <= p_limit_heavy)::int);
  end if;
  -- What the others may still ask of us: up to their fair share, not what they wish for.
  select coalesce(sum(greatest(least(wanted, v_fair) - granted, 0)), 0),
      coalesce(sum(greatest(least(wanted_heavy, v_fair_heavy) - granted_heavy, 0)), 0)
    into v_lack, v_lack_heavy
    from slot_member where org_id = p_org and member_id <> p_member;
  select * into v_share
    from slot_share(p_limit, p_keep, p_wanted, v_hold, v_lack, v_fair);
  select * into v_share_heavy
    from slot_share(p_limit_heavy, p_keep_heavy, p_wanted_heavy, v_hold_heavy, v_lack_heavy,
                    v_fair_heavy);
  insert into slot_member as known values (
      p_org, p_member, v_share.holds, v_share_heavy.holds, p_wanted, p_wanted_heavy,
      v_now + p_ttl)
    on conflict (org_id, member_id) do update
      set granted = excluded.granted, granted_heavy = excluded.granted_heavy,
          wanted = excluded.wanted, wanted_heavy = excluded.wanted_heavy,
          expires_at = excluded.expires_at;
  return query
    select v_share.may, v_share_heavy.may, v_lack > 0 or v_lack_heavy > 0;
end $$;
