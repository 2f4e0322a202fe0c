"""2,000 people, four SIMs, and a product that is killed again and again: each message arrives exactly once."""

import os
import random
import time

from harness import newsroom
from harness.newsroom import ledger, text, wait_for_ledger
from harness.simulator import NETWORK
from harness.wait import wait_for

PEOPLE = 2000
SIMS = ("+4930100", "+4930200", "+4930300", "+4930400")
PREFIX = "491702000"
# Slow enough that a kill falls into the middle: 2,000 messages take 4 s.
PER_SECOND = 125


def addresses():
    return [f"{PREFIX}{number:04}" for number in range(PEOPLE)]


def received(simulator):
    return simulator.stats()["distinct"]


def kill_at(deployment, count, thresholds, total):
    """kill -9 whenever count() has passed the next threshold; each time before all was done."""
    for threshold in thresholds:
        wait_for(lambda: count() >= threshold, f"progress {threshold}", 60)
        deployment.kill()
        at = count()
        assert at < total, f"killed after the end: {at} of {total}"
        deployment.start_all()


def each_exactly(simulator, times):
    report = simulator.get(f"/report?network={NETWORK}&prefix={PREFIX}&page_size=0")
    assert report["histogram"] == {str(times): PEOPLE}, report
    assert report["duplicates"] == 0, report


def test_exactly_once(deploy, simulator):
    seed = int(os.environ.get("MO_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"MO_TEST_SEED={seed}")
    chance = random.Random(seed)
    simulator.settings(keep_messages=0)
    deployment = deploy("all")
    api = deployment.create_account("Newsroom")
    api.patience = 10
    channel = newsroom.create_channel(api)
    api.put("/v1/standard-answers/en", {"welcome_text": "", "subscribe_text": "Ab jetzt {{channel}}"})
    sims = [newsroom.add_sim(deployment, api, simulator, address, PEOPLE // len(SIMS), messages_per_second=PER_SECOND)
            for address in SIMS]
    simulator.post("/phones", {"network": NETWORK, "address": PREFIX, "name": "Kim", "count": PEOPLE})

    # They subscribe by writing; a kill in the middle neither loses nor repeats a message or its answer.
    messages = [{"from": address, "to": SIMS[number % len(SIMS)], "text": "News"} for number, address in enumerate(addresses())]
    for first in range(0, PEOPLE, 500):
        simulator.post("/writes", {"network": NETWORK, "messages": messages[first:first + 500]})
    kill_at(deployment, lambda: received(simulator), [chance.randrange(1, PEOPLE // 2)], PEOPLE)
    wait_for(lambda: received(simulator) >= PEOPLE, lambda: f"all answers: {received(simulator)}", 60)
    each_exactly(simulator, 1)
    wait_for(lambda: api.get(f"/v1/channels/{channel}")["subscribers"] == str(PEOPLE), "all to be subscribed")
    assert api.get("/v1/contacts:count") == {"pending": "0", "active": str(PEOPLE), "stopped": "0"}
    assert [api.get(f"/v1/sims/{sim}")["occupancy"] for sim in sims] == [str(PEOPLE // len(SIMS))] * len(SIMS)

    broadcast = api.post("/v1/broadcasts", {"content": text("Neues für {{name}} 🗞"), "audience": {"channels": [channel]}})["id"]
    moments = sorted(chance.sample(range(1, PEOPLE * 9 // 10), 3))
    kill_at(deployment, lambda: received(simulator) - PEOPLE, moments, PEOPLE)
    for _ in range(3):
        ledger(api, broadcast)  # adds up while the rest goes out
    wait_for(lambda: received(simulator) >= 2 * PEOPLE, lambda: f"the broadcast: {received(simulator)}", 60)
    wait_for_ledger(api, broadcast, "all read", audience=PEOPLE, read=PEOPLE)
    each_exactly(simulator, 2)
    stats = simulator.stats()
    assert stats["duplicates"] == 0 and stats["protocol_errors"] == 0 and stats["credit_violations"] == 0, stats
    assert ledger(api, broadcast)["audience"] == PEOPLE
