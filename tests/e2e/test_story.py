"""The story of the product, told over REST and virtual phones, undisturbed and disturbed in its critical moments."""

import urllib.parse

import pytest

from harness import newsroom
from harness.newsroom import SIMS, contact_state, text, wait_for_ledger
from harness.rest import Problem
from harness.sse import EventStream
from harness.wait import wait_until_equal

PEOPLE = [("Änne", "+491701000001"), ("Björn", "+491701000002"), ("Cem", "+491701000003"),
          ("Dörte", "+491701000004"), ("Emil", "+491701000005"), ("Frida", "+491701000006")]
WELCOME = "Willkommen, {{name|Gast}}! 👋"
SUBSCRIBED = "Ab jetzt: {{channel}} (STOP {{keyword}} beendet es)"
LEFT = "{{channel}} ist abbestellt"
STOPPED = "Abgemeldet. Tschüß!"
BROADCAST = "Grüß Gott {{name|du}} aus {{attributes.city|der Ferne}}: 🎉👩‍👩‍👧‍👦🇦🇹 – „Übermäßig“ schöne Neuigkeiten"


def restart_every_process(deployment):
    deployment.terminate()
    deployment.start_all()


def lose_redis(deployment):
    deployment.redis.wipe()
    deployment.redis.kill()
    deployment.redis.start()


def kill_every_process(deployment):
    deployment.kill()
    deployment.start_all()


DISTURBANCES = {"undisturbed": lambda deployment: None, "restarted": restart_every_process, "redis_lost": lose_redis,
                "killed": kill_every_process}


class Person:
    """A customer with a phone, registered with the account."""

    def __init__(self, name, phone, registration):
        self.name = name
        self.phone = phone
        self.contact = registration["contact_id"]
        self.sim = registration["sim_address"]
        self.city = None
        # Everything the phone must have got, in order.
        self.expected = []

    def write(self, words):
        self.phone.write(self.sim, words)

    def expects(self, *texts):
        self.expected += texts

    def check(self):
        wait_until_equal(lambda: self.phone.texts, self.expected, f"what {self.name} got")
        self.phone.assert_no_duplicates()


