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
    """The server that tools/test has started, or an own one."""

    def __init__(self):
        self.url = os.environ.get("MO_TEST_DATABASE_URL")
        self._process = None
        if not self.url:
            self._start()

    def _start(self):
        self._folder = temp_folder("postgres")
        # PostgreSQL refuses to run as root.
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if user is not None:
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        init = Process("initdb", [POSTGRES_BIN / "initdb", "-D", self._folder / "data", "-U", "postgres", "-A", "trust",
                                  "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], self._folder / "initdb.log", user)
        assert init.wait(120) == 0, init.log_tail()
        self._process = Process("postgres", [POSTGRES_BIN / "postgres", "-D", self._folder / "data", "-k", self._folder,
                                             "-c", "listen_addresses=", "-c", "max_connections=400"],
                                self._folder / "log", user)
        self.url = f"host={self._folder} dbname=postgres"
        wait_for(lambda: psql(self.url, "SELECT 1", check=False).returncode == 0, "PostgreSQL to start", 60)

    def stop(self):
        if self._process is not None:
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
        psql(self._server.url, f"DROP DATABASE {self._name} WITH (FORCE)")


class Redis:
    """A Redis that can be wiped, killed and started again with what its append-only file holds."""

    def __init__(self, folder):
        self._folder = folder
        self._socket = folder / "redis.sock"
        self.url = f"unix:{self._socket}"
        self.start()

    def start(self):
        self._process = Process("redis", ["redis-server", "--port", "0", "--unixsocket", self._socket, "--dir", self._folder,
                                          "--appendonly", "yes", "--save", "", "--daemonize", "no"],
                                self._folder / "redis.log")
        wait_for(lambda: self._command("PING").startswith("+PONG"), "Redis to start")

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
        assert self._command("FLUSHALL").startswith("+OK")

    def kill(self):
        self._process.kill()

    def stop(self):
        if self._process.running:
            self._process.terminate()
