"""The story of the foundation on SIMs at providers, with each network's own means: edge's callbacks, the drivers, and the
providers' doubles. That of device agents is test_story.py."""

import time

import pytest

from harness import newsroom
from harness.deployment import Deployment
from harness.newsroom import contact_state, text, wait_for_ledger
from harness.providers import Messenger, SmsKannel, Telegram, WhatsAppCloud
from harness.rest import Problem
from harness.wait import wait_for, wait_until_equal

WELCOME = "Willkommen, {{name|Gast}}! 👋"
SUBSCRIBED = "Ab jetzt: {{channel}}"
LEFT = "{{channel}} ist abbestellt"
STOPPED = "Abgemeldet. Tschüß!"
# More than one SMS of either kind takes.
BROADCAST = "Grüß Gott {{name|du}} 🎉👩‍👩‍👧‍👦 – „Übermäßig“ schöne Neuigkeiten, aus der Ferne und aus der Nähe"
ANSWER = "Gern geschehen, {{name|du}}! äöüÄÖÜß€ {Klammern}"


@pytest.fixture(scope="module", params=["all", "separate"])
def deployment(request, postgres):
    made = Deployment(request.param, postgres, flags=["--rate_limit=0"])
    yield made
    made.close()


class Person:
    """Somebody at the network, and what the phone must have got."""

    def __init__(self, story, name):
        self.story = story
        self.phone = story.sim.phone(name)
        # Where the network tells no names, only who has registered has one.
        self.name = name if story.names else ""
        self.contact = None
        self.expected = []

    def write(self, words, *answers):
        self.phone.write(self.story.sim.address, words)
        self.gets(*answers)

    def gets(self, *texts):
        self.expected += texts
        wait_until_equal(lambda: self.phone.texts, self.expected, f"what {self.phone.name} got")

    def filled(self, words):
        return words.replace("{{name|du}}", self.name or "du").replace("{{name|Gast}}", self.name or "Gast")


