"""Broadcasts over REST: drafts, preview, tests, resends, the list as CSV, a start in its second."""

import csv
import datetime
import io
import re
import time
import urllib.parse

import pytest

from harness import newsroom
from harness.newsroom import text
from harness.rest import Problem
from harness.simulator import NETWORK
from harness.wait import wait_for, wait_until_equal

SIM = "+4930700"


class Desk:
    """An account with a SIM and five people, of whom the first four are active and subscribed."""

    def __init__(self, deployment, simulator, number):
        self.api = deployment.create_account(f"Broadcasts {number}")
        self.sim_address = f"{SIM}{number}"
        self.simulator = simulator
        self.sim = newsroom.add_sim(deployment, self.api, simulator, self.sim_address, 10, messages_per_second=1000)
        self.channel = newsroom.create_channel(self.api)
        self.phones, self.contacts = [], []
        for n in range(5):
            address = f"+4917070{number}00{n}"
            self.phones.append(simulator.phone(address, f"P{n}"))
            registration = newsroom.register(self.api, address, display_name=f"P{n}")
            self.contacts.append(registration["contact_id"])
            if n < 4:
                self.phones[n].write(self.sim_address, "News")
        wait_until_equal(lambda: self.api.get(f"/v1/channels/{self.channel}")["subscribers"], "4", "the subscriptions")
        wait_for(lambda: all(len(phone.texts) == 2 for phone in self.phones[:4]), "welcome and subscription")

    def audience(self):
        return {"channels": [self.channel], "contacts": [self.contacts[4]]}

    def got(self, n):
        return self.phones[n].texts[2 if n < 4 else 0:]

    def block(self, n, verb):
        path = urllib.parse.quote(self.phones[n].address, safe="")
        self.simulator.post(f"/phones/{NETWORK}/{path}:{verb}", {"sim": self.sim_address})

    def wait_done(self, broadcast):
        wait_until_equal(lambda: self.api.get(f"/v1/broadcasts/{broadcast}")["state"], "BROADCAST_STATE_DONE", "the broadcast", 30)


@pytest.fixture(scope="module")
def network():
    from harness.simulator import Simulator
    simulator = Simulator()
    yield simulator
    simulator.close()


@pytest.fixture(scope="module")
def desk(product, network):
    return Desk(product, network, 1)


def refusal(call):
    with pytest.raises(Problem) as refused:
        call()
    return refused.value


def stamp(moment):
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_draft_to_done(desk):
    api = desk.api
    draft = api.post("/v1/broadcasts", {"content": text("Draft"), "audience": desk.audience(), "draft": True})
    path = f"/v1/broadcasts/{draft['id']}"
    assert draft["state"] == "BROADCAST_STATE_DRAFT"
    changed = api.patch(path, {"content": text("Hi {{name|you}}"), "etag": draft["etag"]})
    assert changed["content"]["text"]["body"] == "Hi {{name|you}}" and changed["etag"] != draft["etag"]
    stale = refusal(lambda: api.patch(path, {"content": text("x"), "etag": draft["etag"]}))
    assert (stale.status, stale.reason) == (412, "ETAG_MISMATCH")
    bad = refusal(lambda: api.patch(path, {"content": text("{{nam}}")}))
    assert bad.fields == ["content.text.body"], bad
    assert refusal(lambda: api.post(f"{path}:pause")).reason == "BROADCAST_DRAFT"

    preview = api.post(f"{path}:preview")
    assert (preview["audience"], preview["recipients"], preview["complete"]) == ("5", "4", True)
    assert preview["skipped"] == [{"state": "DELIVERY_STATE_SKIPPED", "reason": "DELIVERY_REASON_PENDING", "count": "1"}]
    assert [(load["sim_id"], load["recipients"], load["sending"]) for load in preview["sims"]] == [(desk.sim, "4", True)]
    assert preview["finish_time"] > preview["start_time"]

    before = [desk.got(n) for n in range(5)]
    assert before == [[]] * 5, "a draft sends nothing"
    sent = api.post(f"{path}:send")
    assert sent["state"] == "BROADCAST_STATE_EXPANDING"
    desk.wait_done(draft["id"])
    for n in range(4):
        wait_until_equal(lambda: desk.got(n)[-1:], [f"Hi P{n}"], "the broadcast")
    late = refusal(lambda: api.delete(path))
    assert (late.status, late.reason) == (422, "BROADCAST_NOT_DRAFT")
    assert refusal(lambda: api.post(f"{path}:resendFailed")).reason == "NOTHING_FAILED"


def test_deleted_draft(desk):
    draft = desk.api.post("/v1/broadcasts", {"content": text("Gone"), "audience": desk.audience(), "draft": True})
    desk.api.delete(f"/v1/broadcasts/{draft['id']}")
    assert refusal(lambda: desk.api.get(f"/v1/broadcasts/{draft['id']}")).reason == "BROADCAST_NOT_FOUND"


