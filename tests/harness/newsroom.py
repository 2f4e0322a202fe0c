"""An account as the tests use it: two SIMs with agents, a channel, people with phones."""

from .simulator import NETWORK
from .wait import wait_for

SIMS = ("+4930100", "+4930200")


def create_channel(client, name="News", keyword="NEWS", **fields):
    return client.post("/v1/channels", {"display_name": name, "keyword": keyword, **fields})["id"]


def add_sim(deployment, client, simulator, address, capacity, agent=None, **fields):
    """A SIM whose agent is attached; its id."""
    sim = client.post("/v1/sims", {"network": f"NETWORK_{NETWORK}", "address": address, "capacity": capacity, **fields})["id"]
    token = client.post(f"/v1/sims/{sim}/agent-tokens")["token"]
    simulator.attach(address, token, deployment.device_gateway, **(agent or {}))
    wait_for(lambda: client.get(f"/v1/sims/{sim}")["online"], f"the agent of {address} to attach")
    return sim


def register(client, phone, **fields):
    return client.post("/v1/registrations", {"network": f"NETWORK_{NETWORK}", "phone": phone, **fields})


def contact_state(client, contact_id):
    return client.get(f"/v1/contacts/{contact_id}")["state"].removeprefix("CONTACT_STATE_")


def ledger(client, broadcast_id):
    """The broadcast's counts as numbers, after checking that they add up; plus `complete`."""
    return counts_of(client.get(f"/v1/broadcasts/{broadcast_id}/ledger"))


def counts_of(answer):
    """The counts of a ledger's JSON as numbers, after checking that they add up; plus `complete`."""
    counts = {name: int(count) for name, count in answer["counts"].items() if name != "reasons"}
    states = {name: count for name, count in counts.items() if name != "audience"}
    assert counts["audience"] == sum(states.values()), f"the ledger does not add up: {answer}"
    assert all(count >= 0 for count in counts.values()), answer
    reasons = sum(int(reason["count"]) for reason in answer["counts"]["reasons"])
    assert reasons == counts["failed"] + counts["skipped"], f"the reasons do not add up: {answer}"
    return {**counts, "complete": answer["audience_complete"]}


def wait_for_ledger(client, broadcast_id, what, **expected):
    """Waits until the counts are the expected ones, all others 0."""
    last = {}

    def reached():
        last.update(ledger(client, broadcast_id))
        return last["complete"] and all(
            count == expected.get(name, 0) for name, count in last.items() if name not in ("complete", "audience"))

    wait_for(reached, lambda: f"{what}: expected {expected}, last {last}", 30)


def text(body):
    return {"text": {"body": body}}
