-- More members than slots: who is not in turn gives way to who is.
--
-- Before, a member out of turn reckoned with a fair share of nothing for the others as well, saw
-- that nobody lacked anything and kept its slot for as long as it was busy.

-- Whether a member is among the first p_limit of those who want slots, in the order of this turn
-- of two seconds.
create function slot_in_turn(p_rank bigint, p_limit int) returns int
language sql immutable as $$ select (p_rank <= p_limit)::int $$;

-- Renews a member and deals it its share of the org's slots.
create or replace function slot_balance(
  p_org text, p_member uuid, p_keep int, p_keep_heavy int, p_wanted int, p_wanted_heavy int,
  p_limit int, p_limit_heavy int, p_ttl interval, p_now timestamptz
) returns table (may int, may_heavy int, others_lack boolean)
language plpgsql set search_path from current as $$
declare
  v_now timestamptz;
  v_turn text;
  v_members int;
  v_members_heavy int;
  v_fair int;
  v_fair_heavy int;
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
  -- What the others may still ask of us: up to their fair share, not what they wish for.
  if v_fair > 0 and v_fair_heavy > 0 then
    select coalesce(sum(greatest(least(wanted, v_fair) - granted, 0)), 0),
        coalesce(sum(greatest(least(wanted_heavy, v_fair_heavy) - granted_heavy, 0)), 0)
      into v_lack, v_lack_heavy
      from slot_member where org_id = p_org and member_id <> p_member;
  else
    -- More members than slots: they take turns, two seconds each, and each has a share of its own.
    v_turn := floor(extract(epoch from v_now) / 2)::text;
    with member as (
      select member_id, granted, granted_heavy, wanted, wanted_heavy
        from slot_member where org_id = p_org and member_id <> p_member
      union all select p_member, 0, 0, p_wanted, p_wanted_heavy
    ), ranked as (
      select *,
        rank() over (order by (wanted > 0) desc, md5(member_id::text || v_turn)) as place,
        rank() over (order by (wanted_heavy > 0) desc, md5(member_id::text || v_turn))
          as place_heavy
      from member
    ), dealt as (
      select *, greatest(v_fair, slot_in_turn(place, p_limit)) as fair,
        greatest(v_fair_heavy, slot_in_turn(place_heavy, p_limit_heavy)) as fair_heavy
      from ranked
    )
    select coalesce(sum(greatest(least(wanted, fair) - granted, 0))
          filter (where member_id <> p_member), 0),
        coalesce(sum(greatest(least(wanted_heavy, fair_heavy) - granted_heavy, 0))
          filter (where member_id <> p_member), 0),
        max(fair) filter (where member_id = p_member),
        max(fair_heavy) filter (where member_id = p_member)
      into v_lack, v_lack_heavy, v_fair, v_fair_heavy
      from dealt;
  end if;
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
