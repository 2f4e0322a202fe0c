"""Sends broadcasts one after the other, looks at the ledger all the time, and at the phones in the end."""

import http.client
import random
import threading
import time

from harness.newsroom import counts_of, text
from harness.rest import Problem
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
# What its author does with a broadcast when a part of it is read: lets it be, pauses it for a while, cancels it.
FATES = ("", "", "pause", "cancel")
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
        self.fates = dict.fromkeys(FATES, 0)
        self.last = {}
        self._fate, self._fate_at, self._resume_at = "", 0, None
        self._canceled = False

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
        self._fate, self._fate_at = self._chance.choice(FATES), world.recipients * self._chance.uniform(0.05, 0.6)
        self._resume_at, self._canceled = None, False
        attaches, begin = world.attaches(), time.monotonic()
        id = self._api.post("/v1/broadcasts", {"content": text("Neues für {{name}}"),
                                               "audience": {"channels": [world.channel]}})["id"]
        self._note(f"{id} begins, with {trouble}{self._fate and f', to {self._fate} at {self._fate_at:.0f}'}")
        wait_for(lambda: self._finished(id), lambda: f"{id} to finish: {self.last}", DEADLINE)
        took = time.monotonic() - begin
        end = f"BROADCAST_STATE_{'CANCELED' if self._canceled else 'DONE'}"
        wait_for(lambda: self._api.get(f"/v1/broadcasts/{id}")["state"] == end, f"{id} to be {end}", DONE_DEADLINE)
        self._check_phones(id, attaches)
        self.broadcasts += 1
        self.messages += self.last["read"]
        self.left_uncertain += self.last["uncertain"]
        self.seconds += took
        self._note(f"{id} is finished after {took:.1f} s")

    def _finished(self, id):
        counts = self._poll(id)
        if not counts:
            return False
        self._interfere(id, counts)
        if self._resume_at or not (counts["complete"] or self._canceled):
            return False
        final = counts["read"] + counts["skipped"] + counts["uncertain"]
        if final != counts["audience"]:
            return False
        # Where some are in doubt: until the receipts of all that did arrive are in.
        return not counts["uncertain"] or self._world.phones()[0].get(1, 0) == counts["read"]

    def _interfere(self, id, counts):
        """What its author does meanwhile. A broadcast that has ended before is left as it is."""
        if self._resume_at and time.monotonic() >= self._resume_at:
            self._do(id, "resume")
            self._resume_at = None
        if not self._fate or counts["read"] < self._fate_at:
            return
        fate, self._fate = self._fate, ""
        state = self._do(id, fate)
        if state == "BROADCAST_STATE_CANCELED":
            self._canceled = True
        elif state == "BROADCAST_STATE_PAUSED":
            self._resume_at = time.monotonic() + self._chance.uniform(0.2, 3)
        else:
            return
        self.fates[fate] += 1

    def _do(self, id, verb):
        """The state after it. Everybody may have been sent it meanwhile: then it stays done."""
        try:
            state = self._api.post(f"/v1/broadcasts/{id}:{verb}")["state"]
        except Problem as problem:
            assert problem.status in (409, 422), problem
            return None
        self._note(f"{id}: {verb}, {state}")
        return state

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
        assert counts["failed"] == 0, counts
        assert self._canceled or counts["skipped"] == 0, counts
        # What was on its way when its stream was lost is sent again if the agent knows its key, but not after a cancel.
        assert not self.keyed or self._canceled or counts["uncertain"] == 0, counts
        self.uncertain = max(self.uncertain, counts["uncertain"])
        self.last = counts
        return counts

    def _check_phones(self, id, attaches):
        world = self._world
        phones, copies = world.phones()
        assert copies == 0, f"{id}: {copies} messages arrived twice: {phones}"
        expected = {1: self.last["read"], 0: world.recipients - self.last["read"]}
        assert phones == {times: count for times, count in expected.items() if count}, \
            f"{id}: messages per phone: {phones}, expected {expected}"
        assert self._canceled or self.last["read"] + self.last["uncertain"] == world.recipients, f"{id}: {self.last}"
        # Each loss of a stream leaves at most one window in doubt.
        bound = self._credit * (world.attaches() - attaches)
        assert self.last["uncertain"] <= bound, f"{id}: {self.last['uncertain']} uncertain, at most {bound} may be"
        stats = world.simulator.stats()
        assert stats["protocol_errors"] == 0 and stats["credit_violations"] == 0, stats
