"""What one tenant's broadcasts leave to another's: a small one in the middle of a large one, and four alike."""
import statistics
import time

from fanout import RECEIPT_DELAY_MS, Fanout, say
from machine import wait_for


class Tenant:
    """An account with SIMs at the simulator and a channel."""

    def __init__(self, bench, name, number, sims, subscribers):
        m = self.machine = bench.machine
        self.account, self.key = m.account(name)
        self.subscribers = subscribers
        made = []
        for i in range(sims):
            address = f"+4930{number}{i:03}"
            sim, token = m.sim(self.key, address, 1_000_000)
            m.simulator("POST", "/agents", {"network": "WHATSAPP", "address": address, "token": token,
                                            "gateway": f"127.0.0.1:{m.options.grpc}"})
            made.append(sim)
        self.channel = bench.seed(self.account, self.key, made, subscribers)

    def start(self):
        self.began = time.monotonic()
        self.broadcast = self.machine.api("POST", "/v1/broadcasts", {
            "content": {"text": {"body": "The shop opens at ten today. See you there!"}},
            "audience": {"channels": [self.channel]}}, self.key)["id"]

    def sent(self):
        """How many have left by now."""
        counts = self.machine.api("GET", f"/v1/broadcasts/{self.broadcast}/ledger", key=self.key)["counts"]
        count = {name: int(counts.get(name, 0)) for name in ("audience", "queued", "attempting", "read")}
        self.read = count["read"]
        return count["audience"] - count["queued"] - count["attempting"]

    def seconds(self):
        """From the start until everybody was sent it."""
        wait_for("all messages", 120, lambda: self.sent() == self.subscribers, 0.02)
        return time.monotonic() - self.began

    def finish(self):
        wait_for("all receipts", 120, lambda: self.sent() and self.read == self.subscribers, 0.1)

    def alone(self):
        self.start()
        seconds = self.seconds()
        self.finish()
        return seconds


class Fairness:
    def __init__(self, machine, quick):
        self.machine = machine
        self.fanout = Fanout(machine, 0, quick)  # seeds
        self.scale = 5 if quick else 1

    def tenants(self, *wanted):
        made = [Tenant(self.fanout, *one) for one in wanted]
        sims = sum(one[2] for one in wanted)
        wait_for("the simulator's agents", 20, lambda: self.machine.simulator("GET", "/stats")["attached"] >= sims)
        self.machine.psql("CHECKPOINT")
        return made

    def run(self):
        self.machine.simulator("POST", "/settings", {"keep_messages": 0, "receipt_delay_ms": RECEIPT_DELAY_MS})
        return {"small": self.small(), "equal": self.equal()}

    def small(self):
        """A tenant with one SIM broadcasts again and again in the middle of another's large broadcast over thirty."""
        say("seeding two tenants")
        large, small = self.tenants(("Large", 41, 30, 300_000 // self.scale), ("Small", 42, 1, 10_000 // self.scale))
        small.alone()  # plans, caches
        result = {"large": large.subscribers, "small": small.subscribers,
                  "alone_s": statistics.median(small.alone() for _ in range(3)), "large_alone_s": large.alone()}
        say(f"alone: {result['alone_s']:.2f} s and {result['large_alone_s']:.2f} s")
        large.start()
        wait_for("a tenth of the large one", 60, lambda: large.sent() >= large.subscribers / 10, 0.02)
        beside, began, before = [], time.monotonic(), large.sent()
        while True:
            small.start()
            seconds = small.seconds()
            now = large.sent()
            if now == large.subscribers:
                break  # it was not beside the other to the end
            beside.append(seconds)
            span, meanwhile = time.monotonic() - began, now - before
        result |= {"beside": beside, "beside_s": statistics.median(beside), "worst_s": max(beside),
                   "large_per_second": meanwhile / span, "large_s": large.seconds()}
        small.finish(), large.finish()
        say(f"together: {', '.join(f'{s:.2f}' for s in beside)} s and {result['large_s']:.2f} s")
        alone = small.subscribers / result["alone_s"]
        share = large.subscribers / result["large_alone_s"] / 2
        result |= {"alone_per_second": alone, "share_per_second": min(alone, share),
                   "beside_per_second": small.subscribers / result["beside_s"],
                   "slowdown": result["beside_s"] / result["alone_s"]}
        return result

    def equal(self):
        """Four tenants alike start together: how much each was sent when the first one is done."""
        say("seeding four tenants")
        count = 60_000 // self.scale
        tenants = self.tenants(*((f"Equal {i}", 51 + i, 5, count) for i in range(4)))
        for tenant in tenants:
            tenant.start()
        sent = wait_for("the first of four", 60, lambda: (lambda now: max(now) >= count and now)(
            [tenant.sent() for tenant in tenants]), 0.05)
        result = {"recipients": count, "sent": sent, "seconds": [tenant.seconds() for tenant in tenants]}
        for tenant in tenants:
            tenant.finish()
        result["jain"] = sum(sent) ** 2 / (len(sent) * sum(x * x for x in sent))
        say(f"four tenants: {sent}")
        return result
