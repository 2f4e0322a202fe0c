"""Approved words: outside of WhatsApp's 24 hours they are all that may be sent."""

import pytest

from harness.newsroom import text, wait_for_ledger
from harness.providers import WhatsAppCloud
from harness.rest import Problem
from harness.wait import wait_for, wait_until_equal

CATALOGUE = [{"name": "sale", "language": "de", "parameters": 1}, {"name": "promo", "language": "de", "status": "REJECTED"}]


def template(name, *values):
    return {"message_template": {"name": name, "language": "de", "body_parameters": list(values)}}


@pytest.fixture
def closed(product, simulator):
    """A WhatsApp SIM, and a contact that has not written for two days: here, and at the provider."""
    api = product.create_account("Templates")
    sim = WhatsAppCloud(api, simulator, settings={"business_account_id": "77001"},
                        double={"business_id": "77001", "templates": CATALOGUE})
    phone = sim.phone("Änne")
    phone.write(sim.address, "Hello")
    wait_until_equal(lambda: len(phone.texts), 1, "the welcome")
    wait_for(lambda: len(api.get(f"/v1/sims/{sim.id}/templates")["templates"]) == 2, "the catalogue")
    sim.control("window", phone=phone.address, hours_ago=48)
    product.database.query("UPDATE sims.reply_windows SET open_until = now() - interval '1 day'")
    contact = api.get("/v1/contacts")["contacts"][0]["id"]
    return api, sim, phone, contact


def send(api, contact, content):
    return api.post("/v1/broadcasts", {"content": content, "audience": {"contacts": [contact]}})["id"]


def test_outside_of_the_window_only_approved_words_leave(closed):
    api, sim, phone, contact = closed
    wait_for_ledger(api, send(api, contact, text("News")), "the window is closed", skipped=1)
    message = api.post("/v1/messages", {"contact_id": contact, "content": text("An answer")})["id"]
    wait_until_equal(lambda: api.get(f"/v1/messages/{message}")["reason"], "DELIVERY_REASON_WINDOW_CLOSED", "the refusal")
    wait_for_ledger(api, send(api, contact, template("sale", "Liebe {{name|du}}")), "the template is read", read=1)
    assert phone.texts[1:] == ["sale de: Liebe Änne"]
    phone.assert_no_duplicates()
    assert sim.counts()["refused"] == 0, "the provider never has to refuse"


def test_what_is_not_approved_does_not_leave(closed):
    api, sim, phone, contact = closed
    refused = send(api, contact, template("promo"))
    wait_for_ledger(api, refused, "not approved", skipped=1)
    reasons = api.get(f"/v1/broadcasts/{refused}/ledger")["counts"]["reasons"]
    assert [one["reason"] for one in reasons] == ["DELIVERY_REASON_TEMPLATE_NOT_APPROVED"]
    assert api.post(f"/v1/sims/{sim.id}/templates:sync", {})["templates"] == 2
    # The network changes its mind, and says so.
    sim.control("template", name="promo", language="de", status="APPROVED")
    wait_until_equal(lambda: {one["name"]: one["status"] for one in api.get(f"/v1/sims/{sim.id}/templates")["templates"]}["promo"],
                     "TEMPLATE_STATUS_APPROVED", "the approval")
    wait_for_ledger(api, send(api, contact, template("promo")), "the template is read", read=1)
    assert phone.texts[1:] == ["promo de:"]


def test_bad_templates_are_refused_with_the_field(closed):
    api, _, _, contact = closed
    with pytest.raises(Problem) as refused:
        send(api, contact, template("sale", "{{nmae}}"))
    assert refused.value.fields == ["content.message_template.body_parameters[0]"]
