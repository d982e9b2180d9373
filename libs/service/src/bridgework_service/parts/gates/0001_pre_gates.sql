-- Which waves of a run are open here, and whether the run may change anything at all.
create table gates (
  run_id text not null,
  tenant_id text not null,
  state text not null default 'running',
  open_waves int[] not null default '{}',
  reason text,
  changed_at timestamptz not null default clock_timestamp(),
  constraint gates_pk primary key (run_id),
  constraint gates_state check (state in ('running', 'paused', 'cancelled'))
);
