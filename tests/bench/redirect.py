"""How many clicks on short links one core redirects and counts, next to nginx that only redirects."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import time
import urllib.request

SERVER_CORE, OTHER_CORE = 0, 1
CONNECTIONS = 64
LINKS = 1000
TICKS = os.sysconf("SC_CLK_TCK")
NGINX = """
daemon off; master_process off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.err;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {work}/nginx-body; proxy_temp_path {work}/nginx-proxy;
  fastcgi_temp_path {work}/nginx-f; uwsgi_temp_path {work}/nginx-u; scgi_temp_path {work}/nginx-s;
  server {{ listen 127.0.0.1:{port}; location / {{ return 302 https://example.org/landing; }} }}
}}
"""
# The requests of a run, made beforehand: each code in turn.
SCRIPT = """
local requests, n = {}, 0
function init(args)
  for code in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", "/" .. code) end
end
function request()
  n = n % #requests + 1
  return requests[n]
end
function done(summary, latency)
  io.write(string.format('RESULT {"requests": %d, "us": %d, "errors": %d, "p50_ms": %f, "p99_ms": %f}\\n', summary.requests,
    summary.duration, summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout +
    summary.errors.connect, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


class Redirect:
    def __init__(self, bench, quick):
        self.bench = bench
        self.work = bench.work
        self.seconds = 4 if quick else 15
        self.rounds = 3 if quick else 5

    # --- the servers, each alone on its core

    def start(self, command, name):
        log = open(self.work / f"{name}.log", "w")
        return subprocess.Popen(["taskset", "-c", str(SERVER_CORE), *command], stdout=log, stderr=log)

    def start_nginx(self):
        self.nginx_port = free_port()
        conf = self.work / "nginx.conf"
        conf.write_text(NGINX.format(work=self.work, port=self.nginx_port))
        return self.start(["nginx", "-p", self.work, "-c", conf], "nginx")

    def start_links(self):
        self.port = free_port()
        process = self.start([
            self.work / "mo-links", f"--redirect_listen=127.0.0.1:{self.port}", "--redirect_url=https://go.example.org",
            f"--database_url=host={self.work / 'run'} dbname=messageorganizer", f"--redis_url=unix:{self.work / 'run/redis.sock'}",
            f"--identity_key_file={self.work / 'identity.key'}", f"--secret_keys_file={self.work / 'secret.keys'}",
            f"--data_dir={self.work / 'links'}"], "mo-links")
        deadline = time.time() + 30
        while time.time() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1)
                return process
            time.sleep(0.05)
        raise RuntimeError((self.work / "mo-links.log").read_text())

    @contextlib.contextmanager
    def alone(self):
        """The other processes stand still, or keep to the other core."""
        for pid in (self.bench.options.all_pid, self.bench.options.simulator_pid):
            os.kill(pid, signal.SIGSTOP)
        for pid in (self.bench.options.postgres_pid, self.bench.options.redis_pid):
            subprocess.run(["taskset", "-acp", str(OTHER_CORE), str(pid)], check=True, stdout=subprocess.DEVNULL)
        # PostgreSQL's children as well.
        for pid in self.bench.processes("postgres"):
            subprocess.run(["taskset", "-cp", str(OTHER_CORE), str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            for pid in (self.bench.options.all_pid, self.bench.options.simulator_pid):
                os.kill(pid, signal.SIGCONT)

    # --- load

    def make_links(self):
        _account, key = self.bench.account("Redirect")
        codes = [self.bench.api("POST", "/v1/links", {"target_url": f"https://example.org/landing/{n}"}, key)["code"]
                 for n in range(LINKS)]
        (self.work / "codes").write_text("\n".join(codes) + "\n")
        self.code, self.key_file = codes[0], self.bench.secret("redirect", key)

    def wrk(self, port, pid, seconds):
        script = self.work / "redirect.lua"
        script.write_text(SCRIPT)
        before = cpu_seconds(pid)
        out = subprocess.run(["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script,
                              f"http://127.0.0.1:{port}", "--", self.work / "codes"], check=True, stdout=subprocess.PIPE,
                             text=True).stdout
        result = json.loads(re.search(r"^RESULT (.*)$", out, re.MULTILINE)[1])
        cpu = cpu_seconds(pid) - before
        result["per_second"] = result["requests"] / result["us"] * 1e6
        result["per_cpu_second"] = result["requests"] / cpu
        result["cpu_us"] = cpu / result["requests"] * 1e6
        return result

    def counted(self):
        return int(self.bench.psql("SELECT coalesce(sum(clicks), 0) FROM links.click_hours"))

    def wait_counted(self, expected):
        """What is counted when counting has come to rest; wrk forgets the requests that it breaks off at its end."""
        deadline, counted = time.time() + 30, -1
        while time.time() < deadline and (self.counted() != counted or counted < expected):
            counted = self.counted()
            time.sleep(1)
        return self.counted()

    def run(self):
        self.make_links()
        nginx, links = self.start_nginx(), self.start_links()
        try:
            with self.alone():
                return self.measure(nginx, links)
        finally:
            for process in (nginx, links):
                process.terminate()
                process.wait(20)

    def measure(self, nginx, links):
        self.wrk(self.port, links.pid, 1)
        self.wrk(self.nginx_port, nginx.pid, 1)
        time.sleep(2)
        before = self.counted()
        runs = {"nginx": [], "links": []}
        self.bench.pids["links"] = links.pid
        with self.bench.profile("redirect", ("links",)):
            for _ in range(self.rounds):
                runs["nginx"].append(self.wrk(self.nginx_port, nginx.pid, self.seconds))
                runs["links"].append(self.wrk(self.port, links.pid, self.seconds))
        rate = statistics.median(run["per_second"] for run in runs["links"]) / 2
        half = {"nginx": self.half(self.nginx_port, rate), "links": self.half(self.port, rate)}
        asked = sum(run["requests"] for run in runs["links"]) + half["links"]["count"]
        counted = self.wait_counted(before + asked) - before
        result = {name: {key: statistics.median(run[key] for run in several)
                         for key in ("per_second", "per_cpu_second", "cpu_us", "p50_ms", "p99_ms")}
                  for name, several in runs.items()}
        # A request of each connection is under way when wrk ends; some of their answers it does not see.
        broken_off = CONNECTIONS * (self.rounds + 1)
        result |= {"runs": runs, "half": half, "requests": asked, "counted": counted, "broken_off": broken_off,
                   "rate_ratio": result["links"]["per_second"] / result["nginx"]["per_second"],
                   "cpu_ratio": result["links"]["per_cpu_second"] / result["nginx"]["per_cpu_second"]}
        return result

    def half(self, port, rate):
        """Latency at `rate` requests per second, open loop: a stall counts for every request that it delays."""
        out = subprocess.run(["taskset", "-c", str(OTHER_CORE), self.work / "mo-loadgen", "rest", f"--target=127.0.0.1:{port}",
                              f"--path=/{self.code}", f"--rate={rate:.0f}", f"--concurrency={CONNECTIONS}",
                              f"--duration={self.seconds}s", f"--secret_file={self.key_file}"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        return json.loads(out) | {"wanted": rate}
