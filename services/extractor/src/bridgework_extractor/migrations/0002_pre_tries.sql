-- Work whose source did not answer is tried again later; other work of the tenant need not wait for it.
alter table work add column tries int not null default 0;
alter table work add column next_try_at timestamptz not null default '-infinity';
