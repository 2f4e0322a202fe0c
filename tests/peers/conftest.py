"""Fixtures of the tests with others' published clients and servers. tools/test runs them; alone: python3 -m pytest
tests/peers (needs built executables). What cannot be installed is skipped, and says so."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.deployment import Deployment
from harness.processes import Process
from harness.servers import PostgresServer
from harness.simulator import Simulator

HERE = pathlib.Path(__file__).resolve().parent
# Kept between runs: the packages' versions are exact.
CACHE = pathlib.Path(os.environ.get("MO_PEERS_CACHE", pathlib.Path.home() / ".cache" / "messageorganizer-peers"))


@pytest.fixture
def simulator():
    network = Simulator()
    yield network
    network.close()


@pytest.fixture(scope="session")
def postgres():
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def deployment(postgres):
    """One mo-all."""
    made = Deployment("all", postgres)
    yield made
    made.close()


class Script:
    """A script that goes on; each command is a line of JSON on its stdin, and answered by a line."""

    def __init__(self, command):
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command, **parameters):
        self._child.stdin.write(json.dumps({"command": command, **parameters}) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        assert line, f"the script has ended with {self._child.wait(10)} instead of answering {command}"
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.stdin.close()  # ends it
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


class Npm:
    """A package of npm with what it needs, in a folder of its own."""

    def __init__(self, package):
        self.package = package
        self.folder = CACHE / package.replace("/", "_")
        for tool in ("node", "npm"):
            if shutil.which(tool) is None:
                pytest.skip(f"{tool} is not installed")
        if (self.folder / "installed").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--prefix", self.folder, "--ignore-scripts", "--no-audit", "--no-fund", package],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            pytest.skip(f"npm cannot install {package}: {done.stderr.strip().splitlines()[-1:]}")
        (self.folder / "installed").touch()

    def _command(self, script, settings):
        # Imports are looked for beside the script.
        copy = self.folder / script
        shutil.copyfile(HERE / script, copy)
        return ["node", str(copy), json.dumps(settings)]

    def start(self, script, **settings):
        """Starts a script of this folder, which finds the package, as a Script."""
        return Script(self._command(script, settings))

    def run(self, script, **settings):
        """Runs such a script; what it prints last is its result as JSON."""
        done = subprocess.run(self._command(script, settings), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{script}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the ends of the processes' logs with a failure."""
    report = (yield).get_result()
    if report.failed:
        for process in Process.current:
            if tail := process.log_tail():
                report.sections.append((f"log of {process.name}", tail))
    if report.when == "teardown":
        Process.current[:] = [process for process in Process.current if process.running]


@pytest.fixture
def npm():
    """Installs a package: npm("grammy@1.46.0")."""
    return Npm
