"""Statistics: what they say is what the ledgers, the lists and the phones say; and a recount finds the same."""

import csv
import io

import pytest

from harness import newsroom
from harness.deployment import Deployment
from harness.newsroom import text
from harness.servers import PostgresServer
from harness.simulator import Simulator
from harness.wait import wait_for, wait_until_equal

SIM = "+49307700"


@pytest.fixture(scope="module")
def network():
    simulator = Simulator()
    yield simulator
    simulator.close()


@pytest.fixture(scope="module")
def counted():
    postgres = PostgresServer()
    deployment = Deployment("all", postgres, flags=["--rate_limit=0", "--sims_occupancy_interval=1s"])
    yield deployment
    deployment.close()
    postgres.stop()


class Paper:
    """Three readers who have subscribed, one who has only registered."""

    def __init__(self, deployment, simulator):
        self.deployment = deployment
        self.api = deployment.create_account("Statistics")
        self.sim = newsroom.add_sim(deployment, self.api, simulator, SIM, 10, messages_per_second=1000)
        self.channel = newsroom.create_channel(self.api)
        self.phones, self.contacts = [], []
        for n in range(4):
            address = f"+49170771{n:04}"
            self.phones.append(simulator.phone(address, f"P{n}"))
            self.contacts.append(newsroom.register(self.api, address, display_name=f"P{n}")["contact_id"])
            if n < 3:
                self.phones[n].write(SIM, "News")
        wait_until_equal(lambda: self.api.get(f"/v1/channels/{self.channel}")["subscribers"], "3", "the subscriptions")

    def total(self, report, **query):
        return numbers(self.api.get(f"/v1/statistics/{report}", **query).get("total", {}))


def numbers(line):
    """What is in an interval, but for zeros."""
    return {name: float(value) for name, value in line.items() if name not in ("start_time", "group") and float(value)}


@pytest.fixture(scope="module")
def paper(counted, network):
    return Paper(counted, network)


def test_contacts_and_channels(paper):
    wait_until_equal(lambda: paper.total("subscribers"),
                     {"registered": 4, "activated": 3, "subscribed": 3, "active": 3}, "the subscribers")
    assert paper.total("signups") == {"signups": 4, "confirmed": 3}
    by_source = paper.api.get("/v1/statistics/signups", group_by="GROUP_BY_SOURCE")["intervals"]
    assert {line["group"]: numbers(line) for line in by_source} == {"REGISTRATION": {"signups": 4, "confirmed": 3}}
    channels = paper.api.get("/v1/statistics/channels", group_by="GROUP_BY_CHANNEL")["intervals"]
    assert [(line["group"], numbers(line)) for line in channels] == [(paper.channel, {"subscribers": 3, "subscribed": 3})]
    wait_until_equal(lambda: paper.total("occupancy"), {"occupancy": 4, "capacity": 10}, "the occupancy")
    by_network = paper.api.get("/v1/statistics/occupancy", group_by="GROUP_BY_NETWORK")["intervals"]
    assert [line["group"] for line in by_network] == ["WHATSAPP"]


def test_deliveries_are_the_ledger(paper):
    sent = paper.api.post("/v1/broadcasts", {"content": text("Paper"),
                                             "audience": {"channels": [paper.channel], "contacts": [paper.contacts[3]]}})["id"]
    wait_until_equal(lambda: paper.api.get(f"/v1/broadcasts/{sent}")["state"], "BROADCAST_STATE_DONE", "the broadcast")

    def ledger():
        counts = {name: int(value) for name, value in paper.api.get(f"/v1/broadcasts/{sent}/ledger")["counts"].items()
                  if name != "reasons"}
        delivered = counts.get("delivered", 0) + counts.get("read", 0)
        expected = {"submitted": counts["audience"], "skipped": counts.get("skipped", 0), "read": counts.get("read", 0),
                    "delivered": delivered, "sent": delivered + counts.get("sent", 0) + counts.get("accepted", 0)}
        return {name: value for name, value in expected.items() if value}

    def counted():
        found = paper.total("deliveries", broadcast_id=sent)
        return {name: value for name, value in found.items() if "seconds" not in name}

    wait_for(lambda: ledger().get("delivered") == 3, "the receipts")
    wait_until_equal(lambda: (counted() == ledger(), ledger()), (True, ledger()), "the deliveries are counted")
    assert ledger()["skipped"] == 1
    reasons = paper.api.get("/v1/statistics/deliveries", broadcast_id=sent, group_by="GROUP_BY_SOURCE")["intervals"]
    assert [(line["group"], line["skipped"]) for line in reasons] == [("PENDING", "1")]
    by_channel = paper.api.get("/v1/statistics/deliveries", group_by="GROUP_BY_CHANNEL", channel_id=paper.channel)["intervals"]
    assert [(line["group"], line["submitted"]) for line in by_channel] == [(paper.channel, "4")]


def test_answers_and_usage(paper):
    paper.phones[0].write(SIM, "A question")
    wait_for(lambda: any(int(one.get("unread", 0)) for one in paper.api.get("/v1/conversations").get("conversations", [])),
             "the question")
    wait_for(lambda: paper.api.get("/v1/conversations")["conversations"][0]["snippet"] == "A question", "the question is the last")
    for _ in range(2):  # the second one answers nobody
        paper.api.post("/v1/messages", {"contact_id": paper.contacts[0], "content": text("An answer"), "origin": "ORIGIN_AGENT"})
    wait_until_equal(lambda: paper.total("answers").get("answered"), 1, "the answer")
    wait_until_equal(lambda: paper.total("traffic").get("agent_messages"), 2, "the agent's messages")
    paper.api.post(f"/v1/contacts/{paper.contacts[1]}:stop", {})
    wait_until_equal(lambda: paper.total("subscribers").get("active"), 2, "a loss")
    losses = paper.api.get("/v1/statistics/signups", group_by="GROUP_BY_SOURCE")["intervals"]
    assert {line["group"]: line.get("stopped") for line in losses}["STOPPED_BY_API"] == "1"
    paper.phones[2].write(SIM, "Stop")
    wait_until_equal(lambda: paper.total("subscribers").get("active"), 1, "another loss")
    losses = paper.api.get("/v1/statistics/signups", group_by="GROUP_BY_SOURCE")["intervals"]
    assert {line["group"]: line.get("stopped") for line in losses}["STOP_WORD"] == "1"
    # They were active in this month all the same.
    month = paper.api.get("/v1/statistics/usage")["months"][0]
    assert month["active_contacts"] == "3"
    assert {one["message_class"] for one in month["messages"]} == {"MESSAGE_CLASS_SERVICE"}


def test_csv(paper):
    file = paper.api.ask("GET", "/v1/statistics/subscribers:download", step="STEP_HOUR", time_zone="Europe/Vienna")
    assert file.status == 200 and file.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(file.body.decode())))
    assert sum(int(row["registered"]) for row in rows) == 4 and int(rows[-1]["active"]) == 1
    refused = paper.api.ask("GET", "/v1/statistics/subscribers:download", group_by="GROUP_BY_LINK", time_zone="Moon")
    assert refused.status == 400


def test_recount_finds_the_same(paper):
    operator = paper.deployment.operator()
    operator.post("/v1/statistics:recount", {})
    assert paper.api.ask("GET", "/v1/statistics:recount").status == 403
    wait_for(lambda: operator.get("/v1/statistics:recount")["state"] != "RECOUNT_STATE_RUNNING", "the recount", 60)
    run = operator.get("/v1/statistics:recount")
    assert run["state"] == "RECOUNT_STATE_EQUAL", run
