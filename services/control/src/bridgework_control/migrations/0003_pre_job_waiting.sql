-- What a job's audit waits for, as the extractor says it; null while nothing stands in its way.
alter table jobs add column waiting jsonb;
