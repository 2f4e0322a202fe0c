"""Our drivers against others' servers: what their authors know of the networks holds for what we send and read."""

import os
import pwd
import shutil
import socket

import pytest

from harness import newsroom
from harness.deployment import free_port
from harness.newsroom import contact_state, text, wait_for_ledger
from harness.processes import Process
from harness.servers import temp_folder
from harness.wait import wait_for, wait_until_equal

CALLBACK_TOKEN = "callback-token-0123456789"
ANSWERS = {"welcome_text": "Willkommen, {{name|Gast}}!", "subscribe_text": "Ab jetzt: {{channel}}", "stop_text": "Tschüß!"}
UMLAUTS = "äöüÄÖÜß €{}[]~ @£$¥èéùìòÇØøÅå"


def make_account(deployment, network, address, driver):
    """An account with a SIM; its client, the SIM and a channel."""
    api = deployment.create_account(address)
    api.put("/v1/standard-answers/en", ANSWERS)
    sim = api.post("/v1/sims", {"network": f"NETWORK_{network}", "address": address, "capacity": 10, "driver": driver})
    wait_for(lambda: api.get(f"/v1/sims/{sim['id']}")["online"], "the SIM to be driven")
    return api, sim, newsroom.create_channel(api)


def test_telegram_test_api(npm, deployment):
    """Long polling: what is written comes in, what is sent goes out, each once."""
    token, chat, port = f"8113:{'B' * 35}", 4711, free_port()
    with npm("telegram-test-api@4.2.1").start("telegram_server.mjs", port=port, token=token, chat=chat, name="Änne") as server:
        api, _, channel = make_account(deployment, "TELEGRAM", "TestNameBot", {
            "telegram": {"base_url": f"http://127.0.0.1:{port}", "bot_token": token, "polling": True}})
        registration = api.post("/v1/registrations", {"network": "NETWORK_TELEGRAM"})
        link, _, code = registration["deep_link"].partition("?start=")
        assert link == "https://t.me/TestNameBot"
        got = []

        def gets(*texts):
            first = len(got)
            while len(got) < first + len(texts):
                got.extend(server.ask("read"))
            assert [one["text"] for one in got[first:]] == list(texts)

        server.ask("command", words=f"/start {code}")
        gets("Willkommen, Änne!")
        assert contact_state(api, registration["contact_id"]) == "ACTIVE"
        server.ask("write", words="News")
        gets("Ab jetzt: News")
        sent = api.post("/v1/broadcasts", {"content": text("Grüß Gott {{name}} 🎉"), "audience": {"channels": [channel]}})["id"]
        gets("Grüß Gott Änne 🎉")
        wait_for_ledger(api, sent, "taken", accepted=1)
        server.ask("write", words="Stopp")
        gets("Tschüß!")
        wait_until_equal(lambda: contact_state(api, registration["contact_id"]), "STOPPED", "the stop")
        assert {str(one["chat_id"]) for one in got} == {str(chat)}
        # Four of ours and the three that were written.
        assert server.ask("history") == 7


class Kannel:
    """Debian's bearerbox and smsbox, bound to an SMS centre."""

    PROGRAMS = {name: shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("bearerbox", "smsbox")}

    def __init__(self, smsc_port):
        if None in self.PROGRAMS.values():
            pytest.skip("Debian's kannel is not installed")
        self.port = free_port()
        self._folder = temp_folder("kannel")
        self._admin, self._box, self._smsc = free_port(), free_port(), smsc_port
        self._processes = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, callback_url):
        """What comes in goes to the SIM's callback, as sms_kannel.h asks for."""
        asked = "id=%I&sender=%p&ts=%T&coding=%c&charset=%C&message=%b"
        groups = [
            {"group": "core", "admin-port": self._admin, "admin-password": "x", "smsbox-port": self._box,
             "box-allow-ip": "127.0.0.1", "dlr-storage": "internal", "log-level": 1, "log-file": self._folder / "core.log"},
            {"group": "smsc", "smsc": "smpp", "smsc-id": "test", "host": "127.0.0.1", "port": self._smsc, "system-type": "VMA",
             "transceiver-mode": "true", "smsc-username": "mo", "smsc-password": "secret", "reconnect-delay": 1},
            {"group": "smsbox", "bearerbox-host": "127.0.0.1", "sendsms-port": self.port, "log-level": 1},
            {"group": "sendsms-user", "username": "mo", "password": "kannel-password", "max-messages": 10,
             "concatenation": "true"},
            {"group": "sms-service", "keyword": "default", "max-messages": 0, "catch-all": "true", "accepted-smsc": "test",
             "get-url": f"{callback_url}?token={CALLBACK_TOKEN}&{asked}"}]
        (self._folder / "kannel.conf").write_text("\n".join(
            "".join(f'{name} = {value if name == "group" else chr(34) + str(value) + chr(34)}\n' for name, value in group.items())
            for group in groups))
        # Kannel does not like to be root.
        user = pwd.getpwnam("kannel") if os.geteuid() == 0 else None
        if user is not None:
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        for name, program in self.PROGRAMS.items():
            command = [program, "-v", "1", self._folder / "kannel.conf"]
            self._processes.append(Process(name, command, self._folder / f"{name}.log", user))
            ready = self._box if name == "bearerbox" else self.port
            wait_for(lambda: listens(ready), f"{name} to listen: {self._processes[-1].log_tail()}", 30)

    def close(self):
        for process in reversed(self._processes):
            if process.running:
                process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def kannel():
    smsc_port = free_port()
    made = Kannel(smsc_port)
    made.smsc_port = smsc_port
    yield made
    made.close()


