"""Private PostgreSQL and Redis servers on unix sockets."""

import itertools
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from .processes import Process
from .wait import wait_for

POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


def temp_folder(purpose):
    """A new folder below TMPDIR; short, for unix sockets have short paths."""
    return pathlib.Path(tempfile.mkdtemp(prefix=f"mo-{purpose}-"))


class PostgresServer:
    """The server that tools/test has started, or an own one: where there is no other, or when it is to be `private`."""

    def __init__(self, private=False, settings=()):
        self.private = private
        self.url = None if private else os.environ.get("MO_TEST_DATABASE_URL")
        self._process = None
        self._settings = [part for setting in settings for part in ("-c", setting)]
        if not self.url:
            self._init()
            self.start()
            wait_for(self.ready, "PostgreSQL to start", 60)

    def _init(self):
        self._folder = temp_folder("postgres")
        # PostgreSQL refuses to run as root.
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        init = Process("initdb", [POSTGRES_BIN / "initdb", "-D", self._folder / "data", "-U", "postgres", "-A", "trust",
                                  "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], self._folder / "initdb.log", self._user)
        assert init.wait(120) == 0, init.log_tail()
        self.url = f"host={self._folder} dbname=postgres"

    @property
    def running(self):
        return self._process.running

    @property
    def log_path(self):
        return self._folder / "log"

    def start(self):
        """Starts an own server on its data; ready() tells when it has recovered."""
        self._process = Process("postgres", [POSTGRES_BIN / "postgres", "-D", self._folder / "data", "-k", self._folder,
                                             "-c", "listen_addresses=", "-c", "max_connections=400", *self._settings],
                                self._folder / "log", self._user)

    def ready(self):
        return psql(self.url, "SELECT 1", check=False).returncode == 0

    def crash(self):
        """Ends an own server in immediate mode: no checkpoint, every connection lost, recovery from the WAL."""
        self._process.terminate(signal.SIGQUIT)

    def stop(self):
        if self._process is not None:
            if self._process.running:
                self._process.terminate(signal.SIGINT)
            shutil.rmtree(self._folder, ignore_errors=True)


def psql(url, sql, check=True):
    """Runs SQL as the superuser."""
    return subprocess.run(["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", f"{url} user=postgres", "-c", sql],
                          capture_output=True, text=True, check=check)


class Database:
    """A database of its own on the server."""

    _numbers = itertools.count(1)

    def __init__(self, server):
        self._server = server
        self._name = f"e2e_{os.getpid()}_{next(self._numbers)}"
        psql(server.url, f"CREATE DATABASE {self._name}")
        self.url = f"{server.url} dbname={self._name}"  # the last dbname of a connection string counts

    def query(self, sql):
        return psql(self.url, sql).stdout.strip()

    def drop(self):
        if self._server.private:
            return  # it goes with its server, which may be down by now
        psql(self._server.url, f"DROP DATABASE {self._name} WITH (FORCE)")


class Redis:
    """A Redis that can be wiped, killed and started again with what its append-only file holds."""

    def __init__(self, folder):
        self._folder = folder
        self._socket = folder / "redis.sock"
        self.url = f"unix:{self._socket}"
        self.start()

    def start(self):
        self.launch()
        wait_for(self.ready, "Redis to start")

    def launch(self):
        """Starts it without waiting until it answers."""
        self._process = Process("redis", ["redis-server", "--port", "0", "--unixsocket", self._socket, "--dir", self._folder,
                                          "--appendonly", "yes", "--save", "", "--daemonize", "no"],
                                self._folder / "redis.log")

    def ready(self):
        return self._command("PING").startswith("+PONG")

    @property
    def running(self):
        return self._process.running

    def _command(self, *words):
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(str(self._socket))
                connection.sendall((" ".join(words) + "\r\n").encode())
                return connection.recv(4096).decode()
        except OSError:
            return ""

    def wipe(self):
        assert self.try_wipe()

    def try_wipe(self):
        """Whether it was there to be wiped."""
        return self._command("FLUSHALL").startswith("+OK")

    def kill(self):
        self._process.kill()

    def stop(self):
        if self._process.running:
            self._process.terminate()
