-- Numbers of intervals, counted from events. cube: 0 of the account, 1 by SIM, 2 by everything, 3 by everything but the SIM.
-- resolution: 0 minutes (cubes 0 and 3 only), 1 quarter hours, 2 hours, 3 days, 4 months, all of UTC. Each event is in all cubes and resolutions, of which the fine ones are forgotten with time.
-- metric, kind: see metric.h. Ids are 0 where a cube or a metric has no such thing.
CREATE TABLE statistics.rollups (
  account_id bigint NOT NULL,
  cube smallint NOT NULL,
  resolution smallint NOT NULL,
  metric smallint NOT NULL,
  start timestamptz NOT NULL,
  sim_id bigint NOT NULL,
  channel_id bigint NOT NULL,
  broadcast_id bigint NOT NULL,
  link_id bigint NOT NULL,
  kind integer NOT NULL,
  value bigint NOT NULL,
  PRIMARY KEY (account_id, cube, resolution, metric, start, sim_id, channel_id, broadcast_id, link_id, kind)
) WITH (fillfactor = 80);
CREATE INDEX rollups_old ON statistics.rollups (resolution, start) WHERE resolution < 3;
SELECT mo.protect('statistics.rollups');

-- The same, counted anew by a recount.
CREATE TABLE statistics.recounts (LIKE statistics.rollups INCLUDING ALL);
SELECT mo.protect('statistics.recounts');

-- The network of each SIM that was ever heard of.
CREATE TABLE statistics.sims (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  network smallint NOT NULL,
  PRIMARY KEY (account_id, id)
);
SELECT mo.protect('statistics.sims');

-- The channels that broadcasts went to.
CREATE TABLE statistics.broadcast_channels (
  account_id bigint NOT NULL,
  broadcast_id bigint NOT NULL,
  channel_id bigint NOT NULL,
  PRIMARY KEY (account_id, broadcast_id, channel_id)
);
CREATE INDEX broadcast_channels_channel ON statistics.broadcast_channels (account_id, channel_id);
SELECT mo.protect('statistics.broadcast_channels');

-- The last recount: statistics.v1.Recount. account_id 0: it is of all accounts.
CREATE TABLE statistics.recount_runs (
  account_id bigint NOT NULL DEFAULT 0,
  id smallint NOT NULL DEFAULT 1 CHECK (id = 1),
  run bytea NOT NULL,
  PRIMARY KEY (id)
);
SELECT mo.protect('statistics.recount_runs');

-- What was counted before, by hours and without anything but the metric, remains in the same numbers.
INSERT INTO statistics.rollups
SELECT account_id, c.cube, r.resolution, metric, date_trunc(r.unit, hour, 'UTC'), 0, 0, 0, 0, 0, sum(value)
FROM statistics.hourly, (VALUES (0::smallint), (1), (2), (3)) AS c (cube),
  (VALUES (2::smallint, 'hour'), (3, 'day'), (4, 'month')) AS r (resolution, unit)
WHERE metric <= 7 GROUP BY 1, 2, 3, 4, 5;

-- What an account's messages cost from the beginning of a day (UTC) on: statistics.v1.MessagePrices.
CREATE TABLE statistics.message_prices (
  account_id bigint NOT NULL,
  valid_from timestamptz NOT NULL,
  prices bytea NOT NULL,
  PRIMARY KEY (account_id, valid_from)
);
SELECT mo.protect('statistics.message_prices');
