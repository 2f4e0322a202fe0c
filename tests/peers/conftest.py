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

from harness.simulator import Simulator

HERE = pathlib.Path(__file__).resolve().parent
# Kept between runs: the packages' versions are exact.
CACHE = pathlib.Path(os.environ.get("MO_PEERS_CACHE", pathlib.Path.home() / ".cache" / "messageorganizer-peers"))


@pytest.fixture
def simulator():
    network = Simulator()
    yield network
    network.close()


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

    def run(self, script, **settings):
        """Runs a script of this folder, which finds the package; what it prints last is its result as JSON."""
        # Imports are looked for beside the script.
        copy = self.folder / script
        shutil.copyfile(HERE / script, copy)
        done = subprocess.run(["node", copy, json.dumps(settings)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{script}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture
def npm():
    """Installs a package: npm("grammy@1.46.0")."""
    return Npm
