"""Called by tests/bench/run, which has started the servers: runs the loads, prints a table, writes JSON."""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import time
import urllib.request

ACCOUNT = "/messageorganizer.accounts.v1.AccountService/GetAccount"
HEALTH = "/grpc.health.v1.Health/Check"
TICKS = os.sysconf("SC_CLK_TCK")


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    for name in ("--http", "--grpc", "--metrics", "--all-pid", "--postgres-pid", "--redis-pid"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("rest", "answer"))
    parser.add_argument("--perf", type=pathlib.Path)
    return parser.parse_args()


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = options.work
        self.first_number = 1_000_000_000
        self.api_key = ""

    # --- the product

    def api(self, method, path, body=None, key=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.options.http}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key or self.api_key}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def secret(self, name, text):
        path = self.work / f"{name}.secret"
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def make_account(self):
        operator = (self.work / "operator.key").read_text().strip()
        made = self.api("POST", "/v1/accounts", {"display_name": "Bench", "default_language": "en"}, operator)
        self.account = made["account"]["id"]
        self.api_key = made["secret"]
        self.key_file = self.secret("api", self.api_key)
        self.api("POST", "/v1/channels", {"display_name": "News", "keyword": "NEWS"})
        sim = self.api("POST", "/v1/sims", {"network": "NETWORK_WHATSAPP", "address": "+4930100",
                                            "display_name": "Bench", "capacity": 100000})
        token = self.api("POST", f"/v1/sims/{sim['id']}/agent-tokens", {})["token"]
        self.token_file = self.secret("agent", token)

    # --- load and cost

    def load(self, command, **flags):
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        done = subprocess.run([self.work / "mo-loadgen", command, *arguments], check=True,
                              stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    def rest(self, duration, **flags):
        return self.load("rest", target=f"127.0.0.1:{self.options.http}", secret_file=self.key_file,
                         duration=f"{duration}s", **flags)

    def grpc(self, method, duration, **flags):
        return self.load("grpc", target=f"127.0.0.1:{self.options.grpc}", method=method, account=self.account,
                         secret_file=self.work / "identity.key", duration=f"{duration}s", **flags)

    def cpu(self):
        """CPU seconds so far: of mo-all, of PostgreSQL with its backends, of Redis."""
        def of(pid):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            # utime, stime, and those of children that have ended.
            return sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICKS
        postgres = of(self.options.postgres_pid)
        for task in pathlib.Path(f"/proc/{self.options.postgres_pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    postgres += of(child)
        return {"mo_all": of(self.options.all_pid), "postgres": postgres, "redis": of(self.options.redis_pid)}

    @contextlib.contextmanager
    def costs(self, result):
        before = self.cpu()
        yield
        result["cpu_s"] = {name: round(value - before[name], 3) for name, value in self.cpu().items()}

    @contextlib.contextmanager
    def profile(self, name):
        if self.options.perf is None:
            yield
            return
        self.options.perf.mkdir(parents=True, exist_ok=True)
        perf = subprocess.Popen(["perf", "record", "-q", "-F", "499", "-g", "-o", self.options.perf / f"{name}.data",
                                 "-p", str(self.options.all_pid)])
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)
            perf.wait()

    def psql(self, sql):
        return subprocess.run(["psql", "-h", self.work / "run", "-U", "postgres", "-d", "messageorganizer", "-qtA",
                               "-F", " ", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=sql, check=True,
                              stdout=subprocess.PIPE, text=True).stdout

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
        known = rate * 3 // 2  # each writes again after 3 s
        result = {"rate": rate}
        since = self.psql("SELECT now()").strip()
        before = self.metrics()
        with self.profile(f"answer-{rate}"), self.costs(result):
            result |= self.load("answer", target=f"127.0.0.1:{self.options.grpc}", secret_file=self.token_file,
                                rate=rate, duration=f"{seconds}s", known=known, first_number=self.first_number)
        self.first_number += 10_000_000
        result["hops"] = self.hops(since, known)
        result["averages"] = self.averages(before, self.metrics())
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

    def metrics(self):
        """Sum and count of every histogram of durations, by name and labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.options.metrics}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = {}
        for name, part, labels, value in re.findall(r"^(mo_\w+_seconds)_(sum|count)(\{.*\})? (\S+)$", text, re.M):
            found.setdefault(name + labels, {})[part] = float(value)
        return found

    @staticmethod
    def averages(before, after):
        """Calls and average milliseconds of what took time between two looks at the metrics."""
        averages = {}
        for name, now in after.items():
            then = before.get(name, {"sum": 0, "count": 0})
            count = now["count"] - then["count"]
            if count > 0:
                averages[name] = {"count": int(count), "ms": round((now["sum"] - then["sum"]) / count * 1000, 3)}
        return averages

    def run(self):
        self.make_account()
        quick = self.options.quick
        commit = git("rev-parse", "--short", "HEAD")
        result = {"time": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()), "quick": quick,
                  "commit": commit + ("+" if git("status", "--porcelain", "libs", "services", "proto") else ""),
                  "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, {cpu_model()}",
                  "load_before": os.getloadavg()[0]}
        result["commits"] = [self.commits(1 if quick else 4, clients) for clients in (1, 8)]
        if self.options.only != "answer":
            result["per_cpu_second"] = self.per_cpu_second()
            result["at_500"] = self.at_500()
        if self.options.only != "rest":
            result["answers"] = [self.answers(rate) for rate in (20, 200)]
        result["load_after"] = os.getloadavg()[0]
        return result


def git(*arguments):
    root = pathlib.Path(__file__).parent
    done = subprocess.run(["git", "-C", root, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()


def cpu_model():
    found = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else "unknown CPU"


def table(result):
    lines = [f"{result['time']}, commit {result['commit']}, {result['machine']}, "
             f"load {result['load_before']:.1f} before, {result['load_after']:.1f} after"]
    for raw in result["commits"]:
        lines.append(f"raw limit: one-row commits, {raw['clients']} connections   {raw['per_second']:9,.0f}/s"
                     f"   {raw['latency_ms']:.2f} ms")
    if "per_cpu_second" in result:
        names = {"rest": "REST GET /v1/account", "grpc": "bare gRPC GetAccount", "grpc_health": "bare gRPC health check"}
        lines.append(f"\n{'16 at once, closed loop':26} {'req/CPU-s':>10} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8}"
                     f" {'PG µs/req':>10} {'errors':>7}")
        for kind, name in names.items():
            m = result["per_cpu_second"]["median"][kind]
            lines.append(f"{name:26} {m['per_cpu_second']:10,.0f} {m['per_second']:9,.0f} {m['p50_ms']:8.2f}"
                         f" {m['p99_ms']:8.2f} {m['postgres_us']:10.0f} {m['errors']:7}")
        lines.append(f"REST / gRPC per CPU-second: {result['per_cpu_second']['ratio']:.2f}")
    rows = []
    if "at_500" in result:
        rows += [("REST GET, 500/s (p99 < 10)", result["at_500"]["rest_get"]),
                 ("REST POST link, 500/s (p99 < 10)", result["at_500"]["rest_post"]),
                 ("bare gRPC GetAccount, 500/s", result["at_500"]["grpc_get"])]
    for answer in result.get("answers", []):
        bar = " (p50 < 25, p99 < 100)" if answer["rate"] == 200 else ""
        rows += [(f"answers, {answer['rate']}/s{bar}", answer["all"]), ("  welcome of strangers", answer["welcome"]),
                 ("  keyword of known senders", answer["keyword"])]
    lines.append(f"\n{'open loop':38} {'done/s':>8} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8} {'max ms':>8} {'errors':>7}")
    for name, m in rows:
        lines.append(f"{name:38} {m['per_second']:8.0f} {m['p50_ms']:8.2f} {m['p90_ms']:8.2f} {m['p99_ms']:8.2f}"
                     f" {m['max_ms']:8.2f} {m['errors']:7}")
    for answer in result.get("answers", []):
        inbound = answer["rate"] * 3 // 2 + answer["all"]["count"]
        lines.append(f"\nanswers, {answer['rate']}/s: unanswered {answer['unanswered']}, unexpected {answer['unexpected']};"
                     " CPU ms per inbound message: "
                     + ", ".join(f"{name} {value / inbound * 1000:.1f}" for name, value in answer["cpu_s"].items()))
        lines.append("hops (p50/p99 ms): " + ", ".join(
            f"{name} {hop['p50_ms']:.1f}/{hop['p99_ms']:.1f}" for name, hop in answer["hops"].items()))
    return "\n".join(lines)


def main():
    bench = Bench(parse())
    result = bench.run()
    bench.options.json.parent.mkdir(parents=True, exist_ok=True)
    bench.options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    print(f"JSON: {bench.options.json}")


main()
