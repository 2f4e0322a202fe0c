"""Another account's everyday life meanwhile: single messages in both directions, each of which must arrive once."""

import collections
import random
import threading

from harness import newsroom
from harness.wait import wait_for

SIM = "+4930900"
PHONES = 10
PAUSE = 0.2
# Until everything that was written has arrived, after the last fault.
DEADLINE = 90


class Neighbour(threading.Thread):
    """One SIM and some people, whose phones are in a simulator of their own; each message has a text of its own."""

    def __init__(self, deployment, simulator, seed):
        super().__init__(daemon=True)
        self._chance = random.Random(f"neighbour {seed}")
        self._ended = threading.Event()
        self.failure = None
        self._out = collections.defaultdict(list)  # phone: texts, in order
        self._in = collections.defaultdict(list)
        self._simulator = simulator
        simulator.settings(keep_messages=10_000)
        self._api = deployment.client(deployment.create_account("Neighbour").key, patience=90)
        newsroom.add_sim(deployment, self._api, simulator, SIM, PHONES)
        self._phones, self._contacts = [], {}
        for number in range(PHONES):
            self._register(f"+49170900{number:04}", f"Person {number}")

    def _register(self, address, name):
        contact = newsroom.register(self._api, address)["contact_id"]
        phone = self._simulator.phone(address, name)
        phone.write(SIM, "Hello")
        wait_for(lambda: newsroom.contact_state(self._api, contact) == "ACTIVE", f"{name} to be active")
        self._phones.append(phone)
        self._contacts[address] = contact

    def run(self):
        try:
            number = 0
            while not self._ended.wait(PAUSE):
                number += 1
                self._write(number)
        except Exception as failure:  # shown by whoever waits for this thread
            self.failure = failure

    def _write(self, number):
        phone = self._chance.choice(self._phones)
        if self._chance.random() < 0.5:
            self._in[phone.address].append(f"in {number}")
            phone.write(SIM, f"in {number}")
        else:
            self._out[phone.address].append(f"out {number}")
            self._api.post("/v1/messages", {"contact_id": self._contacts[phone.address],
                                            "content": newsroom.text(f"out {number}")})

    def check(self, step):
        """After the last fault: everything has arrived, once. `step` is called while it waits."""
        self._ended.set()
        wait_for(lambda: step() or not self.is_alive(), "the neighbour's last message", DEADLINE)
        if self.failure:
            raise self.failure
        for phone in self._phones:
            self._await(step, f"{phone.name}'s phone", self._out[phone.address],
                        lambda: [text for text in phone.texts if text.startswith("out ")])
        conversations = {one["contact_id"]: one["id"] for one in self._api.all("/v1/conversations", "conversations")}
        for address, contact in self._contacts.items():
            timeline = f"/v1/conversations/{conversations[contact]}/timeline"
            self._await(step, f"the inbox of {contact}", self._in[address], lambda: [
                one["content"]["text"]["body"] for one in self._api.all(timeline, "messages")
                if one["direction"] == "DIRECTION_INBOUND" and one["content"]["text"]["body"].startswith("in ")])
        return f"{sum(map(len, self._out.values()))} messages to people, {sum(map(len, self._in.values()))} from them"

    @staticmethod
    def _await(step, where, expected, look):
        wait_for(lambda: step() or len(look()) >= len(expected), lambda: f"{where} to have {len(expected)}: {len(look())}",
                 DEADLINE)
        assert sorted(look()) == sorted(expected), \
            f"{where}: missing {sorted(set(expected) - set(look()))}, copies of " \
            f"{[text for text, times in collections.Counter(look()).items() if times > 1]}"

    def stop(self):
        self._ended.set()
