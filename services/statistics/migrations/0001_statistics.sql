-- How often something happened in one hour (UTC), counted from events. metric: see metric.h.
CREATE TABLE statistics.hourly (
  account_id bigint NOT NULL,
  hour timestamptz NOT NULL,
  metric smallint NOT NULL,
  value bigint NOT NULL,
  PRIMARY KEY (account_id, hour, metric)
);
SELECT mo.protect('statistics.hourly');
