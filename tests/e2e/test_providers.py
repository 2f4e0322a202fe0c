"""A SIM at a provider, from its credentials to read receipts: edge's callbacks, the driver, and the provider's double."""

import pytest

from harness import newsroom
from harness.newsroom import contact_state, text, wait_for_ledger
from harness.wait import wait_for, wait_until_equal

SIM = "+4930900"
CREDENTIALS = {"access_token": "token-1", "app_secret": "app-secret", "verify_token": "verify-me"}


def add_whatsapp(api, simulator):
    """A SIM of the WhatsApp Cloud API before the simulator's phones; its id."""
    sim = api.post("/v1/sims", {"network": "NETWORK_WHATSAPP", "address": SIM, "capacity": 10, "driver": {"whatsapp_cloud": {
        "base_url": f"{simulator.origin}/whatsapp", "phone_number_id": "1065", **CREDENTIALS}}})
    shown = sim["driver"]["whatsapp_cloud"]
    assert not any(shown.get(secret) for secret in CREDENTIALS), "credentials are never shown"
    simulator.post("/doubles", {
        "driver": "whatsapp_cloud", "address": SIM, "token": CREDENTIALS["access_token"], "sender_id": "1065",
        "app_secret": CREDENTIALS["app_secret"], "verify_token": CREDENTIALS["verify_token"],
        "callback_url": sim["driver"]["callback_url"], "limits": {"pair_interval_ms": 0}})
    wait_for(lambda: api.get(f"/v1/sims/{sim['id']}")["online"], "the SIM to be driven")
    return sim["id"]


@pytest.mark.parametrize("mode", ["all", "separate"])
def test_whatsapp_cloud_from_the_first_word_to_the_last(deploy, simulator, mode):
    deployment = deploy(mode)
    api = deployment.create_account("Cloud")
    add_whatsapp(api, simulator)
    channel = newsroom.create_channel(api)
    phone = simulator.phone("+491709000001", "Änne")

    phone.write(SIM, "Hello")
    wait_until_equal(lambda: len(phone.texts), 1, "the welcome")
    phone.write(SIM, "News")
    wait_until_equal(lambda: len(phone.texts), 2, "the subscription")
    contact = api.get(f"/v1/channels/{channel}/subscriptions")["subscriptions"][0]["contact_id"]

    sent = api.post("/v1/broadcasts", {"content": text("Grüß Gott {{name|du}} 🎉"), "audience": {"channels": [channel]}})["id"]
    wait_until_equal(lambda: phone.texts[2:], ["Grüß Gott Änne 🎉"], "the broadcast")
    wait_for_ledger(api, sent, "read", read=1)

    phone.write(SIM, "STOP")
    wait_until_equal(lambda: contact_state(api, contact), "STOPPED", "the stop")
    wait_until_equal(lambda: len(phone.texts), 4, "the stop's confirmation")
    refused = api.post("/v1/broadcasts", {"content": text("Never"), "audience": {"contacts": [contact]}})["id"]
    wait_for_ledger(api, refused, "skipped", skipped=1)
    phone.assert_no_duplicates()
