"""Waiting for conditions: the tests never sleep to let something happen."""

import time


class Timeout(AssertionError):
    """A condition did not come true in time."""


def wait_for(condition, what, deadline=20.0):
    """Returns the first true value of condition(). Its AssertionErrors are real failures and go through."""
    end = time.monotonic() + deadline
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"not within {deadline} s: {what() if callable(what) else what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def wait_until_equal(read, expected, what, deadline=20.0):
    """Waits until read() == expected; a failure shows what it was instead."""
    last = []

    def equal():
        last[:] = [read()]
        return last[0] == expected

    wait_for(equal, lambda: f"{what}: expected {expected!r}, last {last[0]!r}", deadline)