class Story:
    """One SIM, a channel, two people: Anna comes by the link of a registration, Björn writes by himself."""

    def __init__(self, deployment, simulator, kind, names=True, **settings):
        self.simulator = simulator
        self.names = names
        self.api = deployment.create_account(kind.driver)
        self.api.put("/v1/standard-answers/en", {"welcome_text": WELCOME, "stop_text": STOPPED, "leave_text": LEFT,
                                                 "subscribe_text": SUBSCRIBED})
        self.channel = newsroom.create_channel(self.api)
        self.sim = kind(self.api, simulator, **settings)
        self.anna, self.bjoern = Person(self, "Änne"), Person(self, "Björn")

    def anna_follows_her_link(self):
        registration = self.api.post("/v1/registrations", {"network": f"NETWORK_{self.sim.network}", "display_name": "Änne"})
        assert registration["sim_address"] == self.sim.address
        self.anna.contact, self.anna.name = registration["contact_id"], "Änne"
        assert contact_state(self.api, self.anna.contact) == "PENDING"
        with pytest.raises(Problem) as refusal:
            self.say(self.anna)
        assert (refusal.value.status, refusal.value.reason) == (422, "CONTACT_PENDING")
        self.sim.open_link(self.anna.phone, registration["deep_link"])
        self.anna.gets("Willkommen, Änne! 👋")
        assert contact_state(self.api, self.anna.contact) == "ACTIVE"
        assert self.api.get("/v1/contacts:count") == {"pending": "0", "active": "1", "stopped": "0"}
        contact = self.api.get(f"/v1/contacts/{self.anna.contact}")
        # WhatsApp's addresses are its own, beside the numbers.
        assert self.anna.phone.address in (contact["address"], contact["phone"])
        self.anna.write("news", "Ab jetzt: News")

    def bjoern_writes(self):
        self.bjoern.write("NEWS 📰", self.bjoern.filled(WELCOME), "Ab jetzt: News")
        contacts = self.api.all(f"/v1/channels/{self.channel}/subscriptions", "subscriptions")
        (self.bjoern.contact,) = {one["contact_id"] for one in contacts} - {self.anna.contact}

    def broadcast(self, **expected):
        """To both; waits for the ledger."""
        sent = self.api.post("/v1/broadcasts", {"content": text(BROADCAST), "audience": {"channels": [self.channel]}})["id"]
        for person in (self.anna, self.bjoern):
            person.gets(person.filled(BROADCAST))
        wait_for_ledger(self.api, sent, "the broadcast", **expected)
        return sent

    def broadcast_with_receipts(self, offline, online, read=None):
        """While the phones are off, when they are on, when all is read; receipts are by themselves afterwards."""
        self.simulator.settings(auto_receipts={"sent": True, "delivered": True, "read": False})
        people = (self.anna, self.bjoern)
        for person in people:
            person.phone.do("offline")
        sent = self.api.post("/v1/broadcasts", {"content": text(BROADCAST), "audience": {"channels": [self.channel]}})["id"]
        wait_for_ledger(self.api, sent, "taken", **{offline: 2})
        for person in people:
            assert person.phone.texts == person.expected
            person.phone.do("online")
            person.gets(person.filled(BROADCAST))
        wait_for_ledger(self.api, sent, "arrived", **{online: 2})
        for person in people:
            person.phone.do("read")
        if read:
            wait_for_ledger(self.api, sent, "read", **{read: 2})
        self.simulator.settings(auto_receipts={"sent": True, "delivered": True, "read": True})
        return sent

    def say(self, person):
        return self.api.post("/v1/messages", {"contact_id": person.contact, "content": text(ANSWER)})["id"]

    def conversation(self, state):
        """Anna answers, and is answered by a person."""
        self.anna.write("Danke! 😊")
        found = lambda: [one for one in self.api.all("/v1/conversations", "conversations")
                         if one["contact_id"] == self.anna.contact and one["snippet"] == "Danke! 😊"]
        assert wait_for(found, "the answer in the inbox")[0]["unread"] == "3"
        message = self.say(self.anna)
        self.anna.gets(self.anna.filled(ANSWER))
        wait_until_equal(lambda: self.api.get(f"/v1/messages/{message}")["state"], f"DELIVERY_STATE_{state}", "the message")

    def leaves_and_stops(self):
        self.bjoern.write("Stop News", "News ist abbestellt")
        wait_until_equal(lambda: self.api.get(f"/v1/channels/{self.channel}")["subscribers"], "1", "the subscription's end")
        self.anna.write("STOPP!", STOPPED)
        wait_until_equal(lambda: contact_state(self.api, self.anna.contact), "STOPPED", "the stop")
        with pytest.raises(Problem) as refusal:
            self.say(self.anna)
        assert (refusal.value.status, refusal.value.reason) == (422, "CONTACT_STOPPED")
        refused = self.api.post("/v1/broadcasts", {"content": text("Nie"), "audience": {"contacts": [self.anna.contact]}})["id"]
        wait_for_ledger(self.api, refused, "skipped", skipped=1)
        self.anna.write("Bin wieder da", self.anna.filled(WELCOME))
        wait_until_equal(lambda: contact_state(self.api, self.anna.contact), "ACTIVE", "the return")

    def check_the_end(self):
        for person in (self.anna, self.bjoern):
            person.gets()
            person.phone.assert_no_duplicates()
        counts = self.sim.counts()
        assert counts["accepted"] == len(self.anna.expected) + len(self.bjoern.expected)
        # Strict as the provider is, it has had nothing to complain of.
        assert (counts["refused"], counts["throttled"], counts["callbacks"]["failed"]) == (0, 0, 0), counts


def test_whatsapp_cloud(deployment, simulator):
    story = Story(deployment, simulator, WhatsAppCloud, double={"limits": {"pair_interval_ms": 0}})
    story.anna_follows_her_link()
    story.bjoern_writes()
    story.broadcast_with_receipts("sent", "delivered", "read")
    story.conversation("READ")
    story.leaves_and_stops()
    story.check_the_end()


