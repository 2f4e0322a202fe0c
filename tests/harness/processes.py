"""Child processes that end with the test, by their own process id."""

import os
import signal
import subprocess


class Process:
    """A program with its log. Starts in the constructor; the main thread must call it (PDEATHSIG)."""

    # Those of the running test, for the log tails of a failure.
    current = []

    def __init__(self, name, command, log_path, user=None, environment=None):
        self.name = name
        self.log_path = log_path
        # Whatever ends the tests, the kernel ends this process too.
        wrapper = ["setpriv", "--pdeathsig", "KILL"]
        if user is not None:
            wrapper += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        with open(log_path, "ab") as log:
            self._child = subprocess.Popen(
                wrapper + ["--"] + [str(part) for part in command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        Process.current.append(self)

    @property
    def running(self):
        return self._child.poll() is None

    @property
    def exit_code(self):
        return self._child.poll()

    def kill(self):
        """kill -9, and waits for the end."""
        self._child.kill()
        self._child.wait()

    def terminate(self, number=signal.SIGTERM, deadline=30):
        """Asks it to end and returns its exit code."""
        self._child.send_signal(number)
        try:
            return self._child.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {deadline} s of signal {number}") from None

    def signal(self, number):
        self._child.send_signal(number)

    def wait(self, deadline=30):
        return self._child.wait(deadline)

    def log_tail(self, lines=40):
        try:
            with open(self.log_path, errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError as error:
            return str(error)