def test_kannel_and_smpp(npm, deployment, kannel):
    """Text out with reports, in either alphabet and in parts; text in, in either alphabet; a number that the centre refuses."""
    person, nobody, sim_address = "+491709000001", "+491709000404", "+4930999"
    with npm("smpp@0.6.0-rc.4").start("smsc.mjs", port=kannel.smsc_port, refuse=nobody[-3:]) as smsc:
        api, sim, channel = make_account(deployment, "SMS", sim_address, {"sms_kannel": {
            "base_url": kannel.url, "username": "mo", "password": "kannel-password", "callback_token": CALLBACK_TOKEN}})
        kannel.start(sim["driver"]["callback_url"])
        wait_until_equal(lambda: smsc.ask("bound"), True, "Kannel to bind", 30)

        def write(words, sender=person, coding=0):
            people = {"from": sender.removeprefix("+"), "to": sim_address.removeprefix("+")}
            assert smsc.ask("write", words=words, coding=coding, **people) == 0

        write("News")
        wait_until_equal(lambda: api.get(f"/v1/channels/{channel}")["subscribers"], "1", "the subscription", 30)
        sent = lambda: [one["words"] for one in smsc.ask("submitted")]
        wait_until_equal(lambda: sorted(sent()), ["Ab jetzt: News", "Willkommen, Gast!"], "what it is answered", 30)
        write(UMLAUTS)
        write("ж 👍 „Grüße“", coding=8)
        heard = lambda: {message["content"]["text"]["body"] for one in api.all("/v1/conversations", "conversations")
                         for message in api.all(f"/v1/conversations/{one['id']}/timeline", "messages")}
        wait_for(lambda: heard() >= {UMLAUTS, "ж 👍 „Grüße“"}, lambda: f"what was written: {heard()}", 30)

        # Each with its report; the long one's belongs to its first part.
        for words, coding, parts in ((UMLAUTS, 0, 1), ("Grüße 👍 {{name|du}}", 8, 1), ("0123456789" * 30, 0, 2)):
            before = len(sent())
            broadcast = api.post("/v1/broadcasts", {"content": text(words), "audience": {"channels": [channel]}})["id"]
            wait_for_ledger(api, broadcast, words, delivered=1)
            wait_until_equal(lambda: len(sent()), before + parts, "the parts")
            new = smsc.ask("submitted")[before:]
            assert "".join(one["words"] for one in new) == words.replace("{{name|du}}", "du")
            assert {(one["coding"], one["to"], one["from"]) for one in new} == {
                (coding, person.removeprefix("+"), sim_address.removeprefix("+"))}
            assert [one["part"] for one in new] == ([None] if parts == 1 else [[parts, n + 1] for n in range(parts)])

        write("News", nobody)
        wait_until_equal(lambda: api.get(f"/v1/channels/{channel}")["subscribers"], "2", "the second subscription", 30)
        broadcast = api.post("/v1/broadcasts", {"content": text("Servus"), "audience": {"channels": [channel]}})["id"]
        wait_for_ledger(api, broadcast, "one delivered, one refused", delivered=1, failed=1)
        deliveries = api.all(f"/v1/broadcasts/{broadcast}/deliveries", "deliveries", state="DELIVERY_STATE_FAILED")
        assert [one["reason"] for one in deliveries] == ["DELIVERY_REASON_ADDRESS_INVALID"]
