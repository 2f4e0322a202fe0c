"""The chaos harness: see README.md, "Tests". tests/chaos/run builds and calls it."""

import argparse
import itertools
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from audit import check_audits
from campaign import CREDIT, CREDIT_UNKEYED, Campaign
from faults import Faults
from harness.deployment import BUILD
from neighbour import Neighbour
from plan import ROUND, SHORT_ROUND, plan
from world import World


class Chaos:
    """A part with agents that know a message again, and one with agents that do not, under one plan of faults."""

    def __init__(self, seed, recipients, sims, rate=0, short=False, say=lambda line: None):
        self._seed = seed
        self._short = short
        self._campaigns = []
        self._met = "not looked at"
        self._begin = time.monotonic()
        self.world = World(recipients, sims, rate)
        try:
            self.neighbour = Neighbour(self.world.deployment, self.world.neighbours, seed)
        except BaseException:
            self.world.close()
            raise
        self.faults = Faults(self.world, plan(seed, short), say)
        self._begun = time.monotonic()

    def run(self, seconds):
        """At least so long, and until every kind of fault has come. The short one: a round of faults in each part."""
        self.neighbour.start()
        if not self._short:
            self.faults.begin()
        self._part(True, CREDIT, lambda: self._passed(seconds / 2))
        self._part(False, CREDIT_UNKEYED, lambda: self._passed(seconds) and self.faults.has_done_all(ROUND))
        self.faults.finish()
        assert not self.faults.failures, self.faults.failures
        self._met = self.neighbour.check(self.faults.step)
        check_audits(self.world.deployment, self.faults.step, self.faults.note)

    def _passed(self, seconds):
        return time.monotonic() - self._begun >= seconds

    def _part(self, keyed, credit, enough):
        self.faults.note(f"agents {'with' if keyed else 'without'} idempotency keys")
        campaign = Campaign(self.world, self._seed, keyed, credit, enough, self.faults.note)
        self._campaigns.append(campaign)
        campaign.start()
        if self._short:
            self.faults.begin(sum(SHORT_ROUND.values()))
        while campaign.is_alive():
            self.faults.step()
            assert not self.faults.failures, self.faults.failures
            campaign.join(0.01)
        if campaign.failure:
            raise campaign.failure

    def summary(self):
        lines = [f"seed {self._seed}, {time.monotonic() - self._begin:.0f} s; faults: "
                 + ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.done.items()))]
        for campaign in self._campaigns:
            lines.append(
                f"agents {'with' if campaign.keyed else 'without'} keys: {campaign.broadcasts} broadcasts, {campaign.messages} "
                f"messages in {campaign.seconds:.1f} s, {campaign.polls} looks at the ledger, at most {campaign.uncertain} "
                f"uncertain at a time, {campaign.left_uncertain} in the end; {campaign.fates['pause']} paused, "
                f"{campaign.fates['cancel']} canceled")
        lines.append(f"the neighbour: {self._met}")
        if self.faults.takeovers:
            lines.append(f"takeovers from a sleeper: {len(self.faults.takeovers)}, the longest {max(self.faults.takeovers):.1f} s")
        return "\n".join(lines)

    def close(self):
        self.neighbour.stop()
        self.world.close()

    def explain(self):
        """For a failure: what happened when, and where the logs are kept."""
        logs = self.world.keep_logs(BUILD.parent / f"chaos-logs-{self._seed}")
        try:
            picture = self.world.picture()
        except Exception as error:  # what is looked at may be what has failed
            picture = f"no picture: {error}"
        return "\n".join(["what happened:", *self.faults.log, self.summary(),
                          *(f"last ledger: {campaign.last}" for campaign in self._campaigns[-1:]), picture,
                          f"logs: {logs}", f"again: tests/chaos/run --seed {self._seed}"])


def main():
    parser = argparse.ArgumentParser(prog="tests/chaos/run", description="Broadcasts while everything is killed.")
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--sims", type=int, default=20)
    parser.add_argument("--rate", type=int, default=0, help="messages a second of each SIM; 0: all it can")
    parser.add_argument("--short", action="store_true", help="the faults of tools/test: shorter, closer together")
    parser.add_argument("--plan", type=int, metavar="N", help="only shows the first N faults")
    parser.add_argument("--verbose", action="store_true", help="shows what happens while it does")
    options = parser.parse_args()
    if options.plan:
        for fault in itertools.islice(plan(options.seed, options.short), options.plan):
            print(fault)
        return 0
    print(f"seed {options.seed}", flush=True)
    chaos = Chaos(options.seed, options.recipients, options.sims, options.rate, options.short,
                  lambda line: print(line, flush=True) if options.verbose else None)
    # Whoever ends us early sees how far it came.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        chaos.run(options.minutes * 60)
        print(chaos.summary())
        return 0
    except (Exception, KeyboardInterrupt, SystemExit) as failure:
        print(f"{chaos.explain()}\nFAILED with seed {options.seed}: {type(failure).__name__}: {failure}", flush=True)
        return 1
    finally:
        chaos.close()


if __name__ == "__main__":
    sys.exit(main())
