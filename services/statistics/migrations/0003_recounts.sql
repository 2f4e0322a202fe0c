-- The numbers as they were when a recount began, after exactly those events that it counts.
CREATE TABLE statistics.recount_snapshots (LIKE statistics.rollups INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (account_id, cube, resolution, metric, start, sim_id, channel_id, broadcast_id, link_id, kind));
SELECT mo.protect('statistics.recount_snapshots');

-- Read by nothing since 0002.
DROP TABLE statistics.hourly;
