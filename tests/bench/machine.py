"""The servers under test as tests/bench/run has started them: their API, their database, what they cost."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def machine_cpu():
    """CPU seconds so far of all processes, and those that the host has taken from this machine."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq) / TICKS, steal / TICKS


class Machine:
    def __init__(self, options):
        self.options = options
        self.work = options.work
        self.pids = {"mo_all": options.all_pid, "postgres": options.postgres_pid, "redis": options.redis_pid,
                     "simulator": options.simulator_pid}

    # --- the product

    def api(self, method, path, body=None, key=None):
        return self.http(self.options.http, method, path, body, {"Authorization": f"Bearer {key}"})

    def simulator(self, method, path, body=None):
        return self.http(self.options.simulator, method, path, body)

    @staticmethod
    def http(port, method, path, body=None, headers=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read(500)}") from None

    def account(self, name):
        """A new account: its id and an API key for it."""
        operator = (self.work / "operator.key").read_text().strip()
        made = self.api("POST", "/v1/accounts", {"display_name": name, "default_language": "en"}, operator)
        return made["account"]["id"], made["secret"]

    def sim(self, key, address, capacity=100_000):
        """A new SIM: its id and a token for its agent."""
        sim = self.api("POST", "/v1/sims", {"network": "NETWORK_WHATSAPP", "address": address, "display_name": "Bench",
                                            "capacity": capacity}, key)
        return sim["id"], self.api("POST", f"/v1/sims/{sim['id']}/agent-tokens", {}, key)["token"]

    def secret(self, name, text):
        path = self.work / f"{name}.secret"
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    # --- PostgreSQL

    def psql_command(self, *arguments):
        return ["psql", "-h", self.work / "run", "-U", "postgres", "-d", "messageorganizer", "-qtA", "-F", " ",
                "-v", "ON_ERROR_STOP=1", *arguments]

    def psql(self, sql):
        return subprocess.run(self.psql_command("-f", "-"), input=sql, check=True, stdout=subprocess.PIPE,
                              text=True).stdout

    def psql_once(self, sql):
        """All statements in one transaction."""
        return subprocess.run(self.psql_command("-c", sql), check=True, stdout=subprocess.PIPE, text=True).stdout

    def statements(self, per):
        """What PostgreSQL ran since the last reset, most time first: calls and microseconds, divided by `per`."""
        rows = self.psql(r"""
            SELECT rolname || E'\t' || calls || E'\t' || total_exec_time + total_plan_time || E'\t' || rows || E'\t'
                   || regexp_replace(query, '\s+', ' ', 'g')
            FROM pg_stat_statements JOIN pg_roles r ON r.oid = userid ORDER BY total_exec_time + total_plan_time DESC""")
        found = []
        for line in rows.splitlines():
            role, calls, ms, count, query = line.split("\t")
            found.append({"role": role, "calls": int(calls), "ms": float(ms), "rows": int(count), "query": query,
                          "calls_per": round(int(calls) / per, 5), "us_per": round(float(ms) * 1000 / per, 3)})
        return found

    # --- cost

    def processes(self, name):
        """The process and, of PostgreSQL, its children."""
        pids = [self.pids[name]]
        if name == "postgres":
            for task in pathlib.Path(f"/proc/{pids[0]}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
        return pids

    def cpu(self):
        """CPU seconds so far by process, with their children."""
        seconds = dict.fromkeys(self.pids, 0.0)
        for name in self.pids:
            for pid in self.processes(name):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    # utime, stime, and those of children that have ended.
                    seconds[name] += sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICKS
        return seconds

    @contextlib.contextmanager
    def costs(self, result):
        before, machine = self.cpu(), machine_cpu()
        yield
        result["cpu_s"] = {name: round(value - before[name], 3) for name, value in self.cpu().items()}
        busy, stolen = (now - then for now, then in zip(machine_cpu(), machine))
        # What other programs used, and what the host took away while something wanted to run.
        result["others_s"] = round(busy - sum(result["cpu_s"].values()), 3)
        result["stolen_s"] = round(stolen, 3)

    def memory(self):
        """Megabytes of memory of its own by process: without what PostgreSQL's backends share."""
        megabytes = dict.fromkeys(self.pids, 0.0)
        for name in self.pids:
            for pid in self.processes(name):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    status = pathlib.Path(f"/proc/{pid}/status").read_text()
                    # Of a process that has just ended there is none.
                    megabytes[name] += sum(int(kb) for kb in re.findall(r"RssAnon:\s+(\d+)", status)) / 1024
        return megabytes

    @contextlib.contextmanager
    def profile(self, name, whose=("mo_all",)):
        if self.options.perf is None:
            yield
            return
        self.options.perf.mkdir(parents=True, exist_ok=True)
        pids = ",".join(str(pid) for process in whose for pid in self.processes(process))
        perf = subprocess.Popen(["perf", "record", "-q", "-F", "299", "-g", "-o", self.options.perf / f"{name}.data",
                                 "-p", pids])
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)
            perf.wait()

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


def wait_for(what, seconds, condition, interval=0.05):
    """The first true value of condition()."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(interval)
