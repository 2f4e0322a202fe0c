"""A broadcast to many recipients over 50 SIMs: how fast, at what cost, and what becomes of everybody else meanwhile."""
import contextlib
import http.client
import json
import pathlib
import random
import statistics
import subprocess
import sys
import time

from machine import wait_for

sys.path.append(str(pathlib.Path(__file__).parents[1]))
from seed import number_of, phones, seed  # noqa: E402

SIMS = 50
ANSWERS_PER_SECOND = 5
RECEIPT_DELAY_MS = 100  # sent after one, delivered after two, read after three: no frame carries them together
# Where the ledger keeps nothing: what passes through, and is deleted again.
PASSING = ("outbox", "event_consumers", "event_offsets", "progress", "idempotency")


def percentiles(seconds):
    ordered = sorted(seconds)
    # Nearest rank, as mo-loadgen's.
    rank = {p: ordered[max(1, -(-len(ordered) * p // 100)) - 1] * 1000 for p in (50, 99, 100)}
    return {"count": len(ordered), "p50_ms": round(rank[50], 2), "p99_ms": round(rank[99], 2),
            "max_ms": round(rank[100], 2)}


class Answers:
    """Somebody who answers contacts of one SIM over REST, and the SIM's agent: mo-loadgen direct."""

    def __init__(self, machine, name, key, token, contacts):
        key_file, token_file = machine.secret(f"{name}-api", key), machine.secret(f"{name}-agent", token)
        self.process = subprocess.Popen(
            [machine.work / "mo-loadgen", "direct", f"--target=127.0.0.1:{machine.options.grpc}",
             f"--secret_file={token_file}", f"--rest_target=127.0.0.1:{machine.options.http}",
             f"--rest_secret_file={key_file}", "--concurrency=4", f"--contacts={','.join(contacts)}", f"--rate={ANSWERS_PER_SECOND}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def since(self):
        """What was measured since the last look."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Fanout:
    def __init__(self, machine, recipients, quick):
        self.machine = machine
        self.recipients = recipients
        self.quick = quick
        self.seeded = 0
        self.looks = {"messages": 0, "ledger": 0}

    def api(self, method, path, body=None):
        return self.machine.api(method, path, body, self.key)

    # --- what there is before

    def prepare(self):
        m = self.machine
        m.simulator("POST", "/settings", {"keep_messages": 0, "receipt_delay_ms": RECEIPT_DELAY_MS})
        self.account, self.key = m.account("Fan-out")
        made = [m.sim(self.key, f"+49301{i:03}", 1_000_000) for i in range(SIMS)]
        self.sims = [sim for sim, _ in made]
        for i, (_, token) in list(enumerate(made))[1:]:  # the first is held by mo-loadgen
            m.simulator("POST", "/agents", {"network": "WHATSAPP", "address": f"+49301{i:03}", "token": token,
                                            "gateway": f"127.0.0.1:{m.options.grpc}"})
        self.token = made[0][1]
        sizes = (self.recipients // 100, self.recipients // 10, self.recipients)
        self.channels = {size: self.seed(self.account, self.key, self.sims, size) for size in sizes}
        self.other_account, self.other_key = m.account("Neighbour")
        self.other_sim, self.other_token = m.sim(self.other_key, "+4930200")
        self.seed(self.other_account, self.other_key, [self.other_sim], 20)
        m.psql("CHECKPOINT")
        wait_for("the simulator's agents", 20, lambda: m.simulator("GET", "/stats")["attached"] == SIMS - 1)

    def seed(self, account, key, sims, count):
        """A channel with so many new subscribers, each with a phone."""
        self.seeded += 1
        channel = self.machine.api("POST", "/v1/channels", {"display_name": f"News {self.seeded}",
                                                            "keyword": f"NEWS{self.seeded}"}, key)["id"]
        # Seven digits that begin with 1: phones() wants a common beginning.
        first = (49160 + self.seeded) * 10**8 + 10**7
        seed(self.machine.psql_once, account, sims, count, channel, first)
        self.machine.simulator("POST", "/phones", {"network": "WHATSAPP", **phones(first, count)})
        return channel

    def contacts(self, account, sim, count):
        rows = self.machine.psql(f"SELECT contact_id FROM sims.allocations WHERE account_id = {number_of(account)} AND"
                                 f" sim_id = {number_of(sim)} ORDER BY contact_id LIMIT {count}")
        return [id_of("con", int(row)) for row in rows.split()]

    # --- one broadcast

    def broadcast(self, size):
        """Sends to the channel with `size` subscribers, until the last receipt is in the ledger."""
        m = self.machine
        m.simulator("POST", "/reset")
        result = {"recipients": size}
        self.looks = dict.fromkeys(self.looks, 0)
        wal, tables, memory = self.wal(), self.tables(), m.memory()
        peak = dict(memory)
        with m.costs(result):
            start = time.monotonic()
            posted = self.api("POST", "/v1/broadcasts", {
                "content": {"text": {"body": "The shop opens at ten today. See you there!"}},
                "audience": {"channels": [self.channels[size]]}})["id"]
            result["posted_s"] = time.monotonic() - start
            wait_for("the first message", 60, lambda: self.messages() > 0, 0.005)
            result["first_s"] = time.monotonic() - start
            result["sent_s"], result["receipts_s"] = self.follow(posted, size, start, peak)
        result["id"], result["looks"] = posted, self.looks
        result["wal_bytes"] = (self.wal() - wal) / size
        result["tables"] = growth(tables, self.tables(), size)
        result["memory_mb"] = {name: round(peak[name] - memory[name], 1) for name in peak}
        result["sent_per_second"] = size / result["sent_s"]
        result["receipts_per_second"] = 3 * size / result["receipts_s"]
        result["cpu_s_per_million"] = {name: round(s / size * 1e6, 1) for name, s in result["cpu_s"].items()}
        say(f"{size:,} recipients: {result['first_s']:.3f} s to the first, {result['sent_s']:.2f} s to the last message,"
            f" {result['receipts_s']:.2f} s to the last receipt")
        report = m.simulator("GET", "/report?network=WHATSAPP&page_size=0")
        result["duplicates"] = report["duplicates"]
        return result

    def follow(self, broadcast, size, start, peak):
        """When everybody was sent it, and when everybody's receipts were in the ledger. Until most is at the phones it is
        only looked at rarely, for looking has a price."""
        counts = {}

        def look():
            for name, megabytes in self.machine.memory().items():
                peak[name] = max(peak[name], megabytes)
            ledger = self.ledger(broadcast)
            counts.update({name: int(ledger["counts"].get(name, 0)) for name in (
                "audience", "queued", "attempting", "read", "skipped", "failed", "uncertain")})
            return ledger.get("audience_complete") and counts["audience"] == size
        # The first SIM's phones are mo-loadgen's.
        most = size * (SIMS - 1) // SIMS * 0.98
        interval = min(1, max(0.05, size / 1_000_000))
        wait_for("most messages", 600, lambda: look() is not None and self.messages() >= most, interval)
        wait_for("all messages", 60, lambda: look() and counts["queued"] + counts["attempting"] == 0, 0.05)
        sent = time.monotonic() - start
        wait_for("all receipts", 300, lambda: look() and counts["read"] == size, 0.05)
        return sent, time.monotonic() - start

    def messages(self):
        self.looks["messages"] += 1
        return self.machine.simulator("GET", "/stats?phones=false")["messages"]

    def ledger(self, broadcast):
        self.looks["ledger"] += 1
        return self.api("GET", f"/v1/broadcasts/{broadcast}/ledger")

    def cost_of_looks(self, broadcast, idle):
        """CPU seconds of the four processes for a look of each kind."""
        costs = {}
        for name, look in (("messages", self.messages), ("ledger", lambda: self.ledger(broadcast))):
            spent, times, start = {}, 200, time.monotonic()
            with self.machine.costs(spent):
                for _ in range(times):
                    look()
                seconds = time.monotonic() - start
            costs[name] = max(0, sum(spent["cpu_s"].values()) - idle * seconds) / times
        return costs

    def wal(self):
        return int(self.machine.psql("SELECT pg_current_wal_lsn() - '0/0'"))

    def tables(self):
        """Bytes of each table of the ledger: with its TOAST, and of its indexes."""
        rows = self.machine.psql("""SELECT n.nspname || '.' || c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('sims', 'channels') AND c.relkind = 'r'""")
        return {name: (int(heap), int(indexes)) for name, heap, indexes in (row.split() for row in rows.splitlines())}

    # --- the raw limit

    def copy(self, size):
        """Seconds to COPY as many plain message rows with a primary key: the median of three."""
        m = self.machine
        rows = m.work / "rows"
        with rows.open("wb") as out:
            subprocess.run(m.psql_command("-c", f"""COPY (SELECT account_id, row_number() OVER (), contact_id, sim_id,
                3, create_time, 1 FROM sims.allocations WHERE account_id = {number_of(self.account)} LIMIT {size})
                TO STDOUT"""), stdout=out, check=True)
        m.psql("""SET client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS bench; DROP TABLE IF EXISTS bench.messages;
            CREATE TABLE bench.messages (account_id bigint, id bigint, contact_id bigint, sim_id bigint, state smallint,
              time timestamptz, content_id bigint, PRIMARY KEY (account_id, id))""")
        seconds = []
        for _ in range(3):
            m.psql("TRUNCATE bench.messages; CHECKPOINT")
            with rows.open("rb") as source:
                start = time.monotonic()
                subprocess.run(m.psql_command("-c", "COPY bench.messages FROM STDIN"), stdin=source, check=True)
                seconds.append(time.monotonic() - start)
        size_bytes = int(m.psql("SELECT pg_total_relation_size('bench.messages')"))
        m.psql("DROP TABLE bench.messages")
        rows.unlink()
        return {"per_second": size / statistics.median(seconds), "bytes": size_bytes / size}

    # --- reading

    def times(self, paths):
        """Latencies of GETs over one connection, and the last answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.machine.options.http, timeout=60)
        seconds, answer = [], {}
        for path in paths:
            start = time.monotonic()
            connection.request("GET", path(answer) if callable(path) else path,
                               headers={"Authorization": f"Bearer {self.key}"})
            response = connection.getresponse()
            body = response.read()
            seconds.append(time.monotonic() - start)
            if response.status != 200:
                raise RuntimeError(f"{path}: {response.status} {body[:300]}")
            answer = json.loads(body)
        connection.close()
        return seconds, answer

    def deliveries(self, broadcast, size):
        """Pages of a broadcast's deliveries: in turn, small ones among them, and a state that nobody is in."""
        base = f"/v1/broadcasts/{broadcast}/deliveries?page_size="
        tokens = [""]

        def following(answer):
            if answer:
                tokens.append(answer["next_page_token"])
            return f"{base}1000&page_token={tokens[-1]}"
        walk, _ = self.times([following] * min(size // 1000, 300))
        anywhere = [random.choice(tokens) for _ in range(200)]
        return {"pages of 1000": percentiles(walk),
                "any page of 50": percentiles(self.times([f"{base}50&page_token={token}" for token in anywhere])[0]),
                "state=FAILED, none": percentiles(self.times([f"{base}50&state=DELIVERY_STATE_FAILED"] * 20)[0])}

    def timeline(self):
        """A contact's timeline over 500 broadcasts to it and 99 others of its SIM."""
        contacts = self.contacts(self.account, self.sims[1], 100)
        count = 50 if self.quick else 500
        for _ in range(count):
            self.api("POST", "/v1/broadcasts", {"content": {"text": {"body": "The shop opens at ten today."}},
                                                "audience": {"contacts": contacts}})
        wait_for("small broadcasts", 120, lambda: self.machine.psql(
            "SELECT (SELECT count(*) FROM channels.expansions WHERE open) + (SELECT count(*) FROM sims.dispatch_states "
            f"WHERE open AND sim_id = {number_of(self.sims[1])})") == "0\n", 0.2)
        self.api("POST", "/v1/messages", {"contact_id": contacts[0], "content": {"text": {"body": "Hello"}}})
        conversation = wait_for("the conversation", 10, lambda: next(
            (c["id"] for c in self.api("GET", "/v1/conversations").get("conversations", [])
             if c["contact_id"] == contacts[0]), None))
        base = f"/v1/conversations/{conversation}/timeline?page_size="
        _, whole = self.times([f"{base}1000"])
        if len(whole["messages"]) < count:
            raise RuntimeError(f"the timeline has {len(whole['messages'])} entries")

        def following(answer):
            return f"{base}50&page_token={answer.get('next_page_token', '')}"
        return {"broadcasts": count, "pages of 50": percentiles(self.times([following] * 100)[0]),
                "all at once": percentiles(self.times([f"{base}1000"] * 20)[0])}

    # --- all of it

    def run(self):
        m = self.machine
        say("seeding")
        self.prepare()
        small, middle, large = sorted(self.channels)
        with contextlib.ExitStack() as stack:
            same = Answers(m, "same", self.key, self.token, self.contacts(self.account, self.sims[0], 20))
            stack.callback(same.stop)
            other = Answers(m, "other", self.other_key, self.other_token,
                            self.contacts(self.other_account, self.other_sim, 20))
            stack.callback(other.stop)
            time.sleep(1)
            same.since(), other.since()
            idle = {"seconds": 2 if self.quick else 4}
            with m.costs(idle):
                time.sleep(idle["seconds"])
            result = {"idle": {"same": same.since(), "other": other.since(), **idle}}
            first = self.broadcast(small)  # plans, connections, caches
            idle_cpu = sum(idle["cpu_s"].values()) / idle["seconds"]
            result["look_cpu_s"] = self.cost_of_looks(first["id"], idle_cpu)
            result["linear"] = [median([self.broadcast(size) for _ in range(times)])
                                for size, times in ((small, 7), (middle, 3))]
            same.since(), other.since()
            if m.options.statements:
                m.psql("SELECT pg_stat_statements_reset()")
            before = m.metrics()
            with m.profile("fanout", m.pids):
                large_run = self.broadcast(large)
            result["large"] = large_run
            result["meanwhile"] = {"same": same.since(), "other": other.since()}
            result["averages"] = m.averages(before, m.metrics())
            if m.options.statements:
                result["statements"] = m.statements(large)
        result["linear"].append(large_run)
        # What the answers, the idle servers and our looks cost is not the broadcasts'.
        for run in result["linear"]:
            others = idle_cpu * run["receipts_s"] + sum(result["look_cpu_s"][name] * n for name, n in run["looks"].items())
            run["cpu_us_per_recipient"] = (sum(run["cpu_s"].values()) - others) / run["recipients"] * 1e6
        say("COPY")
        result["copy"] = self.copy(large)
        result["ratio"] = large_run["sent_per_second"] / result["copy"]["per_second"]
        say("deliveries")
        result["deliveries"] = self.deliveries(large_run["id"], large)
        say("timeline")
        result["timeline"] = self.timeline()
        return result


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def id_of(prefix, number):
    digits = "0123456789abcdefghjkmnpqrstvwxyz"
    return prefix + "_" + "".join(digits[number >> shift & 31] for shift in range(60, -1, -5))


def median(runs):
    """The run whose CPU is in the middle."""
    return sorted(runs, key=lambda run: sum(run["cpu_s"].values()))[len(runs) // 2]


def growth(before, after, size):
    """Bytes per recipient by table, and together: what stays, and what is only passing through."""
    tables = {}
    for name, (heap, indexes) in after.items():
        was = before.get(name, (0, 0))
        if heap != was[0] or indexes != was[1]:
            tables[name] = {"heap": round((heap - was[0]) / size, 2), "indexes": round((indexes - was[1]) / size, 2)}
    kept = [sizes for name, sizes in tables.items() if name.split(".")[1] not in PASSING]
    return {"by_table": tables, "kept": round(sum(t["heap"] + t["indexes"] for t in kept), 2),
            "kept_heap": round(sum(t["heap"] for t in kept), 2),
            "all": round(sum(t["heap"] + t["indexes"] for t in tables.values()), 2)}
