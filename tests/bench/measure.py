"""Called by tests/bench/run, which has started the servers: runs the loads, prints a table, writes JSON."""
import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import time

from callbacks import Callbacks
from fairness import Fairness
from fanout import Fanout
from machine import Machine
from redirect import Redirect
from rollups import Numbers
from sends import Sends
from table import table

ACCOUNT = "/messageorganizer.accounts.v1.AccountService/GetAccount"
HEALTH = "/grpc.health.v1.Health/Check"


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    for name in ("--http", "--grpc", "--metrics", "--simulator", "--all-pid", "--postgres-pid", "--redis-pid",
                 "--simulator-pid"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("rest", "answer", "callbacks", "sends", "redirect", "numbers", "fanout", "fairness"))
    parser.add_argument("--recipients", type=int)
    parser.add_argument("--perf", type=pathlib.Path)
    parser.add_argument("--statements", action="store_true")
    return parser.parse_args()


class Bench(Machine):
    def __init__(self, options):
        super().__init__(options)
        self.first_number = 1_000_000_000

    def make_account(self):
        self.account_id, key = self.account("Bench")
        self.key_file = self.secret("api", key)
        self.api("POST", "/v1/channels", {"display_name": "News", "keyword": "NEWS"}, key)
        self.token_file = self.secret("agent", self.sim(key, "+4930100")[1])

    # --- load

    def load(self, command, **flags):
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        done = subprocess.run([self.work / "mo-loadgen", command, *arguments], check=True,
                              stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    def rest(self, duration, **flags):
        return self.load("rest", target=f"127.0.0.1:{self.options.http}", secret_file=self.key_file,
                         duration=f"{duration}s", **flags)

    def grpc(self, method, duration, **flags):
        return self.load("grpc", target=f"127.0.0.1:{self.options.grpc}", method=method, account=self.account_id,
                         secret_file=self.work / "identity.key", duration=f"{duration}s", **flags)

    def commits(self, seconds, clients):
        """The raw limit of everything that is durable: one-row transactions per second."""
        self.psql("SET client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS bench;"
                  "CREATE TABLE IF NOT EXISTS bench.commits (n int);")
        script = self.work / "commit.sql"
        script.write_text("INSERT INTO bench.commits VALUES (1);\n")
        out = subprocess.run(["/usr/lib/postgresql/15/bin/pgbench", "-h", self.work / "run", "-U", "postgres", "-n",
                              "-M", "prepared", "-c", str(clients), "-T", str(seconds), "-f", script,
                              "messageorganizer"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True).stdout
        return {"clients": clients, "per_second": float(re.search(r"tps = ([\d.]+)", out)[1]),
                "latency_ms": float(re.search(r"latency average = ([\d.]+)", out)[1])}

    # --- the parts

    def per_cpu_second(self):
        """REST and bare gRPC, the same method, in turns."""
        seconds, rounds = (2, 1) if self.options.quick else (6, 3)
        kinds = {
            "rest": lambda s: self.rest(s, concurrency=16),
            "grpc": lambda s: self.grpc(ACCOUNT, s, concurrency=16),
            "grpc_health": lambda s: self.grpc(HEALTH, s, concurrency=16),
        }
        runs = {kind: [] for kind in kinds}
        for run in kinds.values():
            run(1)  # connections, caches, prepared statements
        for number in range(rounds):
            for kind, run in kinds.items():
                result = {}
                with self.profile(f"{kind}-{number}"), self.costs(result):
                    result |= run(seconds)
                result["per_cpu_second"] = result["count"] / result["cpu_s"]["mo_all"]
                runs[kind].append(result)
        medians = {kind: {name: statistics.median(run[name] for run in each)
                          for name in ("per_cpu_second", "per_second", "p50_ms", "p99_ms")}
                   for kind, each in runs.items()}
        for kind, each in runs.items():
            medians[kind]["errors"] = sum(run["errors"] for run in each)
            medians[kind]["postgres_us"] = statistics.median(
                run["cpu_s"]["postgres"] / run["count"] * 1e6 for run in each)
        return {"runs": runs, "median": medians,
                "ratio": medians["rest"]["per_cpu_second"] / medians["grpc"]["per_cpu_second"]}

    def at_500(self):
        seconds = 3 if self.options.quick else 15
        link = '{"target_url":"https://example.org/{n}"}'
        return {
            "rest_get": self.rest(seconds, rate=500),
            "rest_post": self.rest(seconds, rate=500, method="POST", path="/v1/links", body=link),
            "grpc_get": self.grpc(ACCOUNT, seconds, rate=500),
        }

    def answers(self, rate):
        seconds = 4 if self.options.quick else 20
        known = rate * 5  # each writes again after 10 s
        result = {"rate": rate}
        since = self.psql("SELECT now()").strip()
        before = self.metrics()
        if self.options.statements:
            self.psql("SELECT pg_stat_statements_reset()")
        with self.profile(f"answer-{rate}"), self.costs(result):
            result |= self.load("answer", target=f"127.0.0.1:{self.options.grpc}", secret_file=self.token_file,
                                rate=rate, duration=f"{seconds}s", known=known, first_number=self.first_number)
        self.first_number += 10_000_000
        result["hops"] = self.hops(since, known)
        result["averages"] = self.averages(before, self.metrics())
        if self.options.statements:
            result["statements"] = self.statements(known + result["all"]["count"])
        return result

    def hops(self, since, known):
        """Where an answer's time goes: from the times that the services have kept themselves."""
        rows = self.psql(f"""
            WITH pairs AS (
              SELECT i.create_time AS written, s.receive_time AS received,
                     to_timestamp(1704067200 + (i.id >> 22) / 1000.0) AS kept, o.create_time AS answered,
                     d.create_time AS submitted, row_number() OVER (ORDER BY s.id) AS n
              FROM inbox.messages i
              JOIN sims.inbound s ON s.account_id = i.account_id AND s.id = i.inbound_id
              JOIN LATERAL (SELECT * FROM inbox.messages o WHERE o.account_id = i.account_id
                AND o.contact_id = i.contact_id AND o.direction = 2 AND o.create_time > s.receive_time
                ORDER BY o.create_time LIMIT 1) o ON true
              JOIN LATERAL (SELECT * FROM sims.dispatches d WHERE d.account_id = o.account_id
                AND d.sim_id = o.sim_id AND d.contact_range @> o.contact_id AND d.create_time >= o.create_time
                ORDER BY d.create_time LIMIT 1) d ON true
              WHERE i.direction = 1 AND s.receive_time >= '{since}')
            SELECT name, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2),
                   round(percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)::numeric, 2)
            FROM pairs, LATERAL (VALUES
              (1, 'received', extract(epoch FROM received - written) * 1000),
              (2, 'kept', extract(epoch FROM kept - received) * 1000),
              (3, 'answered', extract(epoch FROM answered - kept) * 1000),
              (4, 'submitted', extract(epoch FROM submitted - answered) * 1000)) hop (place, name, ms)
            WHERE n > {known} GROUP BY place, name ORDER BY place""")
        return {name: {"p50_ms": float(p50), "p99_ms": float(p99)}
                for name, p50, p99 in (line.split() for line in rows.splitlines())}

    def run(self):
        if self.options.statements:
            self.psql("CREATE EXTENSION pg_stat_statements")
        self.make_account()
        quick = self.options.quick
        commit = git("rev-parse", "--short", "HEAD")
        result = {"time": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()), "quick": quick,
                  "commit": commit + ("+" if git("status", "--porcelain", "libs", "services", "proto") else ""),
                  "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, {cpu_model()}",
                  "load_before": os.getloadavg()[0]}
        if self.options.only not in ("redirect", "numbers", "fanout", "fairness"):
            result["commits"] = [self.commits(1 if quick else 4, clients) for clients in (1, 8)]
        if self.options.only in (None, "rest"):
            result["per_cpu_second"] = self.per_cpu_second()
            result["at_500"] = self.at_500()
        if self.options.only in (None, "answer"):
            result["answers"] = [self.answers(rate) for rate in (20, 200)]
        if self.options.only in (None, "callbacks"):
            result["callbacks"] = Callbacks(self, quick).run()
        if self.options.only in (None, "sends"):
            result["sends"] = Sends(self, quick).run()
        if self.options.only in (None, "redirect"):
            result["redirect"] = Redirect(self, quick).run()
        if self.options.only in (None, "numbers"):
            result["numbers"] = Numbers(self, quick).run()
        if self.options.only in (None, "fanout"):
            recipients = self.options.recipients or (100_000 if quick else 1_000_000)
            result["fanout"] = Fanout(self, recipients, quick).run()
        if self.options.only in (None, "fairness"):
            result["fairness"] = Fairness(self, quick).run()
        result["load_after"] = os.getloadavg()[0]
        return result


def git(*arguments):
    root = pathlib.Path(__file__).parent
    done = subprocess.run(["git", "-C", root, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()


def cpu_model():
    found = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else "unknown CPU"


def main():
    bench = Bench(parse())
    result = bench.run()
    bench.options.json.parent.mkdir(parents=True, exist_ok=True)
    bench.options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    print(f"JSON: {bench.options.json}")


main()
