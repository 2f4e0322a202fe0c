"""The product's processes, all in one or each service its own."""

import base64
import os
import pathlib
import random
import re
import secrets
import shutil
import socket
import urllib.request

from .processes import Process
from .rest import Client
from .servers import Database, Redis, temp_folder
from .wait import wait_for

BUILD = pathlib.Path(os.environ.get("MO_BUILD_DIR", pathlib.Path(__file__).resolve().parents[2] / "build/release"))
# From the lowest layer to the highest.
SERVICES = ("accounts", "media", "links", "statistics", "sims", "contacts", "channels", "inbox", "rules", "edge")


def free_port(taken=set()):
    """A port below the ephemeral ones: no outgoing connection takes it while its owner is down."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in taken:
            taken.add(port)
            return port


def executable(name):
    path = BUILD / name
    assert path.exists(), f"{path} is missing: build it, or set MO_BUILD_DIR"
    return path


def service_of(name):
    """The service that a process is one of: "sims" of "sims-2"."""
    return name.partition("-")[0]


class Deployment:
    """mode "all": one process mo-all. "separate": one process per service, on fixed ports of its own. `replicas`: more of
    them, {"sims": 2} is "sims" and "sims-2"; who balances between these comes from `front`: front({name: port}) → port."""

    def __init__(self, mode, postgres, flags=(), replicas=None, front=None):
        self.mode = mode
        self.folder = temp_folder("e2e")
        self.database = Database(postgres)
        self.redis = Redis(self.folder)
        self.http_port = free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        replicas = replicas or {}
        self.names = ("all",) if mode == "all" else SERVICES + tuple(
            f"{service}-{number}" for service, count in replicas.items() for number in range(2, count + 1))
        self._grpc_ports = {name: free_port() for name in self.names}
        # Where a service's callers find it.
        self._ports = {name: self._grpc_ports[name] for name in self.names if name == service_of(name)}
        for service in replicas:
            self._ports[service] = front({name: port for name, port in self._grpc_ports.items() if service_of(name) == service})
        self.metrics_ports = {name: free_port() for name in self.names}
        self._flags = list(flags)
        self._processes = {}
        self.operator_key = "mo_operator_" + secrets.token_hex(16)
        (self.folder / "identity.key").write_text(secrets.token_hex(32))
        (self.folder / "operator.key").write_text(self.operator_key)
        (self.folder / "secret.keys").write_text(f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}\n")
        for name in self.names:
            self.start(name)
        self.wait_ready(60)

    @property
    def device_gateway(self):
        """host:port that device agents attach to."""
        return f"127.0.0.1:{self._ports['all' if self.mode == 'all' else 'sims']}"

    def start(self, name, flags=()):
        service = service_of(name)
        peers = ",".join(f"{peer}=127.0.0.1:{port}" for peer, port in self._ports.items() if peer not in (service, "all"))
        edge = name in ("all", "edge")
        self._processes[name] = Process(f"mo-{name}", [
            executable(f"mo-{service}"), f"--grpc_listen=127.0.0.1:{self._grpc_ports[name]}",
            f"--metrics_listen=127.0.0.1:{self.metrics_ports[name]}", f"--database_url={self.database.url}",
            f"--redis_url={self.redis.url}", f"--data_dir={self.folder / 'data'}",
            f"--identity_key_file={self.folder / 'identity.key'}", f"--operator_key_file={self.folder / 'operator.key'}",
            f"--secret_keys_file={self.folder / 'secret.keys'}",
            *([f"--peers={peers}"] if peers else []),
            *(["--trusted_provider_hosts=127.0.0.1"] if service in ("all", "sims") else []),
            *(["--trusted_forward_hosts=127.0.0.1"] if service in ("all", "rules") else []),
            f"--public_url={self.url}", *([f"--http_listen=127.0.0.1:{self.http_port}", *self._flags] if edge else []),
            *flags,
        ], self.folder / f"{name}.log")

    def wait_ready(self, deadline=30):
        probe = Client(self.url)

        def ready():
            for process in self._processes.values():
                assert process.running, f"{process.name} has ended:\n{process.log_tail()}"
            try:
                return probe.ask("GET", "/readyz").status == 200
            except OSError:
                return False

        try:
            wait_for(ready, f"{self.mode} to be ready", deadline)
        finally:
            probe.close()

    def kill(self, *names):
        """kill -9 of these processes; of all without names."""
        for name in names or self.names:
            self._processes[name].kill()

    def terminate(self, *names):
        """SIGTERM; all must end cleanly."""
        processes = [self._processes[name] for name in names or self.names]
        for process in processes:
            process.signal(15)
        for process in processes:
            code = process.wait(30)
            assert code == 0, f"{process.name} ended with {code}:\n{process.log_tail()}"

    def running(self, name):
        return self._processes[name].running

    def exit_code(self, name):
        """None while it runs; -9 of one that was killed."""
        return self._processes[name].exit_code

    def metrics(self, name):
        """What a process tells Prometheus: {(metric, labels): value}, labels as text."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_ports[name]}/metrics", timeout=10) as answer:
            lines = (line for line in answer.read().decode().splitlines() if not line.startswith("#"))
            return {(found[1], found[2] or ""): float(found[3])
                    for found in (re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line) for line in lines) if found}

    def signal(self, name, number):
        self._processes[name].signal(number)

    def start_all(self, *names):
        for name in names or self.names:
            self.start(name)
        self.wait_ready(60)

    def client(self, key, **options):
        return Client(self.url, key, **options)

    def operator(self):
        return self.client(self.operator_key)

    def create_account(self, name, **options):
        """A new account; its client holds the first key, of scope "*"."""
        created = self.operator().post("/v1/accounts", {"display_name": name, **options})
        client = self.client(created["secret"])
        client.account_id = created["account"]["id"]
        return client

    def close(self):
        for process in self._processes.values():
            if process.running:
                process.kill()
        self.redis.stop()
        self.database.drop()
        shutil.rmtree(self.folder, ignore_errors=True)
