"""Short links: the redirect counts every click, whatever becomes of its process or of the database."""

import http.client
import os
import re
import threading
import time

import pytest

from harness import newsroom
from harness.deployment import Deployment, free_port
from harness.newsroom import text
from harness.servers import PostgresServer
from harness.simulator import Simulator
from harness.sse import EventStream
from harness.wait import wait_for, wait_until_equal

# Without PostgreSQL, in test_database_away.
AWAY = float(os.environ.get("MO_TEST_AWAY_SECONDS", "5"))
BROWSER = {"Host": "go.test", "User-Agent": "Mozilla/5.0 Firefox/121.0"}


@pytest.fixture(scope="module")
def linked():
    """A mo-all with its redirect, and a PostgreSQL of its own."""
    postgres = PostgresServer(private=True)
    port = free_port()
    deployment = Deployment("all", postgres, flags=["--rate_limit=0", f"--redirect_listen=127.0.0.1:{port}",
                                                    "--redirect_url=https://go.test"])
    deployment.redirect_port, deployment.postgres = port, postgres
    yield deployment
    deployment.close()
    postgres.stop()


def follow(deployment, code, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", deployment.redirect_port, timeout=10)
    try:
        connection.request(method, f"/{code}", headers={**BROWSER, **headers})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def total(api, link):
    counts = api.get(f"/v1/links/{link}/statistics").get("total", {})
    return {name: int(counts.get(name, 0)) for name in ("clicks", "bot_clicks", "unique_clicks")}


class Crowd:
    """People who click one after the other, as fast as they can, until stop(); `times`: when each was answered."""

    def __init__(self, deployment, code, people=4):
        self._deployment, self._code = deployment, code
        self._over = threading.Event()
        self.asked, self.times, self.refused = [0] * people, [[] for _ in range(people)], []
        self._threads = [threading.Thread(target=self._click, args=(n,)) for n in range(people)]
        for thread in self._threads:
            thread.start()

    def _click(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self._deployment.redirect_port, timeout=10)
        while not self._over.is_set():
            self.asked[number] += 1
            try:
                connection.request("GET", f"/{self._code}", headers=BROWSER)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return
            if answer.status == 302:
                self.times[number].append(time.monotonic())
            else:
                self.refused.append(answer.status)

    @property
    def answered(self):
        return sum(map(len, self.times))

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def answered_before(self, moment):
        return sum(time_ < moment for times in self.times for time_ in times)


def test_story(linked):
    """A link with parameters is followed, changed, expires; people and programs are counted apart."""
    api = linked.create_account("Links")
    link = api.post("/v1/links", {"target_url": "https://example.org/a?x=1#top", "code": "spring", "utm": {"source": "chat"}})
    assert link["short_url"] == "https://go.test/spring"
    status, headers, _ = follow(linked, "spring")
    assert (status, headers["Location"]) == (302, "https://example.org/a?x=1&utm_source=chat#top")
    follow(linked, "spring", **{"User-Agent": "WhatsApp/2.23.20.0 A"})
    follow(linked, "spring", "HEAD")
    follow(linked, "spring", Purpose="prefetch")
    wait_for(lambda: total(api, link["id"]) == {"clicks": 1, "bot_clicks": 3, "unique_clicks": 1}, "the clicks")
    changed = api.patch(f"/v1/links/{link['id']}", {"target_url": "https://example.org/b", "etag": link["etag"]})
    assert changed["etag"] != link["etag"]
    assert follow(linked, "spring")[1]["Location"] == "https://example.org/b?utm_source=chat"
    assert api.ask("PATCH", f"/v1/links/{link['id']}", {"display_name": "x", "etag": link["etag"]}).status == 412
    status, headers, page = follow(linked, "nothing")
    assert status == 404 and headers["Content-Type"].startswith("text/html") and b"no such link" in page
    clicks = api.get(f"/v1/links/{link['id']}/clicks")["clicks"]
    assert {click.get("bot", False) for click in clicks} == {True, False}
    other = linked.create_account("Other")
    assert other.ask("GET", f"/v1/links/{link['id']}/statistics").status == 404
    assert api.patch("/v1/link-settings", {"domain": "go.links.test"})["domain"] == "go.links.test"
    assert other.ask("PATCH", "/v1/link-settings", {"domain": "go.links.test"}).status == 409
    wait_for(lambda: follow(linked, "spring", Host="elsewhere.test")[0] == 404, "the domain to be known")
    assert follow(linked, "spring", Host="go.links.test")[0] == 302


SIM = "+49307800"


@pytest.fixture(scope="module")
def readers(linked):
    """An account with three subscribers."""
    simulator = Simulator()
    api = linked.create_account("Tracked")
    newsroom.add_sim(linked, api, simulator, SIM, 10, messages_per_second=1000)
    channel = newsroom.create_channel(api)
    phones = []
    for n in range(3):
        phones.append(simulator.phone(f"+4917078{n:05}", f"P{n}"))
        phones[n].contact = newsroom.register(api, phones[n].address)["contact_id"]
        phones[n].write(SIM, "News")
    wait_until_equal(lambda: api.get(f"/v1/channels/{channel}")["subscribers"], "3", "the subscriptions")
    yield api, channel, phones
    simulator.close()


def links_in(body):
    return re.findall(r"https://go\.test/(\S{14})", body)


def test_tracked_broadcast(linked, readers):
    """Each recipient has links of its own; a click belongs to its link, broadcast, channel and contact, and is told of live."""
    api, channel, phones = readers
    listener = EventStream(api)
    said = "Read https://example.org/a?x=1, then https://example.org/b and again https://example.org/a?x=1!"
    broadcast = api.post("/v1/broadcasts", {"content": text(said), "audience": {"channels": [channel]}, "track_links": True,
                                           "link_utm": {"source": "chat"}})
    assert broadcast["track_links"] is True
    wait_for(lambda: all(any(text_.startswith("Read ") for text_ in phone.texts) for phone in phones), "the broadcast")
    bodies = [next(text_ for text_ in phone.texts if text_.startswith("Read ")) for phone in phones]
    codes = [links_in(body) for body in bodies]
    assert all(len(of) == 3 and of[0] == of[2] for of in codes) and len({code for of in codes for code in of}) == 6
    assert bodies[0] == "Read https://go.test/{}, then https://go.test/{} and again https://go.test/{}!".format(*codes[0])
    assert follow(linked, codes[0][0])[1]["Location"] == "https://example.org/a?x=1&utm_source=chat"
    assert follow(linked, codes[0][1])[1]["Location"] == "https://example.org/b?utm_source=chat"
    follow(linked, codes[1][0])
    follow(linked, codes[1][0])
    follow(linked, codes[2][0], **{"User-Agent": "WhatsApp/2.23.20.0 A"})
    links = api.get("/v1/links", broadcast_id=broadcast["id"])["links"]
    assert {link["target_url"] for link in links} == {"https://example.org/a?x=1", "https://example.org/b"}
    expected = {"clicks": "4", "bot_clicks": "1", "unique_clicks": "3"}
    wait_until_equal(lambda: api.get(f"/v1/broadcasts/{broadcast['id']}/ledger").get("clicks"), expected, "the clicks")
    told = listener.wait(lambda event: event.kind == "broadcast.changed" and event.data.get("clicks") == expected, "the clicks, live")
    assert told.data["broadcast_id"] == broadcast["id"]
    listener.close()
    mine = api.get("/v1/clicks", contact_id=phones[1].contact)["clicks"]
    assert [(one["click"]["clicks"], one["click"]["recipient"]["contact_id"]) for one in mine] == [("2", phones[1].contact)]
    for group in ("GROUP_BY_BROADCAST", "GROUP_BY_CHANNEL"):
        wait_until_equal(lambda: api.get("/v1/statistics/clicks", group_by=group).get("total", {}).get("clicks"), "4", group)
    line, = api.get("/v1/statistics/clicks", group_by="GROUP_BY_BROADCAST", broadcast_id=broadcast["id"])["intervals"]
    assert line["group"] == broadcast["id"] and line["unique_clicks"] == "3" and line["delivered"] == "3"


def test_tracked_message(linked, readers):
    """A single message's links too; a link that was prepared keeps what it belongs to."""
    api, _, phones = readers
    prepared = api.post("/v1/links", {"target_url": "https://example.org/prepared", "code": "prepared"})
    message = api.post("/v1/messages", {"contact_id": phones[0].contact, "track_links": True,
                                        "content": text("See https://example.org/c and https://go.test/prepared")})
    codes = links_in(message["content"]["text"]["body"])
    assert len(codes) == 2
    wait_for(lambda: any(codes[0] in text_ for text_ in phones[0].texts), "the message")
    assert follow(linked, codes[0])[1]["Location"] == "https://example.org/c"
    assert follow(linked, codes[1])[1]["Location"] == "https://example.org/prepared"
    wait_until_equal(lambda: total(api, prepared["id"])["clicks"], 1, "a click on the prepared link")
    untracked = api.post("/v1/messages", {"contact_id": phones[0].contact, "content": text("See https://example.org/c")})
    assert untracked["content"]["text"]["body"] == "See https://example.org/c"


def test_killed_under_load(linked):
    """kill -9: at most what was clicked in the last 100 ms is missing."""
    api = linked.create_account("Killed")
    link = api.post("/v1/links", {"target_url": "https://example.org/"})
    for _ in range(3):
        before = total(api, link["id"])["clicks"]
        crowd = Crowd(linked, link["code"])
        wait_for(lambda: crowd.answered > 3000, "clicks")
        killed = time.monotonic()
        linked.kill("all")
        crowd.stop()
        linked.start_all()
        durable, answered = crowd.answered_before(killed - 0.1), crowd.answered
        wait_for(lambda: total(api, link["id"])["clicks"] - before >= durable, f"{durable} clicks")
        counted = total(api, link["id"])["clicks"] - before
        print(f"answered {answered}, older than 100 ms {durable}, counted {counted}")
        assert durable <= counted <= sum(crowd.asked) and not crowd.refused


def test_database_away(linked):
    """Seconds without PostgreSQL: every click is redirected, and counted afterwards; also when the process ends meanwhile."""
    api = linked.create_account("Away")
    link = api.post("/v1/links", {"target_url": "https://example.org/"})
    crowd = Crowd(linked, link["code"], people=2)
    try:
        wait_for(lambda: crowd.answered > 1000, "clicks")
        linked.postgres.crash()
        down = time.monotonic()
        before = crowd.answered
        wait_for(lambda: time.monotonic() - down > AWAY, "these seconds", AWAY + 20)
        assert crowd.answered > before + 1000, "redirects go on"
        linked.postgres.start()
        wait_for(linked.postgres.ready, "PostgreSQL", 60)
        wait_for(lambda: total(api, link["id"])["clicks"] > before, "counting to go on", 60)
    finally:
        crowd.stop()
    assert not crowd.refused and sum(crowd.asked) == crowd.answered
    wait_for(lambda: total(api, link["id"])["clicks"] >= crowd.answered, f"{crowd.answered} clicks", 60)
    assert total(api, link["id"])["clicks"] == crowd.answered


def test_killed_without_database(linked):
    """Clicks that are on disk when the process is killed are counted by the next one."""
    api = linked.create_account("Both")
    link = api.post("/v1/links", {"target_url": "https://example.org/"})
    assert follow(linked, link["code"])[0] == 302
    linked.postgres.crash()
    crowd = Crowd(linked, link["code"])
    wait_for(lambda: crowd.answered > 2000, "clicks")
    killed = time.monotonic()
    linked.kill("all")
    crowd.stop()
    linked.postgres.start()
    wait_for(linked.postgres.ready, "PostgreSQL", 60)
    linked.start_all()
    durable = crowd.answered_before(killed - 0.1)
    wait_for(lambda: total(api, link["id"])["clicks"] >= durable, f"{durable} clicks", 60)
    assert total(api, link["id"])["clicks"] <= sum(crowd.asked) + 1
