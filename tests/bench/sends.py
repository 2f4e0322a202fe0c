"""How many messages a second, and a second of CPU, sims sends to WhatsApp's Cloud API, beside a bare HTTP client loop."""
import json
import socket
import statistics
import subprocess

from machine import wait_for

RECIPIENTS = 1000  # of a dispatch
# What is sent, as sims keeps it: a text in everybody's own words, and a template with them.
TEXT = "Hello {{name}}, this is what we wanted to tell all of you today."


def field(number, content):
    """A protobuf field of bytes, shorter than 128."""
    data = content if isinstance(content, bytes) else content.encode()
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


CONTENTS = {"text": field(1, field(1, TEXT)),
            "template": field(5, field(1, "news_of_the_day") + field(2, "en") + field(5, "{{name}}"))}


class Double:
    """The provider, in a process of its own; what it was sent can be asked."""

    def __init__(self, bench):
        self.bench = bench
        with socket.create_server(("127.0.0.1", 0)) as held:
            self.target = f"127.0.0.1:{held.getsockname()[1]}"

    def __enter__(self):
        self.process = subprocess.Popen([self.bench.work / "mo-loadgen", "double", f"--target={self.target}"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.bench.pids["double"] = self.process.pid
        self.sent()
        return self

    def __exit__(self, *_):
        del self.bench.pids["double"]
        self.process.stdin.close()
        self.process.wait()

    def sent(self):
        """What it was sent since the last time."""
        print(file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


class Sends:
    def __init__(self, bench, quick):
        self.bench = bench
        self.messages = 100_000 if quick else 300_000
        self.rounds = 3
        self.next = 0  # the first dispatch that no run has used

    def make_sims(self, count, url):
        _, key = self.bench.account("Sends")
        self.sims = []
        for n in range(count):
            number = 436641001000 + self.next + n
            sim = self.bench.api("POST", "/v1/sims", {
                "network": "NETWORK_WHATSAPP", "address": f"+{number}", "capacity": 1000, "messages_per_second": 100_000,
                "driver": {"whatsapp_cloud": {"base_url": url, "phone_number_id": str(number), "access_token": "t",
                                              "app_secret": "s", "verify_token": "v"}}}, key)["id"]
            wait_for("the SIM's lease", 20, lambda s=sim: self.bench.api("GET", f"/v1/sims/{s}", None, key).get("online"))
            self.sims.append(f"+{number}")

    def dispatches(self, kind, count):
        """Makes paused dispatches in turns for all SIMs; their recipients have written, where that is needed."""
        numbers = "ARRAY[" + ",".join(f"'{number}'" for number in self.sims) + "]"
        first = int(self.bench.psql_once(f"""
            WITH made AS (INSERT INTO sims.dispatches SELECT s.account_id, nextval('sims.dispatch_id'), 'sends-' || n, s.id, 2,
              'sends', '\\x{CONTENTS[kind].hex()}', '{{name}}', array_agg(n * {RECIPIENTS}::bigint + r ORDER BY r),
              array_agg('+43' || 6600000000 + n * {RECIPIENTS}::bigint + r ORDER BY r), array_agg('N' || r ORDER BY r), false,
              int8range(n * {RECIPIENTS}::bigint, (n + 1) * {RECIPIENTS}::bigint), now(), NULL
              FROM generate_series({self.next}, {self.next + count - 1}) n, generate_series(0, {RECIPIENTS - 1}) r,
              LATERAL (SELECT account_id, id FROM sims.sims WHERE address = ({numbers})[n % {len(self.sims)} + 1]) s
              GROUP BY s.account_id, s.id, n RETURNING account_id, id, sim_id, addresses),
            states AS (INSERT INTO sims.dispatch_states SELECT account_id, id, sim_id, 2, 2, true,
              decode(repeat('10', {RECIPIENTS}), 'hex'), NULL, now() FROM made),
            windows AS (INSERT INTO sims.reply_windows SELECT account_id, sim_id, unnest(addresses), now() + interval '1 day'
              FROM made WHERE '{kind}' = 'text')
            SELECT min(id) FROM made"""))
        self.bench.psql("VACUUM ANALYZE sims.dispatches; VACUUM ANALYZE sims.dispatch_states;"
                        "VACUUM ANALYZE sims.reply_windows; CHECKPOINT")
        self.next += count
        return f"id BETWEEN {first} AND {first + count - 1}"

    def run_one(self, kind, messages, double):
        """From the first message at the provider to the last one; CPU from the release until all is in the ledger."""
        mine = self.dispatches(kind, messages // RECIPIENTS)
        result = {"kind": kind, "sims": len(self.sims), "messages": messages}
        double.sent()
        with self.bench.profile(f"sends-{kind}-{len(self.sims)}"), self.bench.costs(result):
            self.bench.psql(f"UPDATE sims.dispatch_states SET control = 1 WHERE {mine}")
            wait_for("the messages", 120, lambda: int(self.bench.psql(
                f"SELECT count(*) FROM sims.dispatch_states WHERE open AND {mine}")) == 0, 0.2)
        result |= double.sent()
        result["accepted"] = int(self.bench.psql(f"""
            SELECT coalesce(sum((SELECT count(*) FROM generate_series(0, {RECIPIENTS - 1}) i
              WHERE get_byte(status, i) >> 4 = 3)), 0) FROM sims.dispatch_states WHERE {mine}"""))
        result["exactly_once"] = (result["requests"] == result["keys"] == result["accepted"] == messages)
        result["per_second"] = messages / (result["last"] - result["first"])
        result["per_cpu_second"] = messages / result["cpu_s"]["mo_all"]
        result["cpu_us"] = {name: round(seconds / messages * 1e6, 2) for name, seconds in result["cpu_s"].items()}
        return result

    def raw(self, double):
        result = {}
        with self.bench.costs(result):
            result |= self.bench.load("sends", target=double.target, path="/v25.0/1065/messages", messages=self.messages,
                                      concurrency=64)
        result["per_second"] = result["messages"] / result["seconds"]
        result["per_cpu_second"] = result["messages"] / result["loop_cpu_s"]
        return result

    def run(self):
        runs = {"raw": []}
        with Double(self.bench) as double:
            for sims in (8, 1):
                self.make_sims(sims, f"http://{double.target}")
                # The limiter, which has just met these SIMs, holds back for two seconds; and connections, statements.
                self.run_one("text", sims * RECIPIENTS, double)
                for _ in range(self.rounds):
                    runs["raw"].append(self.raw(double))
                    for kind in CONTENTS if sims > 1 else ("text",):
                        runs.setdefault(f"{kind}, {sims} SIMs", []).append(self.run_one(kind, self.messages, double))
        median = {name: {figure: statistics.median(run[figure] for run in each)
                         for figure in ("per_second", "per_cpu_second")} for name, each in runs.items()}
        return {"runs": runs, "median": median}
