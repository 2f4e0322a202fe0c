"""Fixtures of the end-to-end tests. tools/test runs them; alone: python3 -m pytest tests/e2e (needs built executables)."""

import pathlib
import sys

import pytest

# Shared with tests/chaos.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.deployment import Deployment
from harness.processes import Process
from harness.servers import PostgresServer
from harness.simulator import Simulator


@pytest.fixture(scope="session")
def postgres():
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def deploy(postgres):
    """Makes deployments that end with the test: deploy("all"), deploy("separate")."""
    made = []

    def make(mode, **options):
        made.append(Deployment(mode, postgres, **options))
        return made[-1]

    yield make
    for deployment in made:
        deployment.close()


@pytest.fixture
def simulator():
    network = Simulator()
    yield network
    network.close()


@pytest.fixture(scope="module")
def product(postgres):
    """One mo-all for all tests of a module that need no other."""
    deployment = Deployment("all", postgres, flags=["--rate_limit=0"])
    yield deployment
    deployment.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the ends of the processes' logs with a failure."""
    report = (yield).get_result()
    if report.failed:
        for process in Process.current:
            tail = process.log_tail()
            if tail:
                report.sections.append((f"log of {process.name}", tail))
    if report.when == "teardown":
        Process.current[:] = [process for process in Process.current if process.running]