@pytest.mark.parametrize("polling", [False, True], ids=["webhook", "polling"])
def test_telegram(deployment, simulator, polling):
    """Telegram tells nothing of a message that it has taken."""
    # The second welcome says what the first has said.
    story = Story(deployment, simulator, Telegram, settings={"polling": polling}, double={"count_by_content": False})
    story.anna_follows_her_link()
    story.bjoern_writes()
    story.broadcast_with_receipts("accepted", "accepted")
    story.conversation("ACCEPTED")
    story.leaves_and_stops()
    story.check_the_end()
    # Who blocks the bot wants nothing more; nothing is tried.
    story.bjoern.phone.do("block", sim=story.sim.address)
    wait_until_equal(lambda: contact_state(story.api, story.bjoern.contact), "STOPPED", "the block")
    sent = story.api.post("/v1/broadcasts", {"content": text("Nie"), "audience": {"contacts": [story.bjoern.contact]}})["id"]
    wait_for_ledger(story.api, sent, "skipped", skipped=1)
    assert story.sim.counts()["refused"] == 0


def test_messenger(deployment, simulator):
    """Names come with registrations only; "sent" is the page's echo, the rest is watermarks."""
    story = Story(deployment, simulator, Messenger, names=False)
    story.anna_follows_her_link()
    story.bjoern_writes()
    story.broadcast_with_receipts("sent", "delivered", "read")
    story.conversation("READ")
    story.leaves_and_stops()
    story.check_the_end()


def test_messenger_link_into_a_known_thread(deployment, simulator):
    """The page knows Björn already: what he comes with is told by an event of its own. The contact that waited for whoever
    follows the link becomes his."""
    story = Story(deployment, simulator, Messenger, names=False)
    story.bjoern.write("Hallo", story.bjoern.filled(WELCOME))
    sport = newsroom.create_channel(story.api, "Sport", "SPORT")
    registration = story.api.post("/v1/registrations", {"network": "NETWORK_MESSENGER", "channels": [sport]})
    assert story.api.get("/v1/contacts:count") == {"pending": "1", "active": "1", "stopped": "0"}
    story.sim.open_link(story.bjoern.phone, registration["deep_link"])
    wait_until_equal(lambda: story.api.get("/v1/contacts:count"), {"pending": "0", "active": "1", "stopped": "0"}, "one contact")
    wait_until_equal(lambda: story.api.get(f"/v1/channels/{sport}")["subscribers"], "1", "the channel that was chosen")
    story.bjoern.phone.assert_no_duplicates()


def test_sms_kannel(deployment, simulator):
    """GSM-7 where it can be, UCS-2 where it must; nobody hears of reading."""
    story = Story(deployment, simulator, SmsKannel, names=False)
    story.anna_follows_her_link()
    story.bjoern_writes()
    story.broadcast_with_receipts("sent", "delivered")
    story.conversation("DELIVERED")
    story.leaves_and_stops()
    # A report says that it could not be delivered.
    story.bjoern.phone.do("block", sim=story.sim.address)
    failed = story.api.post("/v1/broadcasts", {"content": text("Nie"), "audience": {"contacts": [story.bjoern.contact]}})["id"]
    wait_for_ledger(story.api, failed, "failed", failed=1)
    (delivery,) = story.api.all(f"/v1/broadcasts/{failed}/deliveries", "deliveries")
    assert delivery["reason"] == "DELIVERY_REASON_ADDRESS_INVALID"
    story.anna.phone.assert_no_duplicates()


def test_whoever_goes_on_need_not_wait(deploy, simulator):
    """A process that stops in order leaves its SIMs to others at once: a lease lasts for 15 seconds."""
    deployment = deploy("all")
    story = Story(deployment, simulator, SmsKannel, names=False)
    story.bjoern.write("Hallo", story.bjoern.filled(WELCOME))
    deployment.terminate()
    deployment.start_all()
    begin = time.monotonic()
    story.bjoern.write("NEWS", "Ab jetzt: News")
    assert time.monotonic() - begin < 5
