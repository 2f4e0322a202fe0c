-- Series of broadcasts. The definition is the proto Series, as far as clients write it, with the time zone always set.
CREATE TABLE channels.series (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  definition bytea NOT NULL,
  state smallint NOT NULL,
  -- The next occurrence, of an active series; and when a worker is to look at it (again, after a failure).
  next_time timestamptz,
  due_time timestamptz,
  last_time timestamptz,
  last_broadcast_id bigint,
  occurrences bigint NOT NULL DEFAULT 0,
  missed bigint NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 1,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX series_due ON channels.series (due_time) WHERE due_time IS NOT NULL;
SELECT mo.protect('channels.series');

-- How many an account has, against its limit.
ALTER TABLE channels.totals ADD COLUMN series integer NOT NULL DEFAULT 0;

-- The series that a broadcast is of, and the time of the schedule that it is for: one broadcast each, whatever happens.
ALTER TABLE channels.broadcasts ADD COLUMN series_id bigint;
ALTER TABLE channels.broadcasts ADD COLUMN occurrence_time timestamptz;
CREATE UNIQUE INDEX broadcasts_occurrence ON channels.broadcasts (account_id, series_id, occurrence_time)
  WHERE series_id IS NOT NULL;
-- For the list of a series' broadcasts.
CREATE INDEX broadcasts_series ON channels.broadcasts (account_id, series_id, id) WHERE series_id IS NOT NULL;