class Story:
    """The account, its people, and the steps of the story; `disturb` is called in the middle of each critical one."""

    def __init__(self, deployment, simulator, disturbance):
        self.deployment = deployment
        self.simulator = simulator
        self.disturb = lambda: disturbance(deployment)
        patience = 10 if disturbance is not DISTURBANCES["undisturbed"] else 0
        self.api = deployment.create_account("Newsroom")
        self.api.patience = patience
        self.other = deployment.create_account("Another newsroom")
        self.other.patience = patience
        self.people = []

    def set_up(self):
        self.channel = newsroom.create_channel(self.api)
        self.sims = [newsroom.add_sim(self.deployment, self.api, self.simulator, address, 3) for address in SIMS]
        answers = {"welcome_text": WELCOME, "stop_text": STOPPED, "leave_text": LEFT, "subscribe_text": SUBSCRIBED}
        self.api.put("/v1/standard-answers/en", answers)
        self.live = EventStream(self.api)
        self.other_live = EventStream(self.other)

    def register_six(self):
        for number, (name, address) in enumerate(PEOPLE):
            phone = self.simulator.phone(address, name)
            attributes = {"city": "Köln"} if number % 2 else {}
            registration = newsroom.register(self.api, address, display_name=name, attributes=attributes)
            person = Person(name, phone, registration)
            person.city = attributes.get("city", "der Ferne")
            self.people.append(person)
            self.check_registration(registration)
        assert sorted(person.sim for person in self.people) == sorted(SIMS * 3)

    def check_registration(self, registration):
        assert registration["sim_address"] in SIMS
        assert registration["contact_state"] == "CONTACT_STATE_PENDING"
        digits = registration["sim_address"].removeprefix("+")
        assert registration["deep_link"] == f"https://wa.me/{digits}"
        vcard = self.fetch(registration["vcard_url"])
        assert vcard.content_type.startswith("text/vcard")
        card = vcard.body.decode()
        assert card.startswith("BEGIN:VCARD\r\nVERSION:") and card.endswith("END:VCARD\r\n")
        assert registration["sim_address"] in card
        svg = self.fetch(registration["qr_svg_url"])
        assert svg.content_type.startswith("image/svg+xml") and svg.body.startswith(b"<svg ")
        png = self.fetch(registration["qr_png_url"])
        assert png.content_type == "image/png" and png.body.startswith(b"\x89PNG\r\n\x1a\n")

    def fetch(self, url):
        parts = urllib.parse.urlsplit(url)
        assert url.startswith(self.deployment.url)
        return self.api.get(f"{parts.path}?{parts.query}" if parts.query else parts.path)

    def seventh_is_refused(self):
        with pytest.raises(Problem) as refusal:
            newsroom.register(self.api, "+491701000007")
        assert (refusal.value.status, refusal.value.reason) == (409, "SIM_POOL_FULL")
        assert "full" in refusal.value.detail.lower(), refusal.value.detail
        occupancy = self.api.get("/v1/sims:occupancy")
        assert (occupancy["capacity"], occupancy["occupancy"]) == ("6", "6")
        # The same phone again is no new contact.
        again = newsroom.register(self.api, PEOPLE[0][1])
        assert again["contact_id"] == self.people[0].contact
        assert self.api.get("/v1/contacts:count") == {"pending": "6", "active": "0", "stopped": "0"}

    def refused(self, person, status, reason):
        with pytest.raises(Problem) as refusal:
            self.api.post("/v1/messages", {"contact_id": person.contact, "content": text("Darf ich?")})
        assert (refusal.value.status, refusal.value.reason) == (status, reason)

    def phones_write(self):
        for person in self.people:
            person.write("Hallo")
            person.expects(f"Willkommen, {person.name}! 👋")
        self.disturb()
        for person in self.people:
            wait_until_equal(lambda: contact_state(self.api, person.contact), "ACTIVE", person.name)
            person.check()
        assert self.api.get("/v1/contacts:count") == {"pending": "0", "active": "6", "stopped": "0"}

    def phones_subscribe(self):
        for person in self.people:
            person.write("News")
            person.expects("Ab jetzt: News (STOP NEWS beendet es)")
        for person in self.people:
            person.check()
        subscribers = self.api.all(f"/v1/channels/{self.channel}/subscriptions", "subscriptions")
        assert sorted(s["contact_id"] for s in subscribers) == sorted(person.contact for person in self.people)
        assert self.api.get(f"/v1/channels/{self.channel}")["subscribers"] == "6"

    def broadcast(self):
        """Queued while the SIMs are paused, sent while the phones are off, delivered when they are on, read when read."""
        for sim in self.sims:
            self.api.post(f"/v1/sims/{sim}:pause")
        self.simulator.settings(auto_receipts={"sent": True, "delivered": True, "read": False})
        for person in self.people:
            person.phone.do("offline")
        created = self.api.post("/v1/broadcasts", {"content": text(BROADCAST), "audience": {"channels": [self.channel]}})
        broadcast = created["id"]
        self.disturb()
        wait_for_ledger(self.api, broadcast, "all queued", audience=6, queued=6)
        assert all(person.phone.texts == person.expected for person in self.people)
        for sim in self.sims:
            self.api.post(f"/v1/sims/{sim}:resume")
        wait_for_ledger(self.api, broadcast, "all sent", audience=6, sent=6)
        for person in self.people:
            person.phone.do("online")
            person.expects(BROADCAST.replace("{{name|du}}", person.name).replace("{{attributes.city|der Ferne}}", person.city))
            person.check()
        wait_for_ledger(self.api, broadcast, "all delivered", audience=6, delivered=6)
        for person in self.people:
            person.phone.do("read")
        wait_for_ledger(self.api, broadcast, "all read", audience=6, read=6)
        wait_until_equal(lambda: self.api.get(f"/v1/broadcasts/{broadcast}")["state"], "BROADCAST_STATE_DONE", "the broadcast")
        deliveries = self.api.all(f"/v1/broadcasts/{broadcast}/deliveries", "deliveries")
        assert sorted(d["contact_id"] for d in deliveries) == sorted(person.contact for person in self.people)
        assert {d["state"] for d in deliveries} == {"DELIVERY_STATE_READ"}
        self.simulator.settings(auto_receipts={"sent": True, "delivered": True, "read": True})

    def one_answers(self):
        """Seen in the account's inbox and live, by nobody else."""
        self.people[0].write("Danke! 😊")
        self.disturb()
        event = self.live.wait(
            lambda event: event.kind == "message.received" and event.data["message"]["content"]["text"]["body"] == "Danke! 😊",
            "the answer, live")
        assert event.data["contact"]["id"] == self.people[0].contact
        conversation = self.conversation(self.people[0])
        assert self.timeline(self.people[0])[0]["content"]["text"]["body"] == "Danke! 😊"
        assert conversation["snippet"] == "Danke! 😊" and conversation["unread"] == "3"
        assert self.api.post(f"/v1/conversations/{conversation['id']}:markRead")["unread"] == "0"
        assert self.other.get("/v1/conversations")["conversations"] == []
        with pytest.raises(Problem) as refusal:
            self.other.get(f"/v1/conversations/{conversation['id']}/timeline")
        assert refusal.value.status == 404

    def conversation(self, person):
        conversations = self.api.all("/v1/conversations", "conversations")
        return next(c for c in conversations if c["contact_id"] == person.contact)

    def timeline(self, person):
        return self.api.all(f"/v1/conversations/{self.conversation(person)['id']}/timeline", "messages", page_size=2)

    def agent_answers(self):
        person = self.people[0]
        message = self.api.post("/v1/messages", {"contact_id": person.contact, "content": text("Gern geschehen, {{name}}!")})
        self.disturb()
        person.expects(f"Gern geschehen, {person.name}!")
        person.check()
        wait_until_equal(lambda: self.api.get(f"/v1/messages/{message['id']}")["state"], "DELIVERY_STATE_READ", "the answer")

    def leaves_channel(self):
        person = self.people[1]
        person.write("Stop News")
        person.expects("News ist abbestellt")
        person.check()
        subscribers = self.api.all(f"/v1/channels/{self.channel}/subscriptions", "subscriptions")
        assert person.contact not in [s["contact_id"] for s in subscribers] and len(subscribers) == 5
        assert contact_state(self.api, person.contact) == "ACTIVE"

    def stops(self):
        person = self.people[2]
        person.write("STOPP!")
        person.expects(STOPPED)
        person.check()
        wait_until_equal(lambda: contact_state(self.api, person.contact), "STOPPED", person.name)
        self.disturb()
        self.refused(person, 422, "CONTACT_STOPPED")
        said = [message["content"]["text"]["body"] for message in reversed(self.timeline(person))]
        assert said[0] == "Hallo" and "STOPP!" in said and len(said) == len(person.expected) + 3
        subscribers = self.api.all(f"/v1/channels/{self.channel}/subscriptions", "subscriptions")
        assert person.contact not in [s["contact_id"] for s in subscribers]
        self.broadcast_skips(person)

    def broadcast_skips(self, person):
        """Whoever has stopped is in no broadcast, even when named."""
        everybody = [one.contact for one in self.people]
        broadcast = self.api.post("/v1/broadcasts", {"content": text("An alle"), "audience": {"contacts": everybody}})["id"]
        for one in self.people:
            if one is not person:
                one.expects("An alle")
            one.check()
        wait_for_ledger(self.api, broadcast, "all but one read", audience=6, read=5, skipped=1)
        skipped = self.api.all(f"/v1/broadcasts/{broadcast}/deliveries", "deliveries", state="DELIVERY_STATE_SKIPPED")
        assert [(d["contact_id"], d["reason"]) for d in skipped] == [(person.contact, "DELIVERY_REASON_STOPPED")]

    def writes_again(self):
        person = self.people[2]
        person.write("Ich bin wieder da")
        person.expects(f"Willkommen, {person.name}! 👋")
        person.check()
        assert contact_state(self.api, person.contact) == "ACTIVE"
        self.api.post("/v1/messages", {"contact_id": person.contact, "content": text("Schön!")})
        person.expects("Schön!")
        person.check()

    def check_the_end(self):
        for person in self.people:
            person.check()
        stats = self.simulator.stats()
        assert stats["duplicates"] == 0 and stats["protocol_errors"] == 0 and stats["credit_violations"] == 0, stats
        assert stats["distinct"] == sum(len(person.expected) for person in self.people)
        # Whoever sees the last event has seen all; the other account has seen none.
        self.live.wait(lambda event: event.kind == "message.received"
                       and event.data["message"]["content"]["text"]["body"] == "Ich bin wieder da", "the last message")
        self.live.assert_gapless()
        assert self.other_live.events == []
        self.live.close()
        self.other_live.close()
        ids = [event.data["message"]["id"] for event in self.live.events if event.kind == "message.received"]
        assert len(ids) == len(set(ids)) == 6 + 6 + 1 + 1 + 1 + 1, "each inbound message is told once"


@pytest.mark.parametrize("disturbance", DISTURBANCES)
@pytest.mark.parametrize("mode", ["all", "separate"])
def test_story(deploy, simulator, mode, disturbance):
    story = Story(deploy(mode), simulator, DISTURBANCES[disturbance])
    story.set_up()
    story.register_six()
    story.seventh_is_refused()
    for person in story.people:
        story.refused(person, 422, "CONTACT_PENDING")
    story.phones_write()
    story.phones_subscribe()
    story.broadcast()
    story.one_answers()
    story.agent_answers()
    story.leaves_channel()
    story.stops()
    story.writes_again()
    story.check_the_end()
