-- name: put_place
-- Keeps a place that was found; one that was settled and is there again is open again.
insert into {schema}.quarantine as q (job_id, item_id, object, source_key, file, line, column_name, code,
  shape, effect, sentence, remedy, row_mark, first_seen, last_seen)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
on conflict on constraint quarantine_pk do update set
  object = excluded.object, source_key = excluded.source_key, file = excluded.file, line = excluded.line,
  shape = excluded.shape, effect = excluded.effect, sentence = excluded.sentence, remedy = excluded.remedy,
  row_mark = excluded.row_mark, last_seen = excluded.last_seen, seen_at = clock_timestamp(),
  state = case when q.state in ('released', 'gone') then 'open' else q.state end;

-- name: gone
-- Settles open places that a whole export no longer shows; those a service reported stay.
update {schema}.quarantine set state = 'gone', note = 'The newest export no longer shows it.'
where job_id = $1 and last_seen <> $2 and state = 'open' and row_mark is not null;

-- name: said
-- Notes what became of a correction when an export was read.
update {schema}.corrections set said = $2, said_in = $3, sentence = $4 where correction_id = $1
returning job_id, item_id, state;

-- name: stale
-- Says that a correction fits its row no longer.
update {schema}.quarantine set state = 'stale', note = $3 where job_id = $1 and item_id = $2;

-- name: still_bad
-- Opens places whose correction was applied and which are found all the same.
update {schema}.quarantine q set state = 'open', note = 'The corrected value could not be understood either.'
from {schema}.corrections c
where q.job_id = $1 and q.last_seen = $2 and c.job_id = q.job_id and c.item_id = q.item_id
  and c.state = 'active' and c.said = 'applied' and c.said_in = $2 and q.state in ('fixed', 'released');

-- name: release
-- Settles places whose correction a finished run carried.
update {schema}.quarantine q set state = 'released', released_in = $2, note = ''
from {schema}.corrections c
where q.job_id = $1 and q.last_seen <> $2 and q.state in ('fixed', 'stale') and c.job_id = q.job_id
  and c.item_id = q.item_id and c.state = 'active' and c.said = 'applied' and c.said_in = $2;

-- name: take_back
-- Says that what a run released was taken back.
update {schema}.quarantine set state = 'fixed', released_in = null, note = 'The run that released it was undone.'
where job_id = $1 and released_in = $2 and state = 'released';

-- name: known_lines
-- Places a run has seen, by file and line.
select file, line from {schema}.quarantine where job_id = $1 and last_seen = $2;

-- name: page
-- Places of a job by file and line, with the correction that stands.
select q.*, c.correction_id, c.column_name as fixed_column, c.value_shape, c.made_by, c.why as fix_why, c.made_at,
  c.said, c.said_in, c.sentence as said_sentence
from {schema}.quarantine q
left join {schema}.corrections c on c.job_id = q.job_id and c.item_id = q.item_id and c.state = 'active'
where q.job_id = $1 and ($2::text is null or q.state = $2) and ($3::text is null or q.file = $3)
  and ($4::text is null or q.code = $4)
  and (q.file, q.line, q.item_id) > ($5::text, $6::int, $7::text)
order by q.file, q.line, q.item_id limit $8;

-- name: item
-- One place, with the correction that stands.
select q.*, c.correction_id, c.column_name as fixed_column, c.value_shape, c.made_by, c.why as fix_why, c.made_at,
  c.said, c.said_in, c.sentence as said_sentence
from {schema}.quarantine q
left join {schema}.corrections c on c.job_id = q.job_id and c.item_id = q.item_id and c.state = 'active'
where q.job_id = $1 and q.item_id = $2;

-- name: lock_item
-- One place, locked until the transaction ends.
select * from {schema}.quarantine where job_id = $1 and item_id = $2 for update;

-- name: supersede
-- Ends corrections of a place, and of the same cell under another name.
update {schema}.corrections set state = $3
where job_id = $1 and state = 'active'
  and (item_id = $2 or (row_mark is not null and row_mark = $4 and column_name = $5));

-- name: put_correction
-- Keeps a correction.
insert into {schema}.corrections (correction_id, job_id, item_id, file, line, column_name, row_mark, row_key,
  seen_in, value_sealed, value_shape, made_by, why)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: decide
-- Moves a place to a state, with who and why.
update {schema}.quarantine set state = $3, decided_by = $4, why = $5, decided_at = clock_timestamp(),
  note = '', released_in = null
where job_id = $1 and item_id = $2;

-- name: active
-- Corrections that stand, in the order they were made.
select * from {schema}.corrections where job_id = $1 and state = 'active' order by made_at, correction_id;

-- name: every
-- Every correction of a job, whatever became of it.
select * from {schema}.corrections where job_id = $1 order by made_at, correction_id;

-- name: releasing
-- Notes who asked for a release.
update {schema}.quarantine set released_by = $2 where job_id = $1 and state = 'fixed';

-- name: counts
-- State → places of a job.
select state, count(*)::int as places from {schema}.quarantine where job_id = $1 group by state;

-- name: settled
-- Places that are settled: what an earlier run said of them no longer holds.
select file, line, column_name, code, source_key from {schema}.quarantine
where job_id = $1 and state in ('released', 'gone');

-- name: left_out
-- Keeps how many places were found beyond those that are listed.
update {schema}.jobs set quarantine_left_out = $2 where job_id = $1;
