"""How long statistics take over ten million messages that are rolled up."""
import statistics
import time
import urllib.parse

MESSAGES = 10_000_000
DAYS, SIMS, BROADCASTS_A_DAY, HOURS = 365, 50, 3, 2
# What each recipient's message counts for: metric, kind, of how many in a hundred (services/statistics/metric.h).
COUNTED = [(11, 0, 100), (12, 1, 98), (13, 0, 95), (14, 0, 70), (15, 10, 2), (16, 2, 2), (18, 0, 400),
           *((19, bucket, 20) for bucket in (2, 4, 6, 8, 10)), (20, 0, 9000), *((21, bucket, 14) for bucket in (10, 15, 20, 25, 30))]
# A year of broadcasts: three a day, each over two hours and fifty SIMs; all cubes, hours, days and months, in the order
# in which they come: a batch of events writes its numbers by their key.
FILL = """
CREATE TEMP TABLE sent AS
  SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - d * interval '1 day' + (8 + 4 * b + h) * interval '1 hour'
           AS hour, s AS sim_id, d * {broadcasts} + b + 1 AS broadcast_id, c.metric, c.kind, greatest(1, {each} * c.percent / 100) AS value
  FROM generate_series(1, {days}) d, generate_series(0, {broadcasts} - 1) b, generate_series(0, {hours} - 1) h,
       generate_series(1, {sims}) s, (VALUES {counted}) AS c (metric, kind, percent);
INSERT INTO statistics.sims SELECT {account}, s, 1 + s % 2 FROM generate_series(1, {sims}) s ON CONFLICT DO NOTHING;
INSERT INTO statistics.rollups (account_id, cube, resolution, metric, start, sim_id, channel_id, broadcast_id, link_id, kind, value)
  SELECT {account}, cube, resolution, metric, date_trunc(unit, hour, 'UTC'), CASE WHEN cube IN (1, 2) THEN sim_id ELSE 0 END, 0,
         CASE WHEN cube > 1 THEN broadcast_id ELSE 0 END, 0, kind, sum(value)
  FROM sent, generate_series(0, 3) cube, (VALUES (2, 'hour'), (3, 'day'), (4, 'month')) AS r (resolution, unit) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
  ORDER BY 5, 1, 2, 3, 4, 6;
ANALYZE statistics.rollups;
"""


class Numbers:
    def __init__(self, bench, quick):
        self.bench = bench
        self.days = 60 if quick else DAYS
        self.times = 5 if quick else 30

    def run(self):
        _account, self.key = self.bench.account("Statistics")
        number = int(self.bench.psql("SELECT account_id FROM accounts.accounts ORDER BY create_time DESC LIMIT 1"))
        each = MESSAGES // (DAYS * BROADCASTS_A_DAY * SIMS * HOURS) + 1
        began = time.monotonic()
        self.bench.psql(FILL.format(account=number, days=self.days, sims=SIMS, broadcasts=BROADCASTS_A_DAY, hours=HOURS, each=each,
                                    counted=", ".join(map(str, COUNTED))))
        rows = int(self.bench.psql(f"SELECT count(*) FROM statistics.rollups WHERE account_id = {number}"))
        filled = time.monotonic() - began
        now = time.time()
        ago = lambda days: time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(now - days * 86400))
        total = int(self.ask("deliveries", {"from": ago(self.days), "step": "STEP_MONTH"})["total"]["submitted"])
        broadcast = self.ask("deliveries", {"from": ago(2), "group_by": "GROUP_BY_BROADCAST"})["intervals"][0]["group"]
        month, year = {"from": ago(30)}, {"from": ago(self.days)}
        vienna = {"time_zone": "Europe/Vienna"}
        wanted = {
            "30 days": month,
            "30 days, by SIM": month | {"group_by": "GROUP_BY_SIM"},
            "30 days, by network, with the 30 before": month | {"group_by": "GROUP_BY_NETWORK", "compare": "true"},
            "30 days, by broadcast": month | {"group_by": "GROUP_BY_BROADCAST"},
            "a year of days of Vienna": year | vienna,
            "a year of months, by SIM": year | {"group_by": "GROUP_BY_SIM", "step": "STEP_MONTH"},
            "a week of hours, by SIM": {"from": ago(7), "step": "STEP_HOUR", "group_by": "GROUP_BY_SIM"},
            "one broadcast by hour": {"from": ago(7), "step": "STEP_HOUR", "broadcast_id": broadcast},
        }
        return {"messages": total, "rows": rows, "fill_s": filled,
                "ms": {name: self.median(query) for name, query in wanted.items()}}

    def ask(self, report, query):
        return self.bench.api("GET", f"/v1/statistics/{report}?{urllib.parse.urlencode(query)}", key=self.key)

    def median(self, query):
        times = []
        for _ in range(self.times + 1):
            began = time.monotonic()
            self.ask("deliveries", query)
            times.append((time.monotonic() - began) * 1000)
        return {"first": times[0], "median": statistics.median(times[1:]), "most": max(times[1:])}
