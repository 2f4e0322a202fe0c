"""Providers' callbacks at the public edge, as anybody may send them."""

import hashlib
import hmac
import json

import pytest

from harness.providers import META, Messenger, SmsKannel, Telegram, WhatsAppCloud
from harness.wait import wait_for, wait_until_equal


@pytest.fixture(scope="module")
def desk(product):
    from harness.simulator import Simulator
    network = Simulator()
    yield product.create_account("Callbacks"), network
    network.close()


class Provider:
    """Whoever calls a SIM's callback."""

    def __init__(self, sim):
        self.sim = sim
        self.client = type(sim.api)(sim.api.url)
        self.path = sim.callback_url.removeprefix(sim.api.url)
        assert self.path.startswith(f"/callbacks/{sim.driver}/")

    def get(self, **query):
        return self.client.ask("GET", self.path, **query)

    def post(self, body, path=None, **headers):
        return self.client.ask("POST", path or self.path, body, {"Content-Type": "application/json", **headers})

    def signed(self, body, secret=META["app_secret"], path=None):
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return self.post(body, path, **{"X-Hub-Signature-256": f"sha256={digest}"})

    def heard(self):
        """What has reached the inbox."""
        conversations = self.sim.api.all("/v1/conversations", "conversations")
        return [message["content"]["text"]["body"] for one in conversations
                for message in self.sim.api.all(f"/v1/conversations/{one['id']}/timeline", "messages")
                if message["direction"] == "DIRECTION_INBOUND" and "text" in message["content"]]


def whatsapp_message(sim, words, number=1, escaped=False):
    """As Meta sends it; `escaped`: with all that is not ASCII as \\uXXXX, which is signed as it is."""
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp", "metadata": {"phone_number_id": sim.settings()["phone_number_id"]},
        "messages": [{"from": "491709999999", "id": f"wamid.{sim.number}.{number}", "timestamp": "1790000000", "type": "text",
                      "text": {"body": words}}]}}]}]}, ensure_ascii=escaped).encode()


@pytest.mark.parametrize("kind", [WhatsAppCloud, Messenger])
def test_meta_asks_whether_it_is_ours(desk, kind):
    provider = Provider(kind(*desk))
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    known = provider.get(**asked, **{"hub.verify_token": META["verify_token"]})
    assert (known.status, known.body) == (200, b"1158201444") and known.content_type.startswith("text/plain")
    for wrong in ({"hub.verify_token": "another"}, {"hub.verify_token": ""}, {}):
        refused = provider.get(**asked, **wrong)
        assert refused.status == 403 and b"1158201444" not in refused.body


def test_meta_signs_its_bytes(desk):
    provider = Provider(WhatsAppCloud(*desk))
    body = whatsapp_message(provider.sim, "Grüße 👍")
    assert provider.post(body).status == 403
    assert provider.signed(body, "another secret").status == 403
    for broken in ("sha256=", "sha256=zz", "sha1=" + 40 * "0", ""):
        assert provider.post(body, **{"X-Hub-Signature-256": broken}).status == 403
    # Another's SIM, signed with its own secret, says nothing for this one.
    assert provider.signed(body).status == 200
    # The same again is dropped; the same text as another message, in the other form, is not.
    assert provider.signed(body).status == 200
    assert provider.signed(whatsapp_message(provider.sim, "Grüße 👍", 2, escaped=True)).status == 200
    wait_until_equal(lambda: provider.heard().count("Grüße 👍"), 2, "both messages")
    # Not its format at all: it is the provider's word, and would be the same again.
    assert provider.signed(b"no json").status == 200
    assert provider.heard().count("Grüße 👍") == 2


def test_who_speaks_for_a_sim_knows_its_secret(desk, product):
    """Two accounts with one phone number id: whoever signs with the one's secret says nothing to the other."""
    api, simulator = desk
    first = Provider(WhatsAppCloud(api, simulator))
    other = product.create_account("Impostor")
    ids = {"phone_number_id": first.sim.settings()["phone_number_id"], "app_secret": "of the impostor"}
    address = first.sim.address.replace("+49", "+48")
    # Nobody there who could tell that the token is not its own.
    settings = {"base_url": "http://127.0.0.1:9", "access_token": "x", "verify_token": "y", **ids}
    made = other.post("/v1/sims", {
        "network": "NETWORK_WHATSAPP", "address": address, "capacity": 5, "driver": {"whatsapp_cloud": settings}})
    path = made["driver"]["callback_url"].removeprefix(api.url)
    said = whatsapp_message(first.sim, "Falsch")
    assert first.signed(said, "of the impostor").status == 403
    assert first.signed(said, "of the impostor", path=path).status == 200
    assert first.signed(whatsapp_message(first.sim, "Richtig", 2)).status == 200
    wait_for(lambda: "Richtig" in first.heard(), "the message")
    assert "Falsch" not in first.heard()


def test_telegram_names_its_secret(desk):
    provider = Provider(Telegram(*desk))
    update = json.dumps({"update_id": 1, "message": {
        "message_id": 5, "date": 1790000000, "text": "Servus", "from": {"id": 4711, "is_bot": False, "first_name": "Anna"},
        "chat": {"id": 4711, "type": "private", "first_name": "Anna"}}}).encode()
    for wrong in ({}, {"X-Telegram-Bot-Api-Secret-Token": "secret_2"}, {"X-Telegram-Bot-Api-Secret-Token": "secret_"}):
        assert provider.post(update, **wrong).status == 403
    for _ in range(2):
        assert provider.post(update, **{"X-Telegram-Bot-Api-Secret-Token": "secret_1"}).status == 200
    wait_until_equal(lambda: provider.heard().count("Servus"), 1, "the message, once")


def test_kannel_names_its_token(desk):
    provider = Provider(SmsKannel(*desk))
    said = {"sender": "+491709999998", "ts": "1790000000", "id": "a-1", "coding": "0", "charset": "UTF-8", "message": "Griaß di"}
    for wrong in ({}, {"token": "callback-token"}, {"token": provider.sim.secrets["callback_token"] + "x"}):
        assert provider.get(**said, **wrong).status == 403
    token = {"token": provider.sim.secrets["callback_token"]}
    for _ in range(2):
        assert provider.get(**said, **token).status == 200
    wait_until_equal(lambda: provider.heard().count("Griaß di"), 1, "the message, once")
    # A report about nothing that was ever sent.
    assert provider.get(key="4711", status="1", **token).status == 200


def test_nobody_is_there(desk, product):
    """A SIM that is gone or never was: 200, or the provider would bring it again and again; the operator sees it."""
    provider = Provider(WhatsAppCloud(*desk))
    unknown = lambda: product.metrics("all").get(("mo_sims_callbacks_total", 'end="unknown_sim"'), 0)
    before = unknown()
    body = whatsapp_message(provider.sim, "Niemand")
    for path in ("/callbacks/whatsapp_cloud/sim_0000000000001", f"/callbacks/telegram/{provider.sim.id}",
                 "/callbacks/whatsapp_cloud/x"):
        assert provider.signed(body, path=path).status == 200, path
    assert unknown() == before + 3
    for path in ("/callbacks", "/callbacks/whatsapp_cloud", f"{provider.path}/more", "/callbacks/whats-app/x"):
        assert provider.signed(body, path=path).problem()["reason"] == "NO_SUCH_PATH", path
    answer = provider.client.ask("PUT", provider.path, body)
    assert answer.problem()["reason"] == "METHOD_NOT_ALLOWED" and answer.headers["Allow"] == "GET, POST"
