"""Does to the processes what the plan says, brings back what it took away, and notes it all."""

import heapq
import itertools
import random
import signal
import time

from harness.servers import psql

REPLICAS = ("sims", "sims-2")
# So long a service may need to take the SIMs of one that sleeps, while the database is there.
TAKEOVER_DEADLINE = 30
HEALTH_CHECK = 0.3


class Faults:
    """Runs in the main thread, for only that may start processes: call step() again and again."""

    def __init__(self, world, plan, say):
        self._world = world
        self._say = say  # told each line of the log at once
        self._plan = plan
        self._begin = time.monotonic()
        self._left = None  # faults to come, if they are limited
        self._due = []  # what comes next: (time, number, action)
        self._numbers = itertools.count()
        self._sleeper = None
        self._started = {}  # process: when
        self._down = set()  # processes that were killed
        self._outage = time.monotonic()  # when PostgreSQL or Redis was last away
        self.log = []
        self.done = {}  # kind: how often
        self.takeovers = []  # seconds until the other had all SIMs of one that slept
        self.failures = []

    def begin(self, count=None):
        """From now on there are faults; of a limited number each waits until it can happen."""
        if self._left:
            self._left += count  # those before have not all come yet
            return
        self._left = count
        self._next()

    def step(self):
        """Does what is due."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        if self._sleeper:
            self._watch_sleeper()
        self._supervise()

    def finish(self):
        """No more faults; everything comes back."""
        self._plan = iter(())
        self._left = None
        while self._due or self._sleeper:
            if self._sleeper:
                self._sleeper["duration"] = 0
            self.step()
            time.sleep(0.02)

    def has_done_all(self, kinds):
        return all(self.done.get(kind) for kind in kinds)

    def note(self, text):
        self.log.append(f"{time.monotonic() - self._begin:8.3f} s  {text}")
        self._say(self.log[-1])

    def _later(self, seconds, action):
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), action))

    def _next(self):
        fault = None if self._left == 0 else next(self._plan, None)
        if fault is None:
            return

        def happen():
            what = getattr(self, "_" + fault.kind)(fault)
            if what:
                self.done[fault.kind] = self.done.get(fault.kind, 0) + 1
                self.note(f"{fault.kind} {what}")
            elif self._left is None:
                self.note(f"{fault.kind} {fault.target}: not now")
            else:
                return self._later(0.1, happen)
            if self._left is not None:
                self._left -= 1
            self._next()

        self._later(fault.pause, happen)

    # The faults. Each says what it has done, or nothing when it could not.

    def _kill(self, fault):
        deployment = self._world.deployment
        if not deployment.running(fault.target) or (self._sleeper and self._sleeper["name"] == fault.target):
            return None
        self._down.add(fault.target)
        deployment.kill(fault.target)
        self._later(fault.duration, lambda: self._start(fault.target))
        return f"-9 {fault.target} for {fault.duration} s"

    def _sleep(self, fault):
        running = [name for name in REPLICAS if self._world.deployment.running(name)]
        if self._sleeper or not running:
            return None
        connections = self._world.balancer.connections()
        name = max(running, key=lambda one: connections[one])
        epochs = self._epochs()
        if epochs is None:
            return None
        self._world.deployment.signal(name, signal.SIGSTOP)
        self._sleeper = {"name": name, "epochs": epochs, "since": time.monotonic(), "duration": fault.duration}
        self._later(HEALTH_CHECK, lambda: self._world.balancer.forsake(name))
        return f"of {name} ({connections[name]} connections) for {fault.duration} s or longer"

    def _flush(self, fault):
        return "ALL" if self._world.deployment.redis.try_wipe() else None

    def _redis(self, fault):
        redis = self._world.deployment.redis
        if not redis.running:
            return None
        redis.kill()
        self._outage = time.monotonic() + fault.duration + 5

        def back():
            redis.launch()
            self.note("redis is started")

        self._later(fault.duration, back)
        return f"kill -9 for {fault.duration} s"

    def _postgres(self, fault):
        postgres = self._world.postgres
        # On a slow disk recovery takes longer than the pause until the next time: it must come to its end.
        if not postgres.running or not postgres.ready():
            return None
        postgres.crash()
        self._outage = time.monotonic() + fault.duration + 15

        def back():
            if not postgres.running:
                postgres.start()
                self.note("postgres is started")
            # It ends at once while a child of the one before is still there.
            self._later(0.5, lambda: postgres.running or back())

        self._later(fault.duration, back)
        return f"immediate end for {fault.duration} s"

    def _backends(self, fault):
        done = psql(self._world.postgres.url, f"""
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE usename LIKE 'mo\\_%' AND hashint8(pid + {fault.draw}::bigint) % 2 = 0""", check=False)
        self._outage = max(self._outage, time.monotonic() + 5)
        return f"{done.stdout.strip()} terminated" if done.returncode == 0 else None

    def _disconnect(self, fault):
        addresses = self._world.addresses
        chosen = random.Random(fault.draw).sample(addresses, max(1, len(addresses) // 3))
        for address in chosen:
            self._world.simulator.disconnect(address)
        return f"{len(chosen)} agents"

    def _cut(self, fault):
        return f"{self._world.balancer.cut()} connections"

    # What follows from them.

    def _start(self, name):
        self._started[name] = time.monotonic()
        self._down.discard(name)
        self._world.deployment.start(name)
        self.note(f"{name} is started")

    def _supervise(self):
        """A process that could not start because something was away is started again, as any supervisor does."""
        deployment = self._world.deployment
        for name in deployment.names:
            if name in self._down or deployment.running(name):
                continue
            code = deployment.exit_code(name)
            self.note(f"{name} has ended by itself with {code}")
            if code < 0 or max(self._outage, self._started.get(name, self._begin)) + 10 < time.monotonic():
                self.failures.append(f"{name} has ended by itself with {code}")
            self._down.add(name)
            self._later(0.3, lambda name=name: self._start(name))

    def _epochs(self):
        """{SIM: epoch of its lease}, or nothing while the database is away."""
        done = psql(self._world.deployment.database.url, "SELECT sim_id, epoch FROM sims.leases", check=False)
        return dict(line.split("|") for line in done.stdout.split()) if done.returncode == 0 else None

    def _watch_sleeper(self):
        sleeper = self._sleeper
        slept = time.monotonic() - sleeper["since"]
        # Its agents have noticed by then that their streams are gone.
        if "taken" not in sleeper and slept > 2 * HEALTH_CHECK:
            epochs = self._epochs()
            if epochs is None:
                sleeper["away"] = slept
            elif all(agent["attached"] for agent in self._world.simulator.agents()):
                sleeper["taken"] = sum(epochs[sim] != epoch for sim, epoch in sleeper["epochs"].items())
                self.takeovers.append(slept)
                self.note(f"{sleeper['taken']} SIMs are taken over after {slept:.1f} s")
            elif slept - sleeper.get("away", 0) > TAKEOVER_DEADLINE:
                self.failures.append(f"nobody took over the SIMs of {sleeper['name']} for {slept:.0f} s")
                sleeper["taken"] = 0
        if "taken" in sleeper and slept >= sleeper["duration"]:
            self._world.deployment.signal(sleeper["name"], signal.SIGCONT)
            self.note(f"{sleeper['name']} goes on after {slept:.1f} s")
            self._sleeper = None
            # A while during which it believes that its streams are there.
            self._later(1, lambda: self._world.balancer.restore(sleeper["name"]))
