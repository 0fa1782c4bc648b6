-- Up Migration

-- How far the clock of a worker's host is ahead of this server's, as its beats tell: for people who compare logs, and for
-- `taskfold doctor`. Nothing is decided by it. Too large by the time a beat is on its way. Null before the first beat.
alter table taskfold.workers add column clock_ahead_ms float8;
