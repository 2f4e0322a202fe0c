"""Which faults come, in which order, and how long after each other: from one seed always the same."""

import dataclasses
import random

from harness.deployment import SERVICES

# How often each kind comes in a round; within a round the order is chance, so each comes again and again.
ROUND = {
    "kill": 6,        # kill -9 of a process, which is started again later
    "sleep": 1,       # SIGSTOP of the busier sims process until the other has taken over, and longer
    "flush": 1,       # FLUSHALL
    "redis": 1,       # kill -9 of Redis, which is started again later
    "postgres": 1,    # PostgreSQL ends in immediate mode and is started again later
    "backends": 2,    # half of the services' database connections are terminated
    "disconnect": 2,  # a third of the agents lose their streams
    "cut": 1,         # every connection to sims breaks
}
SHORT_ROUND = {**ROUND, "kill": 3, "backends": 1, "disconnect": 1}
# A lease lasts 45 s (services/sims/gateway.h).
LONG_SLEEP = 50
# Who sends is killed more often than who looks on.
TARGETS = SERVICES + ("sims-2", "sims", "sims-2", "channels", "channels", "contacts", "edge")


@dataclasses.dataclass(frozen=True)
class Fault:
    kind: str
    pause: float     # seconds since the fault before it
    duration: float  # seconds until what has gone is back
    target: str      # of a kill
    draw: int        # chance for what else there is to choose


def plan(seed, short=False):
    """Faults without end."""
    chance = random.Random(f"faults {seed}")
    targets = []
    rounds = 0
    while True:
        kinds = [kind for kind, times in (SHORT_ROUND if short else ROUND).items() for _ in range(times)]
        chance.shuffle(kinds)
        for kind in kinds:
            if not targets:
                targets = list(TARGETS)
                chance.shuffle(targets)
            pause = chance.uniform(0.1, 0.5) if short else chance.choice((chance.uniform(0, 0.3), chance.uniform(0.3, 3)))
            duration = chance.uniform(0.05, 0.5) if short else chance.choice((chance.uniform(0, 0.5), chance.uniform(0.5, 4)))
            # Every third round past the lease's end, not only past its being taken.
            if kind == "sleep" and not short:
                duration = LONG_SLEEP if rounds % 3 == 1 else duration + 1
            yield Fault(kind, round(pause, 3), round(duration, 3), targets.pop() if kind == "kill" else "",
                        chance.randrange(1 << 30))
        rounds += 1