def test_preview_without_broadcast(desk):
    body = {"content": text("Hi"), "audience": {**desk.audience(), "exclude_contacts": [desk.contacts[0]]}}
    preview = desk.api.post("/v1/broadcasts:preview", body)
    assert (preview["audience"], preview["recipients"]) == ("5", "3")
    assert {skip["reason"]: skip["count"] for skip in preview["skipped"]} == {
        "DELIVERY_REASON_PENDING": "1", "DELIVERY_REASON_EXCLUDED": "1"}
    empty = refusal(lambda: desk.api.post("/v1/broadcasts:preview", {"content": text("Hi"), "audience": {}}))
    assert empty.fields == ["audience"], empty


def test_test_send(desk):
    key = {"Idempotency-Key": "test-once"}
    body = {"content": text("Test for {{name|you}}"), "contacts": [desk.contacts[0], desk.contacts[4]]}
    test = desk.api.post("/v1/broadcasts:test", body, key)
    assert {d["contact_id"]: (d["state"], d["reason"]) for d in test["deliveries"]} == {
        desk.contacts[0]: ("DELIVERY_STATE_QUEUED", "DELIVERY_REASON_UNSPECIFIED"),
        desk.contacts[4]: ("DELIVERY_STATE_SKIPPED", "DELIVERY_REASON_PENDING")}
    wait_until_equal(lambda: desk.got(0)[-1:], ["Test for P0"], "the test")
    assert desk.api.post("/v1/broadcasts:test", body, key) == test
    # What is sent now comes after anything that the repeat might have sent.
    desk.api.post("/v1/broadcasts:test", {"content": text("Second"), "contacts": [desk.contacts[0]]})
    wait_until_equal(lambda: desk.got(0)[-2:], ["Test for P0", "Second"], "both tests")


def test_starts_in_its_second(desk):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    broadcast = desk.api.post("/v1/broadcasts", {"content": text("On time"), "audience": desk.audience(), "send_time": stamp(at)})
    assert broadcast["state"] == "BROADCAST_STATE_SCHEDULED"
    # Put off while it waits: the new time holds.
    at += datetime.timedelta(seconds=1)
    desk.api.patch(f"/v1/broadcasts/{broadcast['id']}", {"send_time": stamp(at)})
    wait_until_equal(lambda: desk.got(1)[-1:], ["On time"], "the broadcast")
    late = time.time() - at.timestamp()
    assert 0 <= late < 1, f"{late} s after its time"


def test_resend_and_csv(product, network):
    desk = Desk(product, network, 2)
    api = desk.api
    desk.block(1, "block")
    broadcast = api.post("/v1/broadcasts", {"content": text("Again"), "audience": desk.audience()})["id"]
    desk.wait_done(broadcast)
    newsroom.wait_for_ledger(api, broadcast, "one refused", read=3, failed=1, skipped=1)

    answer = api.ask("GET", f"/v1/broadcasts/{broadcast}/deliveries:download?page_size=2&state=DELIVERY_STATE_UNSPECIFIED")
    assert answer.content_type == "text/csv; charset=utf-8"
    pages = [answer]
    while "Link" in pages[-1].headers:
        address = re.fullmatch(r'<(/v1/[^>]+)>; rel="next"', pages[-1].headers["Link"]).group(1)
        pages.append(api.ask("GET", address))
    assert [page.status for page in pages] == [200] * 3
    rows = list(csv.DictReader(io.StringIO(b"".join(page.body for page in pages).decode())))
    assert {row["contact_id"]: row["state"] for row in rows} == {
        **{contact: "READ" for contact in desk.contacts[:4]}, desk.contacts[1]: "FAILED", desk.contacts[4]: "SKIPPED"}
    assert len(rows) == 5

    # Three pages of the service are one answer, where none was asked for.
    product.database.query("""INSERT INTO channels.broadcast_skips
        SELECT account_id, broadcast_id, page + 1, array(SELECT generate_series(1, 45000)::bigint),
               array_fill(reasons[1], ARRAY[45000]), create_time
        FROM channels.broadcast_skips WHERE broadcast_id = (SELECT max(broadcast_id) FROM channels.broadcast_skips)""")
    whole = api.ask("GET", f"/v1/broadcasts/{broadcast}/deliveries:download")
    assert whole.status == 200 and "Link" not in whole.headers and whole.content_type == "text/csv; charset=utf-8"
    assert whole.body.startswith(b"".join(page.body for page in pages))
    assert whole.body.count(b"\r\n") == 1 + 5 + 45000

    desk.block(1, "unblock")
    resend = api.post(f"/v1/broadcasts/{broadcast}:resendFailed")
    assert resend["resend_of"] == broadcast
    wait_until_equal(lambda: desk.got(1), ["Again"], "the resend")
    desk.wait_done(resend["id"])
    newsroom.wait_for_ledger(api, resend["id"], "only the failed one", read=1)
    assert api.post(f"/v1/broadcasts/{broadcast}:resendFailed")["id"] == resend["id"]
    assert [desk.got(n) for n in (0, 2, 3)] == [["Again"]] * 3
