"""Sends broadcasts one after the other, looks at the ledger all the time, and at the phones in the end."""

import http.client
import random
import threading
import time

from harness.newsroom import counts_of, text
from harness.wait import wait_for

# The window: what one SIM may have in flight is what its agent grants.
CREDIT = 1000
CREDIT_UNKEYED = 200
# For a broadcast, from its request to its end, whatever is away meanwhile.
DEADLINE = 120
# Until a broadcast whose recipients are all settled is called done: also while a process sleeps that had to say so.
DONE_DEADLINE = 35
# What a broadcast's receipts and sends may suffer.
TROUBLES = (
    {},
    {"duplicate_receipt_rate": 0.1, "reorder_receipts": True},
    {"throttle_rate": 0.02, "throttle_retry_ms": 100},
    {"late_receipts_ms": 1500, "reorder_receipts": True, "duplicate_receipt_rate": 0.02},
)
NO_TROUBLE = {"duplicate_receipt_rate": 0, "reorder_receipts": False, "throttle_rate": 0, "throttle_retry_ms": 0,
              "late_receipts_ms": 0}


class Campaign(threading.Thread):
    """One thread of broadcasts. `keyed`: the agents know a message again by its key."""

    def __init__(self, world, seed, keyed, credit, enough, note):
        super().__init__(daemon=True)
        self._world = world
        self._api = world.client()
        self._chance = random.Random(f"campaign {seed} {keyed}")
        self.keyed = keyed
        self._credit = credit
        self._enough = enough  # called after each broadcast: whether it was the last
        self._note = note
        self.failure = None
        self.broadcasts = self.messages = self.polls = self.uncertain = self.left_uncertain = 0
        self.seconds = 0.0
        self.last = {}

    def run(self):
        try:
            self._world.attach(self._api, self.keyed, self._credit)
            while True:
                self._broadcast()
                if self._enough():
                    return
        except Exception as failure:  # shown by whoever waits for this thread
            self.failure = failure

    def _broadcast(self):
        world = self._world
        world.simulator.post("/reset")
        trouble = self._chance.choice(TROUBLES if self.keyed else TROUBLES[2:])
        world.simulator.settings(fault={**NO_TROUBLE, **trouble})
        self.last = {}
        attaches, begin = world.attaches(), time.monotonic()
        id = self._api.post("/v1/broadcasts", {"content": text("Neues für {{name}}"),
                                               "audience": {"channels": [world.channel]}})["id"]
        self._note(f"{id} begins, with {trouble}")
        wait_for(lambda: self._finished(id), lambda: f"{id} to finish: {self.last}", DEADLINE)
        took = time.monotonic() - begin
        wait_for(lambda: self._api.get(f"/v1/broadcasts/{id}")["state"] == "BROADCAST_STATE_DONE", f"{id} to be done", DONE_DEADLINE)
        self._check_phones(id, attaches)
        self.broadcasts += 1
        self.messages += self.last["read"]
        self.left_uncertain += self.last["uncertain"]
        self.seconds += took
        self._note(f"{id} is finished after {took:.1f} s")

    def _finished(self, id):
        counts = self._poll(id)
        if not counts or not counts["complete"]:
            return False
        final = counts["read"] + (0 if self.keyed else counts["uncertain"])
        if final != counts["audience"]:
            return False
        # With unkeyed agents: until the receipts of all that did arrive are in.
        return self.keyed or self._world.phones()[0].get(0, 0) == counts["uncertain"]

    def _poll(self, id):
        """The ledger's counts, if somebody answers. They must add up, and never go back."""
        try:
            answer = self._api.ask("GET", f"/v1/broadcasts/{id}/ledger")
        except (OSError, http.client.HTTPException):
            return None
        if answer.status in (503, 504):
            return None
        assert answer.status == 200, f"the ledger of {id}: {answer}"
        counts = counts_of(answer.json())
        self.polls += 1
        for name in ("audience", "read", "complete"):
            assert counts[name] >= self.last.get(name, 0), f"{name} of {id} goes back: {self.last}, then {counts}"
        assert counts["audience"] <= self._world.recipients, counts
        assert not counts["complete"] or counts["audience"] == self._world.recipients, counts
        assert counts["failed"] == counts["skipped"] == 0, counts
        assert not self.keyed or counts["uncertain"] == 0, counts
        self.uncertain = max(self.uncertain, counts["uncertain"])
        self.last = counts
        return counts

    def _check_phones(self, id, attaches):
        world = self._world
        phones, copies = world.phones()
        assert copies == 0, f"{id}: {copies} messages arrived twice: {phones}"
        if self.keyed:
            assert phones == {1: world.recipients}, f"{id}: messages per phone: {phones}"
        else:
            expected = {1: self.last["read"], 0: self.last["uncertain"]}
            assert phones == {times: count for times, count in expected.items() if count}, \
                f"{id}: messages per phone: {phones}, expected {expected}"
            # Each loss of a stream leaves at most one window in doubt.
            bound = self._credit * (world.attaches() - attaches)
            assert self.last["uncertain"] <= bound, f"{id}: {self.last['uncertain']} uncertain, at most {bound} may be"
        stats = world.simulator.stats()
        assert stats["protocol_errors"] == 0 and stats["credit_violations"] == 0, stats
